#pragma once

#include <optional>

#include "guide/cue.h"
#include "guide/guide.h"
#include "track/track.h"

namespace lazarillo {

/// How much one track matters to the walker at this moment.
struct Threat {
  Priority priority = Priority::info;
  bool closing = false;      ///< the distance shrinks
  bool approaching = false;  ///< it comes by itself; a thing never does
  double urgency = 0;  ///< orders threats of one priority: seconds until contact, smaller first
};

/// nullopt when the walker need not hear of it at all.
[[nodiscard]] std::optional<Threat> assess(const Track& track, const GuideOptions& options);

/// A thing never does.
[[nodiscard]] bool moves_by_itself(ObjectKind kind);

/// From how many times as far away a kind of object is worth a word.
[[nodiscard]] double interest_factor(ObjectKind kind);

/// Left, ahead or right.
[[nodiscard]] Side side_of(double bearing_deg, double ahead_deg);

/// 12 is ahead, 3 is right (30 degrees an hour).
[[nodiscard]] int clock_hour_of(double bearing_deg);

}  // namespace lazarillo
