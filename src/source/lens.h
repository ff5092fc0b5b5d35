#pragma once

#include <array>
#include <limits>
#include <optional>
#include <variant>

#include "source/intrinsics.h"

namespace lazarillo {

/// A place in a picture, pixels as Intrinsics count them: from the centre of the top left pixel.
struct PicturePoint {
  double x = 0, y = 0;
};

// How lenses bend. Each model places a ray (x, y, z) at (u, v), which fx, fy, cx and cy turn into a
// pixel: fx u + cx, fy v + cy. a = atan2(hypot(x, y), z) is the ray's angle from the optical axis.

/// Fisheye lenses: (u, v) lies in the direction of (x, y) at the distance
///   a + k[0] a^3 + k[1] a^5 + k[2] a^7 + k[3] a^9
/// from the middle (Kannala and Brandt, A Generic Camera Model and Calibration Method for
/// Conventional, Wide-Angle, and Fish-Eye Lenses, IEEE TPAMI 28(8), 2006, equation 6). Coefficients
/// as OpenCV's module fisheye, Kalibr's "equidistant" and projectaria's KannalaBrandtK3 have them.
struct KannalaBrandt {
  std::array<double, 4> k{};
};

/// Usual lenses, and a pinhole where all is 0. With X = x / z, Y = y / z, s = X^2 + Y^2 and
/// f = (1 + k1 s + k2 s^2 + k3 s^3) / (1 + k4 s + k5 s^2 + k6 s^3):
///   u = X f + 2 p1 X Y + p2 (s + 2 X^2)
///   v = Y f + p1 (s + 2 Y^2) + 2 p2 X Y
/// (Brown, Close-Range Camera Calibration, Photogrammetric Engineering 37(8), 1971; as OpenCV's
/// module calib3d has it, there with k4 to k6.) Kalibr's "radtan" are the first four.
struct BrownConrady {
  double k1 = 0, k2 = 0, p1 = 0, p2 = 0, k3 = 0, k4 = 0, k5 = 0, k6 = 0;  // OpenCV's order
  bool operator==(const BrownConrady&) const = default;
};

/// Project Aria's cameras: Fisheye624 of projectaria_tools (its documentation, "Camera Intrinsic
/// Models"). (m, n) lies in the direction of (x, y) at the distance a + k[0] a^3 + ... + k[5] a^13;
/// with q = m^2 + n^2
///   u = m + p[0] (q + 2 m^2) + 2 p[1] m n + s[0] q + s[1] q^2
///   v = n + p[1] (q + 2 n^2) + 2 p[0] m n + s[2] q + s[3] q^2
/// that is 6 radial, 2 tangential and 4 coefficients of a thin prism.
struct Fisheye624 {
  std::array<double, 6> k{};
  std::array<double, 2> p{};
  std::array<double, 4> s{};
};

using LensModel = std::variant<KannalaBrandt, BrownConrady, Fisheye624>;

/// How a camera is built in, and how much of its picture is a picture.
struct LensMounting {
  /// So many quarter turns clockwise turn its picture upright.
  int quarter_turns = 0;
  /// Farther from the principal point nothing is seen, pixels.
  double valid_radius_px = std::numeric_limits<double>::infinity();
};

/// Where in a camera's picture the rays of an upright camera without a lens, at the same place and
/// with the same axis, lie. Immutable, safe to share between threads.
class Lens {
 public:
  /// `camera`: focal lengths and principal point of the picture as the camera gives it (not yet
  /// turned), and its size. Throws Error(usage) when a value is not finite, or no focal length,
  /// size or radius.
  Lens(const Intrinsics& camera, const LensModel& model, const LensMounting& mounting = {});

  /// Where the ray through (x, y, z) of the upright camera's frame (x right, y down, z forward)
  /// lies in the camera's own picture; it may be outside of it. nullopt beyond widest_rad() and the
  /// valid radius, and for a ray without direction.
  [[nodiscard]] std::optional<PicturePoint> project(double x, double y, double z) const;

  /// The angle up to which the formula holds, in every direction: farther out it would fold back
  /// into the picture. At most pi, and 89.9 degrees for BrownConrady.
  [[nodiscard]] double widest_rad() const { return widest_rad_; }

  /// Of the picture as the camera gives it; its assumed is false.
  [[nodiscard]] const Intrinsics& camera() const { return camera_; }
  [[nodiscard]] const LensModel& model() const { return model_; }
  [[nodiscard]] const LensMounting& mounting() const { return mounting_; }
  /// Upright and a pinhole's picture to the edge: `camera` is all there is to know.
  [[nodiscard]] bool straight() const;
  /// Of the upright picture.
  [[nodiscard]] int upright_width() const;
  [[nodiscard]] int upright_height() const;

  /// The same lens when its picture is resized.
  [[nodiscard]] Lens resized(int width, int height) const;

 private:
  Intrinsics camera_;
  LensModel model_;
  LensMounting mounting_;
  double widest_rad_;
};

}  // namespace lazarillo
