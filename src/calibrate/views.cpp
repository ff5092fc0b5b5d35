#include "calibrate/views.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <opencv2/calib3d.hpp>

namespace lazarillo {
namespace {

constexpr double kLeastSharpness = 0.12;
constexpr double kShift = 0.04;   ///< of the picture's diagonal
constexpr double kChange = 0.08;  ///< of the outline's own size
constexpr std::size_t kMostViews = 40;
constexpr int kCellsAcross = 16, kCellsDown = 12;

/// Where the board's outer corners would lie in the picture, were there no lens.
using Outline = std::array<cv::Point2d, 4>;

Outline outline_of(const BoardView& view, const Board& board) {
  std::vector<cv::Point2d> places, pixels;
  for (const SeenCorner& corner : view.corners) {
    places.emplace_back(board.corner_x_mm(corner.id), board.corner_y_mm(corner.id));
    pixels.emplace_back(corner.x_px, corner.y_px);
  }
  const cv::Mat map = cv::findHomography(places, pixels);
  if (map.empty()) return {};
  const double width = board.options().columns * board.options().square_mm;
  const double height = board.options().rows * board.options().square_mm;
  const std::vector<cv::Point2d> corners{{0, 0}, {width, 0}, {width, height}, {0, height}};
  std::vector<cv::Point2d> seen;
  cv::perspectiveTransform(corners, seen, map);
  return {seen[0], seen[1], seen[2], seen[3]};
}

cv::Point2d middle_of(const Outline& o) { return (o[0] + o[1] + o[2] + o[3]) / 4; }

/// Whether one lies where the other does, as large and tilted the same way.
bool alike(const Outline& a, const Outline& b, double diagonal) {
  const cv::Point2d shift = middle_of(b) - middle_of(a);
  if (cv::norm(shift) > kShift * diagonal) return false;
  double differ = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differ += cv::norm(b[i] - a[i] - shift);
    size += cv::norm(a[i] - middle_of(a));
  }
  return differ < kChange * size;
}

}  // namespace

ChosenViews choose_views(std::vector<BoardView> views, const Board& board, int width, int height) {
  const double diagonal = std::hypot(width, height);
  std::stable_sort(views.begin(), views.end(), [](const BoardView& a, const BoardView& b) {
    return a.sharpness > b.sharpness;
  });
  ChosenViews chosen;
  std::vector<Outline> outlines;
  for (BoardView& view : views) {
    if (view.sharpness < kLeastSharpness) {
      ++chosen.blurred;
      continue;
    }
    const Outline outline = outline_of(view, board);
    const bool known = std::any_of(outlines.begin(), outlines.end(), [&](const Outline& other) {
      return alike(outline, other, diagonal);
    });
    if (known || chosen.views.size() == kMostViews) {
      ++chosen.alike;
      continue;
    }
    outlines.push_back(outline);
    chosen.views.push_back(std::move(view));
  }
  return chosen;
}

double coverage(const std::vector<BoardView>& views, int width, int height) {
  std::bitset<std::size_t{kCellsAcross} * kCellsDown> cells;
  for (const BoardView& view : views) {
    for (const SeenCorner& corner : view.corners) {
      const int column = std::clamp(static_cast<int>((corner.x_px + 0.5) / width * kCellsAcross), 0,
                                    kCellsAcross - 1);
      const int row = std::clamp(static_cast<int>((corner.y_px + 0.5) / height * kCellsDown), 0,
                                 kCellsDown - 1);
      cells.set(static_cast<std::size_t>(row) * kCellsAcross + static_cast<std::size_t>(column));
    }
  }
  return static_cast<double>(cells.count()) / static_cast<double>(cells.size());
}

}  // namespace lazarillo
