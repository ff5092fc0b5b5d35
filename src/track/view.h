#pragma once

#include <cmath>
#include <numbers>

#include "source/intrinsics.h"

namespace lazarillo {

/// The picture that tracks are counted in: a camera's flat one; or, where several cameras look
/// around at once, one that lies around the walker, upright on a cylinder of radius `fx`. There
///   x = cx + fx bearing,  y = cy - fy tan(elevation),
/// so that nothing is stretched however far to the side it is, and boxes that two cameras have of
/// one object lie on each other. What stands at a distance d over the ground and is h high covers
/// fy h / d rows, as in a flat picture at depth d: where the rules for flat pictures say depth, it
/// is distance over the ground here. A value.
struct View {
  Intrinsics camera;
  bool around = false;

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

  /// Horizontal angle of column `x`, degrees; 0 ahead, positive to the right.
  [[nodiscard]] double bearing_deg(double x) const {
    return around ? (x - camera.cx) / camera.fx * 180 / std::numbers::pi : camera.bearing_deg(x);
  }
  /// Vertical angle of row `y`, degrees; positive upwards.
  [[nodiscard]] double elevation_deg(double y) const { return camera.elevation_deg(y); }
};

}  // namespace lazarillo
