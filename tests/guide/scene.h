#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "guide/cue.h"

namespace lazarillo::testing {

using Interval = std::pair<double, double>;  ///< seconds of the scene

/// A thing in the scene: a block that stands on the ground and moves straight. Metres, m/s; x to
/// the right of the walker, z ahead.
struct Actor {
  std::string label;
  double x = 0, z = 5, vx = 0, vz = 0;
  double bottom = 0, height = 1.7, width = 0.5;
  double from = 0, until = 1e9;  ///< seconds during which it exists
  std::vector<Interval> hidden;  ///< seconds during which the detector misses it
  double score = 0.8;
};

/// A cue that must (Expectation) or must not (Ban) come. Empty fields match anything.
struct CuePattern {
  std::string priority, label, side, kind;
  double from = 0, until = 1e9;
  std::optional<double> distance_m;  ///< within 25 %
  std::optional<int> clock;
  std::optional<bool> maybe;
  std::optional<int> count;  ///< how many it is about
  [[nodiscard]] bool matches(const Cue& cue) const;
};

struct Scenario {
  std::string title;
  double seconds = 6, fps = 15, hfov_deg = 70;
  bool calibrated = false;       ///< scores are probabilities
  bool depth = true;             ///< false: no depth map, only known heights tell distances
  std::vector<Interval> stands;  ///< seconds during which an IMU says that the walker stands
  std::vector<Actor> actors;
  std::vector<Interval> blind;  ///< seconds during which frames cannot be seen
  std::vector<CuePattern> expect, never;
  std::optional<std::size_t> at_most;  ///< cues in all
};

/// Reads a scenario file; the README beside the files explains the format.
Scenario load_scenario(const std::filesystem::path& file);

/// Shows the scene to a detector without faults but the stated ones (boxes jitter by 1 % of their
/// size, fixed seed), follows it with a Tracker and returns what the Guide says.
std::vector<Cue> play(const Scenario& scenario);

}  // namespace lazarillo::testing
