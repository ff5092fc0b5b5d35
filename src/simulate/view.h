#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "see/detections.h"
#include "simulate/world.h"
#include "source/intrinsics.h"

namespace lazarillo::simulate {

/// Where the walker's camera is and looks. Pitch positive: down; roll positive: clockwise as seen
/// from behind.
struct Eye {
  Point at;
  double height_m = 1.55;
  double heading_deg = 0, pitch_deg = 10, roll_deg = 0;
};

/// What of an actor is in view, in cells.
struct ActorView {
  int visible = 0;  ///< cells that show it; of a pit those that show what is clearly lower
  int alone = 0;    ///< cells that would, were nothing before it
  int left = 1 << 20, right = -1, top = 1 << 20, bottom = -1;  ///< of the visible cells
  /// Of what is visible: the nearer 70 % of its cells' median, as the tracker reads a box's depth
  /// out of a map (track/range.h); 0: less than two cells are visible.
  double depth_m = 0;
  [[nodiscard]] double share() const {
    return alone == 0 ? 0 : static_cast<double>(visible) / alone;
  }
};

/// A picture of the truth, in coarse cells over the whole frame.
struct View {
  int width = 0, height = 0;
  std::vector<float> depth_m;  ///< along the optical axis; 0: nothing within 100 m
  std::vector<ActorView> actors;
};

/// A depth of ground under the level that counts as clearly lower, metres.
inline constexpr double kClearlyLower_m = 0.2;

/// Casts a ray through the middle of every cell. `cells` across; their number down follows from the
/// frame's shape. One thread at a time (it keeps its rays and its memory).
class Caster {
 public:
  Caster(const Intrinsics& camera, int cells);
  [[nodiscard]] const View& cast(const std::vector<Solid>& solids, std::size_t actors,
                                 const Eye& eye);

 private:
  Intrinsics camera_;
  View view_;
  std::vector<double> u_, v_;
  std::vector<double> ray_x_, ray_y_, ray_z_;  ///< of each cell, in the world
  std::vector<std::vector<float>> depths_;     ///< of each actor's visible cells
  std::vector<std::int16_t> hit_;              ///< index of the actor seen; -1: none
};

/// The box around these pieces of one actor in the frame, cut at its edges; nullopt: not in it.
[[nodiscard]] std::optional<Box> projected(const std::vector<Solid>& pieces, const Eye& eye,
                                           const Intrinsics& camera);

/// Depth of a point on the ground's level along the optical axis, metres.
[[nodiscard]] double depth_of(const Point& point, const Eye& eye);

/// Depth along the optical axis of the point of the pieces that is nearest to the eye, metres.
[[nodiscard]] double depth_of(const std::vector<Solid>& pieces, const Eye& eye);

}  // namespace lazarillo::simulate
