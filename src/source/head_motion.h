#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace lazarillo {

enum class Gait : std::uint8_t { unknown, standing, walking };

/// How the head that wears a camera is held and goes when a picture was taken, by an IMU beside the
/// camera. Single precision: that is how it travels between processes (docs/ring.md).
struct HeadMotion {
  /// Where gravity points in the frame of the upright straight camera, the one of
  /// Frame::intrinsics. Pitch positive: the camera looks down; roll positive: it is turned
  /// clockwise as seen from behind it (as GroundPlane has them).
  float pitch_deg = 0;
  float roll_deg = 0;
  float deviation_deg = 180;  ///< standard deviation of that direction, about any axis across it
  Gait gait = Gait::unknown;
  float steps_per_min = 0;  ///< 0: not known, or it does not walk

  /// Unit; x right, y down, z forward.
  [[nodiscard]] std::array<double, 3> gravity() const {
    constexpr double kDegree = std::numbers::pi / 180;
    const double p = pitch_deg * kDegree;
    const double r = roll_deg * kDegree;
    return {std::sin(r) * std::cos(p), std::cos(r) * std::cos(p), std::sin(p)};
  }
};

}  // namespace lazarillo
