#pragma once

#include <cstdint>

#include "simulate/world.h"

namespace lazarillo::simulate {

/// World number `seed`: a street, a crossing, a corridor, a room or an open place. In half of them
/// something is put where the walker will be; in the rest nothing comes near. One in sixteen lasts
/// 75 seconds, the rest 12 to 20. The same seed gives the same world everywhere.
[[nodiscard]] World random_world(std::uint64_t seed);

}  // namespace lazarillo::simulate
