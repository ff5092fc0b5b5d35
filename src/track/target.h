#pragma once

#include <map>
#include <optional>
#include <string>

#include "track/kalman.h"
#include "track/range.h"
#include "track/track.h"

namespace lazarillo {

/// The estimated state of one tracked object: four box coordinates (centre x, centre y, width,
/// height; pixels) and the logarithm of its depth, whose rate is -1 / (time to collision).
class Target {
 public:
  Target(const Detection& detection, const ObjectClass& object, std::int64_t stream_ns);

  void predict(std::int64_t stream_ns);
  /// Where the frame cuts the box off on one side only the edge in view is measured, and the size
  /// is taken to stay.
  void correct(const Detection& detection, const ObjectClass& object, const Intrinsics& intrinsics,
               bool strong);
  void correct_range(const Range& range);

  [[nodiscard]] Box box() const;  ///< may reach out of the frame
  [[nodiscard]] const ObjectClass& object() const { return object_; }
  [[nodiscard]] int id() const { return id_; }
  /// Confirms the track; until then its id is 0.
  void set_id(int id) { id_ = id; }
  [[nodiscard]] int hits() const { return hits_; }
  [[nodiscard]] double unseen_s() const;  ///< since it was last detected
  [[nodiscard]] double weak_s() const;    ///< since it was last detected strongly

  [[nodiscard]] Track publish(const Intrinsics& intrinsics, double focal_sigma) const;

 private:
  void restart_range(const Range& range);

  int id_ = 0;
  ObjectClass object_;
  std::map<std::string, double> votes_;  ///< score sum of each class it was taken for
  std::int64_t now_ns_;
  std::int64_t first_seen_ns_;
  std::int64_t last_seen_ns_;
  std::int64_t last_strong_ns_;
  int hits_ = 1;
  float score_;
  ConstantVelocity x_, y_, width_, height_;
  std::optional<ConstantVelocity> log_depth_;
  std::int64_t range_ns_ = 0;   ///< last range of the kind the distance rests on
  double jitter_variance_ = 0;  ///< of range measurements from frame to frame, of the logarithm
  double range_sigma_ = 0;      ///< relative, of one range: its lasting error never averages out
};

}  // namespace lazarillo
