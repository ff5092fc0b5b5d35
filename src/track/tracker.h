#pragma once

#include <memory>

#include "see/depth.h"
#include "track/track.h"

namespace lazarillo {

struct TrackerOptions {
  double high_score = 0.4;    ///< first association stage, and the score a new track needs
  double low_score = 0.15;    ///< second stage: weaker boxes only continue tracks seen just before
  int confirm_hits = 3;       ///< detections before a track is published
  double lost_after_s = 2.0;  ///< a track not detected for longer is dropped
  /// Doubt in the focal length when the field of view is assumed: part of every distance's sigma.
  double assumed_focal_sigma = 0.15;
};

/// Multi-object tracking by two-stage association (Zhang et al., ByteTrack, ECCV 2022) on Kalman
/// predictions of the box and of the logarithm of the distance, with boxes widened before they are
/// compared so that fast and small objects still overlap themselves (Yang et al., C-BIoU, WACV
/// 2023). One camera. Deterministic. Not thread-safe. Time is stream time only: no clock is read.
class Tracker {
 public:
  Tracker(TrackerOptions options, ObjectCatalog catalog);
  ~Tracker();

  /// The tracks after this frame. Frames must come in stream order; a frame without detections
  /// predicts.
  [[nodiscard]] Tracks update(const Detections& detections, const Depth& depth,
                              const Intrinsics& intrinsics);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
