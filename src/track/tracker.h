#pragma once

#include <memory>

#include "see/depth.h"
#include "source/camera_turn.h"
#include "track/common_view.h"
#include "track/track.h"
#include "track/view.h"

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
  bool calibrated = false;  ///< the detector's scores are probabilities
};

/// Multi-object tracking by two-stage association (Zhang et al., ByteTrack, ECCV 2022) on Kalman
/// predictions of the box and of the logarithm of the distance, with boxes widened before they are
/// compared so that fast and small objects still overlap themselves (Yang et al., C-BIoU, WACV
/// 2023). One camera, or several in one view. Deterministic. Not thread-safe. Time is stream time
/// only: no clock is read.
class Tracker {
 public:
  Tracker(TrackerOptions options, ObjectCatalog catalog);
  ~Tracker();
  Tracker(Tracker&&) noexcept;

  /// How the camera had turned in all when a frame was taken (Frame::turned). In stream order, of
  /// every frame for which it is known, before its update() or predict().
  void turn(std::int64_t stream_ns, const CameraTurn& turned);

  /// The tracks after this frame: confirmed ones seen within predict_s. Frames must come in stream
  /// order; a frame without detections predicts. `depth` may be older than the frame: it is read
  /// where each object was then, carried on by the object's motion, and trusted less for its age.
  Tracks update(const Detections& detections, const Depth& depth, const View& view);
  /// The same of several cameras, what they saw at one moment in `view`, which is all around and
  /// the same in all calls; the first one's stamp is the moment.
  Tracks update(std::span<const CameraLook> looks, const View& view);

  /// The tracks as they should be at a later frame on which no detector ran; changes nothing. Give
  /// the view of that frame. Moments before the last update() are not predicted.
  [[nodiscard]] Tracks predict(const FrameStamp& stamp, const View& view) const;

  /// How far off a prediction for `stream_ns` may be: the largest standard deviation of any
  /// published track's place, as a part of its height; and whether objects wait to be confirmed,
  /// which only detections can do.
  struct Doubt {
    double place = 0;
    bool unconfirmed = false;
  };
  [[nodiscard]] Doubt doubt(std::int64_t stream_ns) const;

  /// The next track gets this id. For a tracker that goes on after another one died.
  void continue_ids_from(int id);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
