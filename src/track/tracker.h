#pragma once

#include <memory>

#include "see/depth.h"
#include "track/track.h"

namespace lazarillo {

struct TrackerOptions {
  double high_score = 0.4;    ///< first association stage
  double new_margin = 0.1;    ///< a new track needs a score this much higher
  double low_score = 0.2;     ///< second stage: weaker boxes only continue tracks seen just before
  int confirm_hits = 3;       ///< detections before a track is published
  double lost_after_s = 2.0;  ///< a track without a strong detection for longer is dropped
  double predict_s = 0.7;     ///< a track is published so long on prediction alone
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
  Tracker(Tracker&&) noexcept;

  /// The tracks after this frame: confirmed ones seen within predict_s. Frames must come in stream
  /// order; a frame without detections predicts.
  [[nodiscard]] Tracks update(const Detections& detections, const Depth& depth,
                              const Intrinsics& intrinsics);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
