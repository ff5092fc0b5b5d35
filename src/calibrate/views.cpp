#include "calibrate/views.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <opencv2/core.hpp>

namespace lazarillo {
namespace {

constexpr double kLeastSharpness = 0.12;
constexpr double kApart = 0.04;
constexpr std::size_t kMostViews = 60;
constexpr int kCellsAcross = 16, kCellsDown = 12;

/// Where the board's outer corners would lie in the picture, were it an affine map of the board.
using Outline = std::array<cv::Point2d, 4>;

Outline outline_of(const BoardView& view, const Board& board) {
  const int count = static_cast<int>(view.corners.size());
  cv::Mat places(count, 3, CV_64F), pixels(count, 2, CV_64F), map;
  for (int i = 0; i < count; ++i) {
    const SeenCorner& corner = view.corners[static_cast<std::size_t>(i)];
    places.at<double>(i, 0) = board.corner_x_mm(corner.id);
    places.at<double>(i, 1) = board.corner_y_mm(corner.id);
    places.at<double>(i, 2) = 1;
    pixels.at<double>(i, 0) = corner.x_px;
    pixels.at<double>(i, 1) = corner.y_px;
  }
  cv::solve(places, pixels, map, cv::DECOMP_SVD);
  const double width = board.options().columns * board.options().square_mm;
  const double height = board.options().rows * board.options().square_mm;
  Outline outline;
  for (std::size_t i = 0; i < 4; ++i) {
    const double x = i == 1 || i == 2 ? width : 0;
    const double y = i >= 2 ? height : 0;
    const auto at = [&](int j) {
      return x * map.at<double>(0, j) + y * map.at<double>(1, j) + map.at<double>(2, j);
    };
    outline[i] = {at(0), at(1)};
  }
  return outline;
}

double apart(const Outline& a, const Outline& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += cv::norm(a[i] - b[i]);
  return sum / a.size();
}

}  // namespace

ChosenViews choose_views(std::vector<BoardView> views, const Board& board, int width, int height) {
  const double least_apart = kApart * std::hypot(width, height);
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
    const bool alike = std::any_of(outlines.begin(), outlines.end(), [&](const Outline& other) {
      return apart(outline, other) < least_apart;
    });
    if (alike || chosen.views.size() == kMostViews) {
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
      cells.set(static_cast<std::size_t>(row * kCellsAcross + column));
    }
  }
  return static_cast<double>(cells.count()) / static_cast<double>(cells.size());
}

}  // namespace lazarillo
