#pragma once

#include <optional>
#include <span>

#include "guide/cue.h"

namespace lazarillo {

/// The short sound of a priority: mono, kSampleRate, -1..1. Pitch and repetition rise with urgency:
/// info one soft tone of 440 Hz, warning two of 700 Hz, critical three fast ones of 1000 Hz. Each
/// tone has harmonics and begins with a breath of noise, because the ear places broad sounds far
/// better than pure ones (Blauert, Spatial Hearing, 1997). Made once; thread-safe.
[[nodiscard]] std::span<const float> earcon(Priority priority);

/// The sound of a cue: that of its priority, but for what must be told apart before a word is
/// heard. At head height two tones that rise (up is high: Pratt, J. Exp. Psych. 13, 1930); a drop
/// and stairs down three that fall; a clear path one soft high tone; an answer to
/// a command one soft low tone, shorter than all others.
[[nodiscard]] std::span<const float> earcon(const Cue& cue);

/// "I see, and there is nothing to tell": the shortest and softest of all.
[[nodiscard]] std::span<const float> heartbeat();

/// Half a second of the sound that comes from where the way is free, to be played again and again:
/// one low, soft tone, and silence to hear the street in.
[[nodiscard]] std::span<const float> way_tone();

/// Gain of a sound by the distance of what it stands for: 1 up to 2 m, then 3 dB less each time the
/// distance doubles, never under -10 dB; what has no distance sounds like 5 m.
[[nodiscard]] double gain_by_distance(const std::optional<double>& distance_m);

}  // namespace lazarillo
