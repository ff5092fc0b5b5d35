#pragma once

#include "simulate/properties.h"
#include "simulate/world.h"

namespace lazarillo::simulate {

/// A smaller world in which the same property still fails: actors, troubles, turns and seconds are
/// taken away as long as it does (delta debugging: Zeller and Hildebrandt, IEEE TSE 28(2), 2002;
/// here one by one, worlds being small). `world` must fail it.
[[nodiscard]] World shrunk(World world, Property property, const Trial& trial,
                           const Limits& limits);

}  // namespace lazarillo::simulate
