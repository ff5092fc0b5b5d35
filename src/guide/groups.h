#pragma once

#include <vector>

#include "guide/cue.h"
#include "guide/guide.h"
#include "guide/path_watch.h"
#include "guide/threat.h"
#include "track/track.h"

// Several things in one sentence. Pure, as Guide.

namespace lazarillo {

/// An answer to "what is around me" has no more words than this (words_of()), but for its first
/// part: five seconds of speech.
inline constexpr int kMostAroundWords = 15;

/// A cue about one track.
[[nodiscard]] Cue object_cue(const Track& track, const Threat& threat, const FrameStamp& stamp,
                             const GuideOptions& options);

/// Makes one wish of those about things of one name and urgency, on one side at about the same
/// distance; what is critical stays by itself. `wishes` are in order, and stay so.
void join_groups(std::vector<Wish>& wishes);

/// What is in view (CueKind::around): tracks, and `of_path`, what is known of the corridor. Each
/// part is a group; the most urgent first, then the nearest, where what moves counts as nearer.
[[nodiscard]] Cue around(const Tracks& tracks, const std::vector<Wish>& of_path,
                         const GuideOptions& options);

}  // namespace lazarillo
