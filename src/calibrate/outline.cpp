#include "calibrate/outline.h"

#include <opencv2/calib3d.hpp>
#include <vector>

namespace lazarillo {
namespace {

constexpr double kShift = 0.04;   ///< of the picture's diagonal
constexpr double kChange = 0.08;  ///< of the outline's own size

cv::Point2d middle_of(const Outline& o) { return (o[0] + o[1] + o[2] + o[3]) / 4; }

}  // namespace

std::optional<cv::Matx33d> map_of(const BoardView& view, const Board& board) {
  std::vector<cv::Point2d> places, pixels;
  for (const SeenCorner& corner : view.corners) {
    places.emplace_back(board.corner_x_mm(corner.id), board.corner_y_mm(corner.id));
    pixels.emplace_back(corner.x_px, corner.y_px);
  }
  const cv::Mat map = cv::findHomography(places, pixels);
  if (map.empty()) return std::nullopt;
  return cv::Matx33d(map);
}

Outline outline_of(const BoardView& view, const Board& board) {
  const std::optional<cv::Matx33d> map = map_of(view, board);
  if (!map) return {};
  const double width = board.options().columns * board.options().square_mm;
  const double height = board.options().rows * board.options().square_mm;
  const std::vector<cv::Point2d> corners{{0, 0}, {width, 0}, {width, height}, {0, height}};
  std::vector<cv::Point2d> seen;
  cv::perspectiveTransform(corners, seen, *map);
  return {seen[0], seen[1], seen[2], seen[3]};
}

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

}  // namespace lazarillo
