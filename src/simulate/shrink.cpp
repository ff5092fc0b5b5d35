#include "simulate/shrink.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lazarillo::simulate {

World shrunk(World world, Property property, const Trial& trial, const Limits& limits) {
  const auto fails = [&](const World& w) {
    return play(w, trial, limits).judgement[property].failures > 0;
  };
  bool smaller = true;
  const auto attempt = [&](World w) {
    if (!fails(w)) return false;
    world = std::move(w);
    return smaller = true;
  };
  while (smaller) {
    smaller = false;
    // From the end, so that what was left out does not move the numbers of the rest.
    for (std::size_t i = world.actors.size(); i-- > 0;) {
      World w = world;
      w.actors.erase(w.actors.begin() + static_cast<std::ptrdiff_t>(i));
      attempt(std::move(w));
    }
    for (std::size_t i = world.troubles.size(); i-- > 0;) {
      World w = world;
      w.troubles.erase(w.troubles.begin() + static_cast<std::ptrdiff_t>(i));
      attempt(std::move(w));
    }
    for (std::size_t i = world.legs.size(); i-- > 1;) {
      World w = world;
      w.legs.erase(w.legs.begin() + static_cast<std::ptrdiff_t>(i));
      attempt(std::move(w));
    }
    for (Actor& actor : world.actors) {
      if (actor.moves.size() < 2) continue;
      const std::vector<Stretch> moves = actor.moves;
      actor.moves.resize(1);
      if (fails(world)) {
        smaller = true;
      } else {
        actor.moves = moves;
      }
    }
    for (const double part : {0.5, 0.75, 0.9}) {
      World w = world;
      w.seconds = std::round(10 * part * w.seconds) / 10;
      if (w.seconds >= 1 && w.seconds < world.seconds) attempt(std::move(w));
    }
  }
  return world;
}

}  // namespace lazarillo::simulate
