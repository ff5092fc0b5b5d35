#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "guide/command.h"
#include "guide/cue.h"
#include "path/corridor.h"
#include "source/head_motion.h"
#include "track/track.h"

namespace lazarillo {

/// Every rule's number. docs/guidance.md says where each comes from.
struct GuideOptions {
  double ahead_deg = 12;                ///< |bearing| up to which something is "ahead"
  double corridor_half_width_m = 0.75;  ///< half the width a walker needs, margin included
  double critical_half_width_m = 0.5;   ///< half the width in which something will be touched

  double critical_ttc_s = 2.7;       ///< 2.5 s from when its sentence begins, after the earcon
  double critical_distance_m = 1.2;  ///< in the corridor, whatever its speed
  double warning_ttc_s = 5.0;        ///< vehicles: half as much again
  double warning_distance_m = 2.5;
  double info_distance_m = 5.0;  ///< times a factor per kind of object (threat.cpp)
  double approach_factor = 2.0;  ///< what comes nearer is told from so much farther

  double obstacle_critical_m = 0.9;  ///< as critical_distance_m, of what has no name: it stands
  double drop_critical_m = 1.8;      ///< as critical_distance_m, of an edge that goes down
  double drop_warning_m = 3.0;       ///< of stairs up, too
  double clear_s = 1.0;              ///< the corridor is free for so long before that is said

  double persistence_s = 0.4;  ///< a track speaks only after it was followed for so long
  double persistence_critical_s = 0.2;
  /// A warning of what is met sooner than this needs no more persistence, and no longer a gap, than
  /// what is critical.
  double soon_s = 5.0;
  /// Somebody who has stood for so long is told of what stands, too, in warnings at most.
  double standing_s = 1.0;

  double stale_s = 0.3;           ///< a track not detected for so long stays silent
  double stale_critical_s = 0.6;  ///< what is that near leaves the view before it is passed

  double repeat_critical_s = 1.5;  ///< a danger that closes in is told again
  double repeat_s = 6.0;           ///< anything else, only when it changed
  double nearer_factor = 0.6;      ///< "changed": distance fell below this part of what was told
  double gap_info_s = 4.0;         ///< between any cue and the next info
  double gap_warning_s = 1.5;   ///< between a critical cue or warning and the next about what does
                                ///< not close in, or warning
  double gap_critical_s = 0.3;  ///< between two critical cues

  /// Of any minute, all but critical cues (pace_presets()); 0: nothing but those. Counted by
  /// words_of(), not from sentences: what is told must not depend on the language.
  double words_per_minute = 60;

  bool groups = true;  ///< several alike near each other in one sentence, none of them critical
  double maybe_below = 0.6;  ///< less certain to be what it is called: "maybe"

  double vision_lost_s = 0.4;  ///< nothing seen for so long: say so; seen for so long: say so
  /// What is seen is so old on average, over a fifth of a second, when it is told: say so. 0:
  /// never.
  double vision_slow_s = 0.25;
};

/// Whether the system sees.
struct Vision {
  /// When a picture that shows anything was last seen, stream time. Longer ago than vision_lost_s:
  /// vision is lost.
  std::int64_t last_seen_ns = 0;
  PictureState picture = PictureState::clear;  ///< of the newest picture: why it is lost
  /// When the newest picture that was looked at was taken, stream time; unset: not known.
  std::optional<std::int64_t> looked_ns{};
  /// Known to be lost (a process died, the camera is gone): told at once, without that patience.
  bool broken = false;
};

/// What a walker has set by commands.
struct Manner {
  double words_per_minute = 0;  ///< GuideOptions::words_per_minute
  bool muted = false;           ///< nothing but what is critical, and whether the system sees
};

/// Decides who deserves a word now. Pure: tracks and their time in, cues out; no clock, no I/O, no
/// threads. Deterministic. Not thread-safe.
class Guide {
 public:
  explicit Guide(GuideOptions options);
  ~Guide();
  Guide(Guide&&) noexcept;

  /// Cues for the moment `tracks.stamp.stream_ns`, most urgent first: at most one about an
  /// object or the path, and one about the system itself. Calls must come in stream order.
  [[nodiscard]] std::vector<Cue> update(const Tracks& tracks, const Vision& vision);

  /// What a depth map shows of the corridor; update() decides by it. In stream order, too.
  void see_path(const CorridorView& view);

  /// What the walker does (Frame::head), from this moment of stream time on; update() decides by
  /// it. In stream order. Never called: not known.
  void walk(Gait gait, std::int64_t now_ns);

  /// False from "I cannot see" until "I can see again".
  [[nodiscard]] bool sees() const;
  /// Where there is room to walk at a moment of stream time, degrees to the right of ahead;
  /// nullopt: nowhere in view, or not known.
  [[nodiscard]] std::optional<double> way_deg(std::int64_t now_ns) const;

  /// Does what the walker asks, at the moment `tracks.stamp.stream_ns`, and gives the answer: that
  /// costs no words of the budget. `repeated` has no words here: only who speaks knows them. A
  /// chosen pace ends being muted. Asked what is around without seeing, it answers vision_lost.
  [[nodiscard]] Cue obey(Command command, const Tracks& tracks, const Vision& vision);

  [[nodiscard]] Manner manner() const;
  void set_manner(const Manner& manner);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
