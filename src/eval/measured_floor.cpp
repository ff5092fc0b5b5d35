#include "eval/measured_floor.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <opencv2/core.hpp>
#include <random>
#include <vector>

namespace lazarillo {
namespace {

constexpr double kNearest_m = 0.3, kFarthest_m = 10;
constexpr int kStep = 2;               ///< cells between those that are looked at
constexpr int kAround = 4;             ///< a normal is fitted to so many cells to each side
constexpr double kSameSurface = 0.06;  ///< of the depth: what differs by more is another surface
constexpr double kOnPlane_m = 0.04;
constexpr double kOnPlaneFar = 0.01;  ///< of the depth, added: sensors measure far things worse
constexpr double kLeastShare = 0.03;
constexpr double kMostBelow = 0.05;
constexpr double kLeastHeight_m = 0.8, kMostHeight_m = 2.2;
constexpr int kSamples = 300;

double cosine(double degrees) { return std::cos(degrees * std::numbers::pi / 180); }

/// A known cell.
struct Point {
  cv::Vec3d at;
  cv::Vec3d normal;  ///< unit, away from the camera; 0 where its surface is not known
};

struct Plane {
  cv::Vec3d down;
  double height_m;

  [[nodiscard]] double below(const Point& point) const { return down.dot(point.at) - height_m; }
  [[nodiscard]] bool holds(const Point& point) const {
    return std::abs(below(point)) < kOnPlane_m + kOnPlaneFar * point.at[2] &&
           point.normal.dot(down) > cosine(25);
  }
};

/// The plane through the middle of points, along which they spread least.
std::optional<Plane> plane_through(const std::vector<cv::Vec3d>& points) {
  if (points.size() < 6) return std::nullopt;
  cv::Vec3d middle(0, 0, 0);
  for (const cv::Vec3d& p : points) middle += p;
  middle *= 1.0 / static_cast<double>(points.size());
  cv::Matx33d spread = cv::Matx33d::zeros();
  for (const cv::Vec3d& p : points) spread += (p - middle) * (p - middle).t();
  cv::Vec3d values;
  cv::Matx33d vectors;  // rows, the largest value's first
  cv::eigen(spread, values, vectors);
  if (values[1] < 1e-9) return std::nullopt;  // in a line
  cv::Vec3d normal(vectors(2, 0), vectors(2, 1), vectors(2, 2));
  if (normal.dot(middle) < 0) normal = -normal;
  return Plane{normal, normal.dot(middle)};
}

class Cloud {
 public:
  Cloud(const MetricDepth& truth, const Intrinsics& camera)
      : grid_(truth.depth_m), camera_(camera) {
    for (int row = 0; row < grid_.height; row += kStep) {
      for (int column = 0; column < grid_.width; column += kStep) {
        const double depth = depth_at(column, row);
        if (depth > 0) points_.push_back({at(column, row, depth), normal_at(column, row, depth)});
      }
    }
  }
  [[nodiscard]] const std::vector<Point>& points() const { return points_; }

 private:
  /// 0: not known.
  [[nodiscard]] double depth_at(int column, int row) const {
    if (column < 0 || row < 0 || column >= grid_.width || row >= grid_.height) return 0;
    const float value =
        grid_.values[static_cast<std::size_t>(row) * static_cast<std::size_t>(grid_.width) +
                     static_cast<std::size_t>(column)];
    return value > kNearest_m && value < kFarthest_m ? value : 0;
  }
  [[nodiscard]] cv::Vec3d at(int column, int row, double depth) const {
    const double x = (column - grid_.offset_x) / grid_.scale;
    const double y = (row - grid_.offset_y) / grid_.scale;
    return {(x - camera_.cx) / camera_.fx * depth, (y - camera_.cy) / camera_.fy * depth, depth};
  }
  [[nodiscard]] cv::Vec3d normal_at(int column, int row, double depth) const {
    std::vector<cv::Vec3d> near;
    for (int y = row - kAround; y <= row + kAround; ++y) {
      for (int x = column - kAround; x <= column + kAround; ++x) {
        const double other = depth_at(x, y);
        if (other > 0 && std::abs(other - depth) < kSameSurface * depth) {
          near.push_back(at(x, y, other));
        }
      }
    }
    const std::optional<Plane> plane = plane_through(near);
    return plane ? plane->down : cv::Vec3d(0, 0, 0);
  }

