#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "source/head_motion.h"

namespace lazarillo {

/// Whether somebody stands or walks, and how fast, by the length of what an accelerometer on the
/// body measures: it does not depend on how the IMU is held. Standing is where it hardly changes;
/// walking where it repeats itself from step to step, by normalised autocorrelation, as Zee does
/// (Rai, Chintalapudi, Padmanabhan and Sen, MobiCom 2012; among the best of those compared by
/// Brajdic and Harle, Walk detection and step counting on unconstrained smartphones, UbiComp 2013).
/// What is neither is unknown: somebody who sits down, stumbles, or begins to walk. Standing ends
/// within a fifth of a second of the first jolt, and walking is told after two seconds of it. Not
/// thread-safe.
class GaitWatch {
 public:
  struct Known {
    Gait gait = Gait::unknown;
    double steps_per_min = 0;  ///< 0: not known, or it does not walk
  };

  /// Specific force, m/s^2, in order of time, any clock and at any rate from 50 a second; others
  /// are passed over, as is what is not finite. After 100 ms without one, or when time goes back by
  /// a second, all begins anew.
  void add(std::int64_t time_ns, const std::array<float, 3>& accel_m_s2);

  /// Of what was known up to then: later samples change nothing. Unknown where nothing came for 0.3
  /// s, and more than two seconds ago.
  [[nodiscard]] Known at(std::int64_t time_ns) const;

 private:
  struct Told {
    std::int64_t time_ns = 0;
    Known known;
  };
  void begin_anew(std::int64_t bin);
  void close_bin(double value);
  void decide();

  std::deque<double> bins_;  ///< |a| of each kBin, the newest last
  std::deque<Told> told_;
  std::optional<std::int64_t> bin_;  ///< the open one's number
  double sum_ = 0;
  int count_ = 0;
  int since_decided_ = 0;
  int doubts_ = 0;  ///< decisions in a row in which walking did not show
  Known now_;
};

}  // namespace lazarillo
