#include "calibrate/view_collector.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "calibrate/outline.h"

namespace lazarillo {
namespace {

/// Of the picture's diagonal, a second. A shutter that takes 1/30 s from the top to the bottom then
/// bends the board by a pixel of 1,000.
constexpr double kStill = 0.03;
constexpr std::int64_t kLongAgo_ns = 1'500'000'000;
/// A third of the cells: a board that must be seen whole has its corners away from the edges.
constexpr double kSeen = 1.0 / 3;
constexpr double kTiltDeg = 20;
constexpr int kTilts = 2;  ///< views with each side nearer

/// A board's map into the picture, pixels from its middle in widths of the picture.
using Map = cv::Matx33d;

/// Focal length, in widths of the picture, of the pinhole that shows squares of right angles and
/// equal sides in all views (Zhang 2000, equations 3 and 4, with the principal point in the middle:
/// least squares of 1 / f²). As long as no tilt tells, that of 69 degrees across.
double focal_of(const std::vector<Map>& maps) {
  constexpr double kUsual = 0.7275;  // 1 / (2 tan(69 / 2 degrees))
  constexpr double kWeight = 0.02;   // of a view tilted by 20 degrees
  double weights = kWeight;
  double sum = kWeight / (kUsual * kUsual);
  for (const Map& m : maps) {
    const double scale =
        (m(0, 0) * m(0, 0) + m(1, 0) * m(1, 0) + m(0, 1) * m(0, 1) + m(1, 1) * m(1, 1)) / 2;
    const auto add = [&](double in_picture, double in_depth) {
      weights += in_picture * in_picture / (scale * scale);
      sum -= in_picture * in_depth / (scale * scale);
    };
    add(m(0, 0) * m(0, 1) + m(1, 0) * m(1, 1), m(2, 0) * m(2, 1));
    add(m(0, 0) * m(0, 0) + m(1, 0) * m(1, 0) - m(0, 1) * m(0, 1) - m(1, 1) * m(1, 1),
        m(2, 0) * m(2, 0) - m(2, 1) * m(2, 1));
  }
  constexpr double kShortest = 0.2, kLongest = 4;
  const double inverse = sum / weights;
  if (inverse <= 1 / (kLongest * kLongest)) return kLongest;
  return std::max(kShortest, 1 / std::sqrt(inverse));
}

}  // namespace

ViewCollector::ViewCollector(const Board& board, int width, int height)
    : board_(board), width_(width), height_(height), choice_(board, width, height) {}

bool ViewCollector::is_still(const BoardView& view, std::int64_t stream_ns) const {
  if (!before_ || stream_ns <= before_ns_ || stream_ns - before_ns_ > kLongAgo_ns) return false;
  double moved_px = 0;
  int corners = 0;
  for (const SeenCorner& corner : view.corners) {
    for (const SeenCorner& other : before_->corners) {
      if (other.id != corner.id) continue;
      moved_px += std::hypot(corner.x_px - other.x_px, corner.y_px - other.y_px);
      ++corners;
    }
  }
  const double seconds = static_cast<double>(stream_ns - before_ns_) / 1e9;
  return corners > 0 && moved_px / corners <= kStill * seconds * std::hypot(width_, height_);
}

ViewCollector::Look ViewCollector::offer(std::optional<BoardView> view, std::int64_t stream_ns) {
  const bool still = view && is_still(*view, stream_ns);
  before_ = view;
  before_ns_ = stream_ns;
  if (!view) return Look::absent;
  if (!still) return Look::moving;
  switch (choice_.offer(std::move(*view))) {
    case ViewChoice::Verdict::blurred:
      return Look::blurred;
    case ViewChoice::Verdict::alike:
      return Look::alike;
    case ViewChoice::Verdict::chosen:
      break;
  }
  cells_ |= cells_of(chosen().views.back(), width_, height_);
  note_tilts();
  return Look::kept;
}

/// Of all views anew: each tells of the focal length, on which all tilts depend.
void ViewCollector::note_tilts() {
  const double width = width_;
  const cv::Matx33d from_middle{1 / width, 0,         (1 - width) / (2 * width),
                                0,         1 / width, (1.0 - height_) / (2 * width),
                                0,         0,         1};
  std::vector<Map> maps;
  for (const BoardView& view : chosen().views) {
    if (const auto map = map_of(view, board_)) maps.push_back(from_middle * *map);
  }
  const double f = focal_of(maps);
  nearer_ = {};
  for (const Map& m : maps) {
    const cv::Vec3d x(m(0, 0) / f, m(1, 0) / f, m(2, 0));
    const cv::Vec3d y(m(0, 1) / f, m(1, 1) / f, m(2, 1));
    cv::Vec3d normal = x.cross(y);
    if (normal[2] < 0) normal *= -1;
    // Along the picture's x the board's plane goes away from the camera by -nx / nz.
    const double away_x = std::atan2(-normal[0], normal[2]) * 180 / std::numbers::pi;
    const double away_y = std::atan2(-normal[1], normal[2]) * 180 / std::numbers::pi;
    if (away_x > kTiltDeg) ++nearer_[left];
    if (away_x < -kTiltDeg) ++nearer_[right];
    if (away_y > kTiltDeg) ++nearer_[top];
    if (away_y < -kTiltDeg) ++nearer_[bottom];
  }
}

double ViewCollector::seen(std::size_t region) const {
  int all = 0;
  int some = 0;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const std::size_t column = i % kCellsAcross * 3 / kCellsAcross;
    const std::size_t row = i / kCellsAcross * 3 / kCellsDown;
    if (3 * row + column != region) continue;
    ++all;
    some += cells_[i] ? 1 : 0;
  }
  return static_cast<double>(some) / all;
}

bool ViewCollector::enough() const {
  const std::size_t views = chosen().views.size();
  if (views >= ViewChoice::kMost) return true;
  if (views < kWanted) return false;
  for (std::size_t region = 0; region < kRegions; ++region) {
    if (seen(region) < kSeen) return false;
  }
  return std::all_of(nearer_.begin(), nearer_.end(), [](int n) { return n >= kTilts; });
}

std::string ViewCollector::advice() const {
  constexpr std::array kPlaces{"nearer to the top left corner",
                               "nearer to the top edge",
                               "nearer to the top right corner",
                               "nearer to the left edge",
                               "in the middle",
                               "nearer to the right edge",
                               "nearer to the bottom left corner",
                               "nearer to the bottom edge",
                               "nearer to the bottom right corner"};
  static_assert(kPlaces.size() == kRegions);
  std::size_t least = 0;
  for (std::size_t region = 1; region < kRegions; ++region) {
    if (seen(region) < seen(least)) least = region;
  }
  if (seen(least) < kSeen) return std::string("hold it ") + kPlaces.at(least);
  constexpr std::array kNames{"left side", "right side", "top", "bottom"};
  static_assert(kNames.size() == kSides);
  for (std::size_t side = 0; side < kSides; ++side) {
    if (nearer_.at(side) < kTilts) {
      return std::string("tilt it by 30 degrees and more, its ") + kNames.at(side) +
             " nearer to the camera";
    }
  }
  return "hold it elsewhere, nearer, farther or tilted otherwise";
}

}  // namespace lazarillo
