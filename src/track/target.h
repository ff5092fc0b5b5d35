#pragma once

#include <map>
#include <optional>
#include <string>

#include "track/kalman.h"
#include "track/range.h"
#include "track/track.h"
#include "track/turn_history.h"
#include "track/view.h"

namespace lazarillo {

/// The estimated state of one tracked object: four box coordinates (centre x, centre y, width,
/// height; pixels) and the logarithm of its depth, whose rate is -1 / (time to collision); of its
/// distance over the ground in a view all around (track/view.h). Places
/// are those in the picture; velocities those of a camera that does not turn (camera motion
/// compensation: Aharon et al., BoT-SORT, 2022).
class Target {
 public:
  Target(const Detection& detection, const ObjectClass& object, std::int64_t stream_ns);

  /// Moves the state to a moment of a detection, and turns it with the camera.
  void predict(std::int64_t stream_ns, const View& view, const TurnHistory& turns);
  /// Where the frame cuts the box off on one side only the edge in view is measured, and the size
  /// is taken to stay.
  void correct(const Detection& detection, const ObjectClass& object, const View& view,
               bool strong);
  void correct_range(const Range& range);
  /// Whether a range of now is so far from its own that it is another object's.
  [[nodiscard]] bool is_other(const Range& range) const;
  [[nodiscard]] Box box() const { return state_.box(); }  ///< may reach out of the frame
  /// Where the box was at a moment before the state, by its present velocity.
  [[nodiscard]] Box box_before(std::int64_t stream_ns, const View& view,
                               const TurnHistory& turns) const;
  [[nodiscard]] const ObjectClass& object() const { return object_; }
  [[nodiscard]] int id() const { return id_; }
  /// Confirms the track; until then its id is 0.
  void set_id(int id) { id_ = id; }
  [[nodiscard]] int hits() const { return hits_; }
  /// Mean score of its latest strong detections; those of another class count nothing.
  [[nodiscard]] double certainty() const { return certainty_; }
  [[nodiscard]] double unseen_s() const;  ///< since it was last detected
  [[nodiscard]] double weak_s() const;    ///< since it was last detected strongly

  /// The track at `stream_ns`, not before the last detection's moment: the state, predicted.
  [[nodiscard]] Track publish(std::int64_t stream_ns, const View& view, const TurnHistory& turns,
                              double focal_sigma) const;

  /// Standard deviation of the box's centre at `stream_ns`, as a part of its height.
  [[nodiscard]] double doubt(std::int64_t stream_ns) const;

 private:
  /// What moves; plain numbers, so that a prediction is a copy.
  struct State {
    ConstantVelocity x, y, width, height;
    std::optional<ConstantVelocity> log_depth;

    void predict(double dt_s, ObjectKind kind, const View& view);
    /// The camera turned; the object did not move.
    void turn(const CameraTurn& turn, const View& view);
    [[nodiscard]] Box box() const;
  };

  struct Rate {
    double value, variance;
  };

  [[nodiscard]] State at(std::int64_t stream_ns, const View& view) const;
  /// Z'/Z from how the distance changes and from how the box grows, by inverse variance. A box
  /// grows whatever the distance is taken for (Lee, A theory of visual control of braking based on
  /// information about time-to-collision, Perception 5, 1976).
  [[nodiscard]] static Rate approach(const State& state);
  void restart_range(const Range& range);

  int id_ = 0;
  ObjectClass object_;
  std::map<std::string, double> votes_;  ///< score sum of each class it was taken for
  std::int64_t now_ns_;
  std::int64_t first_seen_ns_;
  std::int64_t last_seen_ns_;
  std::int64_t last_strong_ns_;
  int hits_ = 1;
  int camera_;  ///< Detection::camera of the last
  float score_;
  double certainty_;
  State state_;
  std::int64_t range_ns_ = 0;   ///< last range of the kind the distance rests on
  double jitter_variance_ = 0;  ///< of range measurements from frame to frame, of the logarithm
  bool stepped_ = false;        ///< the box shows more or less of it than before
  int far_off_ = 0;             ///< ranges in a row far from what was expected
  double range_sigma_ = 0;      ///< relative, of one range: its lasting error never averages out
};

}  // namespace lazarillo
