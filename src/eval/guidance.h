#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eval/hazards.h"
#include "eval/told.h"

namespace lazarillo {

/// hit: told in time; late: after that, but before its end; missed: not at all.
enum class Telling { hit, late, missed };
[[nodiscard]] const char* to_string(Telling telling);

/// What became of a hazard.
struct HazardOutcome {
  Hazard hazard;
  Telling telling = Telling::missed;
  std::optional<ToldCue> cue;  ///< the first about it
};

/// What a run told of a sequence.
struct SequenceOutcome {
  std::string name;
  double seconds = 0;
  double quiet_s = 0;  ///< of these nothing is in the way
  std::size_t cues = 0;
  std::size_t words = 0;  ///< of their sentences
  std::vector<HazardOutcome> hazards;
  /// Critical cues and warnings where nothing is in the way. Those about the system are none.
  std::vector<ToldCue> false_cues;
  /// Critical cues and warnings, anywhere, of a kind that there never is.
  std::vector<ToldCue> impossible_cues;
  bool knows_never = false;  ///< somebody said which kinds these are
};

/// Whether the cue can be about the hazard: its kind, label and side (docs/evaluation.md has the
/// rules), and its time.
[[nodiscard]] bool is_about(const ToldCue& cue, const Hazard& hazard);

/// A cue tells one hazard at most: the one that another cue about the same track told; else of
/// those not told yet one that it names, then one on its own side, then the one that is due first.
/// Throws Error(source) when a hazard lies beyond what was looked at.
[[nodiscard]] SequenceOutcome match(const AnnotatedSequence& sequence, const Told& told);

struct TellingCount {
  std::size_t hit = 0, late = 0, missed = 0;
};

struct GuidanceScore {
  TellingCount all;
  std::map<std::string, TellingCount> kinds;  ///< by the hazards' kind
  std::size_t false_cues = 0;
  double seconds = 0;
  double quiet_s = 0;
  std::optional<double> false_per_minute;  ///< of quiet_s; nullopt without
  std::size_t impossible_cues = 0;
  std::optional<double> impossible_per_minute;  ///< of the sequences where that is known
  double cues_per_minute = 0;
  double words_per_minute = 0;
  std::optional<double> lead_median_s;  ///< told before tell_by_s; late: negative
};

[[nodiscard]] GuidanceScore score(const std::vector<SequenceOutcome>& sequences);

}  // namespace lazarillo
