#pragma once

#include <optional>
#include <vector>

#include "simulate/view.h"
#include "simulate/world.h"

namespace lazarillo::simulate {

/// The walker's body is an upright cylinder of this size, as wide as shoulders are.
inline constexpr double kBodyRadius_m = 0.25, kBodyHeight_m = 1.75;
/// What is lower is found by the cane, a kerb first of all; likewise ground that is so much lower.
inline constexpr double kCaneHeight_m = 0.15, kCaneDepth_m = 0.12;

/// The walker touches something, or steps over an edge.
struct Contact {
  std::size_t actor = 0;  ///< index into World::actors
  double at_s = 0;
};

/// The first of a walk; nullopt: none.
[[nodiscard]] std::optional<Contact> first_contact(const World& world, const Walk& walk);

/// When walker and actor, as they are at `t_s`, both went straight on from there: seconds until the
/// actor is nearer than `radius_m` to the middle of the body; nullopt: not within `horizon_s`.
[[nodiscard]] std::optional<double> meets(const World& world, std::size_t actor, const Pose& walker,
                                          double t_s, double radius_m, double horizon_s);

/// Whether nothing comes near the walker until `until_s`: at no moment is anything within a metre
/// of the way straight ahead of the next four seconds, and of the walk.
[[nodiscard]] bool without_hazards(const World& world, const Walk& walk, double until_s);

/// Whether enough of it is in view for the eyes to resolve it: six cells of the depth map, or,
/// where a detector has a name for it, two cells and half of what would be seen were nothing before
/// it.
[[nodiscard]] bool resolved(const Actor& actor, const ActorView& view);

}  // namespace lazarillo::simulate
