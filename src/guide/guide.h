#pragma once

#include <memory>
#include <vector>

#include "guide/cue.h"
#include "track/track.h"

namespace lazarillo {

/// Every rule's number. docs/guidance.md says where each comes from.
struct GuideOptions {
  double ahead_deg = 15;            ///< |bearing| up to which something is "ahead"
  double corridor_half_width_m = 0.75;  ///< half the width a walker needs, margin included
  double critical_ttc_s = 2.0;
  double warning_ttc_s = 4.0;
  double critical_distance_m = 1.2; ///< in the corridor, whatever its speed
  double warning_distance_m = 2.5;
  double info_distance_m = 8.0;     ///< standing or slow things; `info_distance_factor` per kind
  double persistence_s = 0.4;       ///< a track speaks only after it lasted so long
  double persistence_critical_s = 0.15;
  double repeat_track_s = 8.0;      ///< the same track, same priority, nothing changed
  double repeat_critical_s = 1.5;
  double gap_info_s = 3.0;          ///< between any cue and the next info
  double gap_warning_s = 1.2;
  double gap_critical_s = 0.3;
  double vision_lost_s = 0.4;       ///< frames with a fault for so long: say so
};

/// Decides who deserves a word now. Pure: tracks and a time in, cues out; no clock, no I/O, no
/// threads. Deterministic. Not thread-safe.
class Guide {
 public:
  explicit Guide(GuideOptions options);
  ~Guide();

  /// Cues for the moment `tracks.stamp.stream_ns`, most urgent first. `sees` is false when this
  /// frame could not be seen (Sighting::fault). Calls must come in stream order.
  [[nodiscard]] std::vector<Cue> update(const Tracks& tracks, bool sees);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
