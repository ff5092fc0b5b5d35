#pragma once

#include <string>

#include "simulate/properties.h"
#include "simulate/world.h"

namespace lazarillo::simulate {

/// The walk from above, as SVG: what stands, what moved and where to, the walker's way with a mark
/// every second, each cue where it was decided, and the contact.
[[nodiscard]] std::string picture_of(const World& world, const Outcome& outcome);

}  // namespace lazarillo::simulate
