#pragma once

#include "simulate/properties.h"

namespace lazarillo::simulate::test {

inline Trial usual_trial() {
  return {ObjectCatalog::load(LZ_SOURCE_DIR "/data/objects.toml"),
          Phrasebook::load(LZ_SOURCE_DIR "/data/lang", "en")};
}

/// Eyes that do not err, and a head that does not move.
inline SensorOptions perfect() {
  SensorOptions o;
  for (const Key& key : keys_of(o)) {
    const bool errs = key.name.starts_with("miss_") || key.name.starts_with("never_") ||
                      key.name.starts_with("depth_") || key.name.starts_with("object_");
    if (errs && key.least == 0) *key.value = 0;
  }
  o.sway_deg = o.frame_loss = o.false_boxes = o.wrong_label = o.box_jitter = o.score_sigma = 0;
  o.depth_states = 0.1;
  return o;
}

inline Actor block(double x, double y, double width, double length, double height,
                   double bottom = 0) {
  Actor a;
  a.id = 1;
  a.at = {x, y};
  a.width = width;
  a.length = length;
  a.height = height;
  a.bottom = bottom;
  return a;
}

/// Straight on from 0, 0 at this speed, among these.
inline World walk_among(std::vector<Actor> actors, double speed_mps = 1, double seconds = 12) {
  World world;
  world.seconds = seconds;
  world.legs = {{0, 0, speed_mps}};
  world.actors = std::move(actors);
  for (std::size_t i = 0; i < world.actors.size(); ++i) {
    world.actors[i].id = static_cast<int>(i) + 1;
  }
  return world;
}

}  // namespace lazarillo::simulate::test
