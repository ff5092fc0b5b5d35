#pragma once

#include "track/track.h"

namespace lazarillo {

/// Tracks at a moment between two others, for who looks back at it: what is followed at both ends
/// lies in between, linearly by stream time (box, bearing, distance and its sigma); the rest of
/// each track, and tracks that are at one end only, come from `predicted`, which is for that
/// moment. Moments outside the two give `predicted` as it is.
[[nodiscard]] Tracks interpolate(const Tracks& before, const Tracks& after, Tracks predicted);

}  // namespace lazarillo
