#pragma once

namespace lazarillo {

/// A pinhole camera. Pixels count from the centre of the top left pixel at (0, 0), x to the right,
/// y down. The camera frame is x right, y down, z forward (Hartley & Zisserman, Multiple View
/// Geometry, ch. 6). Immutable value, safe to copy between threads.
struct Intrinsics {
  double fx = 0;  ///< focal length, pixels
  double fy = 0;  ///< focal length, pixels
  double cx = 0;  ///< principal point, pixels
  double cy = 0;  ///< principal point, pixels
  int width = 0;  ///< picture the values hold for, pixels
  int height = 0;
  /// True when the field of view was assumed, not calibrated: distances that depend on it carry
  /// the doubt in their sigma.
  bool assumed = true;

  /// Square pixels, principal point in the middle. `hfov_deg` in (1, 179), sizes positive;
  /// otherwise throws Error(usage).
  static Intrinsics from_hfov(double hfov_deg, int width, int height, bool assumed = true);

  /// The same camera when its picture is resized to `new_width` x `new_height`.
  [[nodiscard]] Intrinsics resized(int new_width, int new_height) const;

  /// Horizontal angle of column `x`, degrees; 0 ahead, positive to the right.
  [[nodiscard]] double bearing_deg(double x) const;

  /// Vertical angle of row `y`, degrees; 0 along the optical axis, positive upwards.
  [[nodiscard]] double elevation_deg(double y) const;

  bool operator==(const Intrinsics&) const = default;
};

}  // namespace lazarillo
