#pragma once

#include <string>
#include <vector>

#include "guide/guide.h"
#include "path/corridor.h"
#include "path/ground.h"
#include "path/map_scale.h"
#include "simulate/sensor.h"
#include "simulate/world.h"
#include "speak/phrasebook.h"
#include "speak/speaker.h"
#include "track/object_catalog.h"
#include "track/tracker.h"

namespace lazarillo::simulate {

/// Faults put into the guide on purpose, so that tests can see the properties catch them.
struct Sabotage {
  double ttc_factor = 1;           ///< 0.5: time to contact is halved; 2: doubled
  bool priority_inverted = false;  ///< the queue takes critical for info and info for critical
};

/// Who is under test, and through which eyes it sees.
struct Trial {
  Trial(ObjectCatalog objects, Phrasebook sentences);

  ObjectCatalog catalog;
  Phrasebook phrases;
  SensorOptions sensor{};
  TrackerOptions tracking{};  ///< with the scores of models/lznet
  GroundOptions ground{};
  double worn_m = MapScale::kWorn_m;
  CorridorOptions corridor{};
  GuideOptions guiding{};
  int words_per_minute = SpeakerOptions{}.words_per_minute;  ///< speaking rate
  double grace_ms = SpeakerOptions{}.grace_ms;
  double expire_s = SpeakerOptions{}.expire_s;
  Sabotage sabotage{};
};

/// A cue and what became of it. Seconds of the world; below 0: it never came to that.
struct Said {
  Cue cue;
  std::string sentence;
  int words = 0;
  double decided_s = 0;  ///< its earcon begins
  double ready_s = 0;    ///< its earcon has ended, its sentence may begin
  double begun_s = -1;
  double ended_s = -1;
  double dropped_s = -1;  ///< replaced or expired before it began
  bool cut_off = false;
  Eye eye;         ///< where the walker stood and looked when it was decided
  int actor = -1;  ///< it truly is about: index into World::actors; -1: nothing there
  std::vector<int> other_actors;  ///< likewise, of Cue::others
};

/// Which actors the eyes could resolve.
struct InView {
  double at_s = 0;
  std::vector<bool> resolved;  ///< by index into World::actors
};

struct Record {
  double end_s = 0;
  std::vector<Said> said;
  std::vector<InView> in_view;  ///< as often as depth maps come
};

/// Walks through the world until `end_s`: eyes, tracker, ground, corridor and guide as they are,
/// and the queue that decides which sentence is said when; sentences are as long as their words
/// take. Deterministic. Thread-safe.
[[nodiscard]] Record run(const World& world, const Walk& walk, const Trial& trial, double end_s);

}  // namespace lazarillo::simulate
