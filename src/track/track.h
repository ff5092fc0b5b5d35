#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "see/detections.h"
#include "track/object_catalog.h"

namespace lazarillo {

/// One object followed through time. Distances are over the ground: from below the camera to below
/// what is seen in the middle of its box, as far away as the densest of its nearer parts
/// (range_from_depth); metres. Bearings and angles are over the ground, too, from where the camera
/// looks. Over the real ground where it is known how the camera is held (View::down), else over one
/// that the camera is taken to be level with.
struct Track {
  int id = 0;         ///< unique in a run, from 1, never used again
  std::string label;  ///< canonical name (ObjectCatalog)
  ObjectKind kind = ObjectKind::thing;
  Box box;          ///< filtered, pixels of the frame (of several cameras: of the common view),
                    ///< cut at its edges; empty (no width or height) when predicted to have left it
  float score = 0;  ///< of the last detection, 0..1
  /// How likely it is what its label says, 0..1; not known where scores are no probabilities.
  std::optional<double> certainty;
  bool observed = true;            ///< false: predicted only, not detected in this frame
  std::int64_t first_seen_ns = 0;  ///< stream time
  std::int64_t last_seen_ns = 0;   ///< stream time of the last detection
  int hits = 0;                    ///< frames in which it was detected
  int camera = -1;                 ///< of several in one view: the one it was last detected by

  double bearing_deg = 0;         ///< of the box's middle; 0 ahead, positive right
  double bearing_rate_deg_s = 0;  ///< as seen by a camera that does not turn
  double bearing_rate_sigma_deg_s = 0;
  double angular_width_deg = 0;   ///< of the whole box, in and out of view
  double angular_height_deg = 0;  ///< likewise, from its highest to its lowest elevation

  std::optional<double> distance_m;
  double distance_sigma_m = 0;
  double closing_speed_mps = 0;  ///< positive: comes nearer
  double closing_speed_sigma_mps = 0;
  /// Time until contact at the present closing speed; only while the approach is significant
  /// (faster than 0.2 m/s and than its own sigma).
  std::optional<double> ttc_s;
};

/// Every track alive after a frame; only confirmed ones. Immutable once published.
struct Tracks {
  FrameStamp stamp;
  std::vector<Track> items;

  /// Since a track was detected first, and last, at the moment of `stamp`.
  [[nodiscard]] double followed_s(const Track& track) const { return since_s(track.first_seen_ns); }
  [[nodiscard]] double unseen_s(const Track& track) const { return since_s(track.last_seen_ns); }

 private:
  [[nodiscard]] double since_s(std::int64_t stream_ns) const {
    return static_cast<double>(stamp.stream_ns - stream_ns) / 1e9;
  }
};

}  // namespace lazarillo
