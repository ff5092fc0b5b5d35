#pragma once

#include <optional>
#include <random>

#include "path/ground.h"
#include "see/depth.h"
#include "source/intrinsics.h"

namespace lazarillo {

/// The floor in a measured depth map: down . p = height_m for its points p in the camera frame.
struct MeasuredFloor {
  Vector3 down{0, 1, 0};  ///< unit
  double height_m = 0;    ///< of the camera above it
  double share = 0;       ///< part of the known cells that lie on it
};

/// The direction of down, unit, out of a room's own surfaces: most of them are level or upright.
/// From straight down in the picture, the direction that level surfaces' normals are most along and
/// upright ones' most across, ten times over (Gupta, Arbelaez and Malik, CVPR 2013, section 3.1).
/// It needs a camera held within 45 degrees of level. (0, 1, 0) where no surface is known.
[[nodiscard]] Vector3 down_of_room(const MetricDepth& truth, const Intrinsics& camera);

/// Gravity as an IMU tells it that is off by so much about each of two axes (standard deviation).
[[nodiscard]] MeasuredGravity told_gravity(const Vector3& down, double error_deg,
                                           std::minstd_rand& random);

/// The floor: of all planes level to 12 degrees that 3 in 100 of the known cells or more lie on,
/// the lowest, where it lies 0.8 to 2.2 m below the camera and less than 5 in 100 of the cells lie
/// below it. nullopt where there is none. Planes are found by a random sample consensus in metres,
/// among cells whose own surface is level, one after the other, each with its cells taken out
/// before the next, and fitted by principal components. It shares no code with GroundFinder, which
/// is measured by it. `down`: where it is measured, else down_of_room(). Deterministic.
[[nodiscard]] std::optional<MeasuredFloor> find_floor(const MetricDepth& truth,
                                                      const Intrinsics& camera,
                                                      const std::optional<Vector3>& down);

}  // namespace lazarillo
