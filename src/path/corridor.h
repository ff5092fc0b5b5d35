#pragma once

#include <optional>

#include "path/ground.h"

namespace lazarillo {

/// The space a walker needs, straight ahead of the camera, over the ground.
struct CorridorOptions {
  double half_width_m = 0.45;  ///< shoulders 0.5 m wide and a margin of 0.2 m each side
  double head_from_m = 1.4;    ///< what hangs from here on up a cane does not find
  double height_m = 2.1;       ///< of the walker, arms and a margin included
  double reach_m = 5;          ///< looked at up to here, over the ground
  double nearest_m = 0.4;
  double least_height_m = 0.15;  ///< lower than this the cane finds it; a kerb is 0.10 to 0.15
  double knee_m = 0.4;           ///< what reaches no higher may be the ground, where depth errs
  double least_area_m2 = 0.02;   ///< seen of something, else it is noise: 10 x 20 cm
  double least_drop_m = 0.12;
  double side_reach_m = 1.6;  ///< a way round is looked for so far to either side
};

/// Something solid in the corridor.
struct Obstacle {
  double distance_m = 0;  ///< over the ground, from the camera
  double distance_sigma_m = 0;
  double bearing_deg = 0;        ///< of the part that is in the corridor
  double low_m = 0, high_m = 0;  ///< of what was seen of it, above the ground
};

/// Ground that goes down by a step or more, or ends.
struct Drop {
  double distance_m = 0;  ///< of the edge, over the ground
  double depth_m = 0;     ///< how far below what lies behind it is; at least
  bool stairs = false;    ///< it goes on down at the pitch of stairs
};

/// Stairs that lead up.
struct StairsUp {
  double distance_m = 0;  ///< of the first step
};

/// What the corridor holds, as one depth map shows it.
struct CorridorView {
  FrameStamp stamp;
  GroundPlane ground;
  /// The nearest that reaches from below head level to above the knee.
  std::optional<Obstacle> obstacle;
  /// Something before it that does not reach to the knee.
  std::optional<Obstacle> low;
  std::optional<Obstacle> head;  ///< the nearest at head level, nothing beneath it
  std::optional<Drop> drop;      ///< only where the ground is seen
  std::optional<StairsUp> stairs_up;
  /// The ground was seen free of anything up to here.
  double clear_m = 0;
  /// Where the corridor is blocked: the least step to the side, metres, after which it is free for
  /// a metre and a half beyond the obstacle. Negative: to the left.
  std::optional<double> way_round_m;

  /// What is met first of what stands on the ground.
  [[nodiscard]] const std::optional<Obstacle>& first() const { return low ? low : obstacle; }
};

/// Compares every cell of the map with the corridor, its depths times GroundPlane::map_scale.
/// Distances carry the map's own sigma. Without a ground in view (GroundPlane::seen) drops and
/// stairs are not told.
[[nodiscard]] CorridorView look_along(const MetricDepth& depth, const Intrinsics& camera,
                                      const GroundPlane& ground, const CorridorOptions& options);

}  // namespace lazarillo
