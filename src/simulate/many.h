#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "simulate/properties.h"

namespace lazarillo::simulate {

/// A random world in which something failed.
struct Failure {
  std::uint64_t seed = 0;  ///< random_world(seed)
  Property property = Property::announced;
  std::string why;
};

struct Many {
  Tally tally;
  std::vector<Failure> failures;  ///< by seed
};

/// Plays random_world(first_seed), and the next, `worlds` of them, on so many threads; the result
/// is the same for any number. `progress` is called now and then, by one thread at a time, with how
/// many are done.
[[nodiscard]] Many play_many(int worlds, std::uint64_t first_seed, int threads, const Trial& trial,
                             const Limits& limits, const std::function<void(int)>& progress = {});

}  // namespace lazarillo::simulate
