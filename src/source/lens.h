#pragma once

#include <array>
#include <optional>

#include "source/intrinsics.h"

namespace lazarillo {

/// A place in a picture, pixels as Intrinsics count them: from the centre of the top left pixel.
struct PicturePoint {
  double x = 0, y = 0;
};

/// A fisheye lens: a ray at the angle t from the optical axis lands at the distance
///   t + k1 t^3 + k2 t^5 + k3 t^7 + k4 t^9
/// from the principal point, times fx across and fy down (Kannala and Brandt, A Generic Camera
/// Model and Calibration Method for Conventional, Wide-Angle, and Fish-Eye Lenses, IEEE TPAMI
/// 28(8), 2006, equation 6). Coefficients as OpenCV's module fisheye and Kalibr's "equidistant"
/// have them. Immutable, safe to share between threads.
class Lens {
 public:
  /// `camera`: fx and fy in pixels a radian, principal point, and the picture they hold for. Throws
  /// Error(usage) when a value is not finite, or no focal length or size.
  Lens(const Intrinsics& camera, const std::array<double, 4>& k);

  /// Where the ray through (x, y, z) of the camera frame (x right, y down, z forward) lies; it may
  /// be outside the picture. nullopt beyond widest_rad(), and for a ray without direction.
  [[nodiscard]] std::optional<PicturePoint> project(double x, double y, double z) const;

  /// The angle up to which the formula holds: farther out it would fold back into the picture. At
  /// most pi.
  [[nodiscard]] double widest_rad() const { return widest_rad_; }

  [[nodiscard]] const Intrinsics& camera() const { return camera_; }
  /// The same lens when its picture is resized.
  [[nodiscard]] Lens resized(int width, int height) const {
    return {camera_.resized(width, height), k_};
  }

 private:
  Intrinsics camera_;
  std::array<double, 4> k_;
  double widest_rad_;
};

}  // namespace lazarillo