  const DepthGrid& grid_;
  const Intrinsics& camera_;
  std::vector<Point> points_;
};

cv::Vec3d down_of(const std::vector<Point>& points) {
  cv::Vec3d down(0, 1, 0);
  for (const double angle : {45, 45, 45, 45, 45, 15, 15, 15, 15, 15}) {
    cv::Matx33d across = cv::Matx33d::zeros();
    std::size_t count = 0;
    for (const Point& point : points) {
      if (point.normal == cv::Vec3d(0, 0, 0)) continue;
      ++count;
      const double along = std::abs(point.normal.dot(down));
      const cv::Matx33d outer = point.normal * point.normal.t();
      if (along > cosine(angle)) across -= outer;
      if (along < cosine(90 - angle)) across += outer;
    }
    if (count == 0) break;
    cv::Vec3d values;
    cv::Matx33d vectors;
    cv::eigen(across, values, vectors);
    const cv::Vec3d least(vectors(2, 0), vectors(2, 1), vectors(2, 2));
    down = least[1] < 0 ? -least : least;
  }
  return down;
}

/// The plane, fitted again and again to what lies on it.
std::optional<Plane> settled(std::optional<Plane> plane, const std::vector<Point>& points) {
  for (int i = 0; i < 5 && plane; ++i) {
    std::vector<cv::Vec3d> on;
    for (const Point& point : points) {
      if (plane->holds(point)) on.push_back(point.at);
    }
    plane = plane_through(on);
  }
  return plane;
}

std::size_t count_on(const Plane& plane, const std::vector<Point>& points) {
  return static_cast<std::size_t>(std::count_if(
      points.begin(), points.end(), [&](const Point& point) { return plane.holds(point); }));
}

/// The level plane that most of the points lie on.
std::optional<Plane> largest_level(const std::vector<Point>& level, const cv::Vec3d& down,
                                   std::minstd_rand& random) {
  std::optional<Plane> best;
  std::size_t most = 0;
  for (int i = 0; i < kSamples; ++i) {
    const cv::Vec3d a = level[random() % level.size()].at;
    const cv::Vec3d b = level[random() % level.size()].at;
    const cv::Vec3d c = level[random() % level.size()].at;
    cv::Vec3d normal = (b - a).cross(c - a);
    const double length = cv::norm(normal);
    if (length < 1e-6) continue;
    normal *= (normal.dot(down) < 0 ? -1 : 1) / length;
    if (normal.dot(down) < cosine(12)) continue;
    const Plane plane{normal, normal.dot(a)};
    const std::size_t on = count_on(plane, level);
    if (on > most) {
      most = on;
      best = plane;
    }
  }
  best = settled(best, level);
  if (best && best->down.dot(down) < cosine(12)) return std::nullopt;
  return best;
}

}  // namespace

Vector3 down_of_room(const MetricDepth& truth, const Intrinsics& camera) {
  const cv::Vec3d down = down_of(Cloud(truth, camera).points());
  return {down[0], down[1], down[2]};
}

MeasuredGravity told_gravity(const Vector3& down, double error_deg, std::minstd_rand& random) {
  constexpr double kDegree = std::numbers::pi / 180;
  std::normal_distribution<double> error(0, error_deg * kDegree);
  const double pitch = std::atan2(down[2], std::hypot(down[0], down[1])) + error(random);
  const double roll = std::atan2(down[0], down[1]) + error(random);
  return {{std::sin(roll) * std::cos(pitch), std::cos(roll) * std::cos(pitch), std::sin(pitch)},
          error_deg};
}

std::optional<MeasuredFloor> find_floor(const MetricDepth& truth, const Intrinsics& camera,
                                        const std::optional<Vector3>& measured_down) {
  const Cloud cloud(truth, camera);
  const std::vector<Point>& points = cloud.points();
  const auto known = static_cast<double>(points.size());
  const cv::Vec3d down =
      measured_down ? cv::Vec3d((*measured_down)[0], (*measured_down)[1], (*measured_down)[2])
                    : down_of(points);
  std::vector<Point> level;
  for (const Point& point : points) {
    if (point.normal.dot(down) > cosine(25) && point.at.dot(down) > 0) level.push_back(point);
  }
  std::minstd_rand random(1);
  std::optional<Plane> lowest;
  while (static_cast<double>(level.size()) > std::max(kLeastShare * known, 6.0)) {
    const std::optional<Plane> plane = largest_level(level, down, random);
    if (!plane || static_cast<double>(count_on(*plane, level)) < kLeastShare * known) break;
    if (!lowest || plane->height_m > lowest->height_m) lowest = plane;
    std::erase_if(level, [&](const Point& point) { return plane->holds(point); });
  }
  if (!lowest || lowest->height_m < kLeastHeight_m || lowest->height_m > kMostHeight_m) {
    return std::nullopt;
  }
  const auto under = std::count_if(points.begin(), points.end(), [&](const Point& point) {
    return lowest->below(point) > 0.1 + 0.03 * point.at[2];
  });
  if (static_cast<double>(under) > kMostBelow * known) return std::nullopt;
  return MeasuredFloor{{lowest->down[0], lowest->down[1], lowest->down[2]},
                       lowest->height_m,
                       static_cast<double>(count_on(*lowest, points)) / known};
}

}  // namespace lazarillo
