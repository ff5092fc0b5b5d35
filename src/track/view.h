#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "source/intrinsics.h"

namespace lazarillo {

/// Where something is from the camera, or where to look for it, over the ground: right of where the
/// camera looks, below it, ahead.
struct OverGround {
  double right = 0, below = 0, ahead = 0;

  [[nodiscard]] double distance() const { return std::hypot(right, ahead); }
  /// 0 ahead, positive right.
  [[nodiscard]] double bearing_rad() const { return std::atan2(right, ahead); }
  /// Tangent of the elevation.
  [[nodiscard]] double rise() const { return -below / std::max(distance(), 1e-6); }
};

/// The picture that tracks are counted in: a camera's flat one; or, where several cameras look
/// around at once, one that lies around the walker, upright on a cylinder of radius `fx`. There
///   x = cx + fx bearing,  y = cy - fy tan(elevation),
/// so that nothing is stretched however far to the side it is, and boxes that two cameras have of
/// one object lie on each other. What stands at a distance d over the ground and is h high covers
/// fy h / d rows, as in a flat picture at depth d: where the rules for flat pictures say depth, it
/// is distance across the cylinder here. A value.
struct View {
  Intrinsics camera;
  bool around = false;
  /// Where down is, unit, in the frame of the camera (x right, y down, z forward). Until hold()
  /// says so the camera is taken for level.
  std::array<double, 3> down{0, 1, 0};
  double down_sigma_rad = 0;  ///< standard deviation about any axis across it; level: not stated

  View() = default;
  /// A camera's own picture.
  View(const Intrinsics& flat) : camera(flat) {}  // NOLINT(google-explicit-constructor)

  /// All around, up to 75 degrees up and down. Its middle column is ahead.
  [[nodiscard]] static View cylinder(double px_per_rad) {
    constexpr double kSteepest = 3.732;  // tan 75 degrees
    View view;
    view.around = true;
    view.camera.fx = view.camera.fy = px_per_rad;
    view.camera.width = static_cast<int>(std::lround(2 * std::numbers::pi * px_per_rad));
    view.camera.height = static_cast<int>(std::lround(2 * kSteepest * px_per_rad));
    view.camera.cx = 0.5 * (view.camera.width - 1);
    view.camera.cy = 0.5 * (view.camera.height - 1);
    view.camera.assumed = false;
    return view;
  }

  /// It is known how the camera is held.
  void hold(const std::array<double, 3>& where_down_is, double sigma_deg) {
    down = where_down_is;
    down_sigma_rad = sigma_deg * std::numbers::pi / 180;
  }

  /// Horizontal angle of column `x` in the picture, degrees; 0 ahead, positive to the right.
  [[nodiscard]] double bearing_deg(double x) const {
    return around ? (x - camera.cx) / camera.fx * 180 / std::numbers::pi : camera.bearing_deg(x);
  }
  /// Vertical angle of row `y` in the picture, degrees; positive upwards.
  [[nodiscard]] double elevation_deg(double y) const { return camera.elevation_deg(y); }

  /// What shows at a place of the picture lies at depth * ray, in the frame of the camera.
  [[nodiscard]] std::array<double, 3> ray(double x, double y) const {
    const double right = (x - camera.cx) / camera.fx;
    const double below = (y - camera.cy) / camera.fy;
    if (!around) return {right, below, 1};
    return {std::sin(right), below, std::cos(right)};
  }
  /// How that ray changes from one column to the next, and from one row to the next.
  [[nodiscard]] std::array<double, 3> ray_by_column(double x) const {
    if (!around) return {1 / camera.fx, 0, 0};
    const double bearing = (x - camera.cx) / camera.fx;
    return {std::cos(bearing) / camera.fx, 0, -std::sin(bearing) / camera.fx};
  }
  [[nodiscard]] std::array<double, 3> ray_by_row() const { return {0, 1 / camera.fy, 0}; }

  /// A vector of the camera's frame over the ground; ahead is where the camera looks (path/, too).
  [[nodiscard]] OverGround over_ground(const std::array<double, 3>& v) const {
    const auto& n = down;
    const double flat = std::sqrt(std::max(1 - n[2] * n[2], 1e-6));
    const double below = n[0] * v[0] + n[1] * v[1] + n[2] * v[2];
    return {(n[1] * v[0] - n[0] * v[1]) / flat, below, (v[2] - n[2] * below) / flat};
  }
  [[nodiscard]] OverGround over_ground_at(double x, double y) const {
    return over_ground(ray(x, y));
  }
  /// Relative standard deviation of the distance of what lies there, by how well it is known how
  /// the camera is held: who leans takes what lies low for nearer or farther.
  [[nodiscard]] double lean(const OverGround& at) const {
    return std::abs(at.rise()) * down_sigma_rad;
  }
};

}  // namespace lazarillo
