#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "source/frame.h"

namespace lazarillo {

enum class Priority { critical, warning, info };
enum class Side { left, ahead, right };

/// What a cue says. Each has a sentence in every language file.
enum class CueKind {
  object,        ///< something is there
  approaching,   ///< something is there and comes nearer
  vision_lost,   ///< the system does not see at present
  vision_back,   ///< it sees again
  too_dark,      ///< it does not see: there is no light
  view_blocked,  ///< it does not see: something is right before the lens
  too_bright,    ///< it does not see: white all over
  view_blurred,  ///< it sees large things only
  vision_slow,   ///< what it sees is old when it is told
  obstacle,      ///< something is in the corridor, whatever it is
  head_level,    ///< something hangs there at the height of the head
  drop,          ///< the ground goes down
  stairs_down,
  stairs_up,
  path_clear,  ///< what was in the corridor is gone
  // Answers to a command (guide/command.h).
  around,             ///< what is in view: Cue::parts; none: nothing is
  repeated,           ///< what was said last is said again
  nothing_to_repeat,  ///< nothing was said yet
  muted,
  unmuted,
  pace_critical_only,
  pace_calm,
  pace_normal,
  pace_dense,
};
inline constexpr int kCueKinds = static_cast<int>(CueKind::pace_dense) + 1;

/// Something the walker deserves to be told now. Pure data: no sentence, no sound.
struct Cue {
  CueKind kind = CueKind::object;
  Priority priority = Priority::info;
  FrameStamp stamp;        ///< the frame that led to it
  int track = 0;           ///< Track::id; 0 for cues about the system
  std::string label;       ///< canonical object name; empty for cues about the system
  bool maybe = false;      ///< it may be something else than `label`
  double bearing_deg = 0;  ///< 0 ahead, positive right
  Side side = Side::ahead;
  int clock_hour = 12;  ///< 12 is ahead, 3 is right
  std::optional<double> distance_m;
  double distance_sigma_m = 0;
  std::optional<double> ttc_s;
  std::optional<Side> way_round;  ///< obstacle: on this side there is room to pass it
  /// Tracks with the same label beside `track`, told with it in one sentence ("3 people ahead");
  /// the distance is that of the nearest, `track`.
  std::vector<int> others;
  std::vector<Cue> parts;  ///< of `around`, the most relevant first
};

inline constexpr double kWalkingSpeed =
    1.3;  ///< m/s, comfortable gait (Bohannon, Age and Ageing 26, 1997)

/// Something about the system itself.
[[nodiscard]] constexpr bool is_of_vision(CueKind kind) {
  return kind >= CueKind::vision_lost && kind <= CueKind::vision_slow;
}

/// It says that nothing is seen.
[[nodiscard]] constexpr bool is_vision_lost(CueKind kind) {
  return kind == CueKind::vision_lost || kind == CueKind::too_dark ||
         kind == CueKind::view_blocked || kind == CueKind::too_bright;
}

/// How many things it is about.
[[nodiscard]] inline int count_of(const Cue& cue) {
  return 1 + static_cast<int>(cue.others.size());
}

/// Something about the corridor, not about an object with a track.
[[nodiscard]] constexpr bool is_of_path(CueKind kind) {
  return kind >= CueKind::obstacle && kind <= CueKind::path_clear;
}

/// The answer to a command, not guidance.
[[nodiscard]] constexpr bool is_answer(CueKind kind) { return kind >= CueKind::around; }

/// What a cue is about: a track's id, below 0 a kind of hazard on the path, or all answers together
/// (a newer one takes the place of one that waits), 0 the system itself.
[[nodiscard]] inline int subject_of(const Cue& cue) {
  if (is_answer(cue.kind)) return -static_cast<int>(CueKind::around);
  return is_of_path(cue.kind) ? -static_cast<int>(cue.kind) : cue.track;
}

/// A distance known no better than this is no number to tell anybody, and no ground for alarm.
[[nodiscard]] constexpr bool is_vague(double distance_m, double sigma_m) {
  return sigma_m > 0.45 * distance_m;
}

[[nodiscard]] const char* to_string(Priority priority);
[[nodiscard]] const char* to_string(Side side);
[[nodiscard]] const char* to_string(CueKind kind);

}  // namespace lazarillo
