#pragma once

#include <memory>

#include "see/depth.h"
#include "track/track.h"

namespace lazarillo {

struct TrackerOptions {
  double high_score = 0.45;       ///< first association stage, and the score a new track needs
  double low_score = 0.15;        ///< second stage: weak boxes only continue known tracks
  double match_iou = 0.2;         ///< least overlap of first-stage pairs
  int confirm_hits = 3;           ///< detections before a track is published
  double lost_after_s = 1.5;      ///< a track not detected for longer is dropped
};

/// Multi-object tracking by two-stage association (Zhang et al., ByteTrack, ECCV 2022) on Kalman
/// predictions of the box and of the logarithm of the distance. One camera. Deterministic. Not
/// thread-safe. Time is stream time only: no clock is read.
class Tracker {
 public:
  Tracker(TrackerOptions options, const ObjectCatalog& catalog);
  ~Tracker();

  /// The tracks after this frame. Detections need not be above any score; frames must come in
  /// stream order. A frame without detections predicts.
  [[nodiscard]] Tracks update(const Detections& detections, const Depth& depth,
                              const Intrinsics& intrinsics);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
