#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

namespace lazarillo {

/// Where gravity points in an IMU's own frame. An explicit complementary filter (Mahony, Hamel and
/// Pflimlin, Nonlinear Complementary Filters on the Special Orthogonal Group, IEEE Trans. Automatic
/// Control 53(5), 2008) of the one direction that an accelerometer knows:
///
///   d' = -(w - b + kp (m x d)) x d,   b' = -ki (m x d)
///
/// d: the direction looked for; w: the gyroscope's rate; b: its bias; m: against what the
/// accelerometer measures. kp is that of a Kalman filter of one variance: large while the direction
/// is not known, small where |a| departs from gravity or the head turns fast, because then m is no
/// gravity (adaptive gain as in Valenti, Dryanovski and Xiao, Keeping a Good Attitude, Sensors
/// 15(8), 2015). ki = kp^2 / 4: critically damped. Not thread-safe.
class GravityFilter {
 public:
  using Vector = std::array<double, 3>;
  using Reading = std::optional<std::array<float, 3>>;
  /// Samples farther apart say nothing of how it turned between.
  static constexpr std::int64_t kGap_ns = 100'000'000;
  /// Time that goes back by more is another clock's: all begins anew.
  static constexpr std::int64_t kJump_ns = 1'000'000'000;

  struct Gravity {
    Vector down;           ///< unit, in the IMU's frame
    double deviation_deg;  ///< standard deviation about any axis across it
  };

  /// rad/s and m/s^2 (specific force: at rest it points up) in the IMU's frame, in order of time,
  /// any clock; others are passed over, as are readings that are not finite or beyond any IMU's
  /// range. Either may be missing.
  void add(std::int64_t time_ns, const Reading& gyro_rad_s, const Reading& accel_m_s2);

  /// Of what was known up to then: later samples change nothing. nullopt before the first sample,
  /// farther than kGap_ns behind the last, and more than two seconds ago.
  [[nodiscard]] std::optional<Gravity> at(std::int64_t time_ns) const;

 private:
  struct Known {
    std::int64_t time_ns = 0;
    Vector down{};
    Vector rate_rad_s{};  ///< without bias
    double variance = 0;  ///< of down, squared degrees
    bool turns_known = false;
  };
  void turn_on(Known& now, const Known& last, const Reading& gyro) const;
  void correct(Known& now, const std::array<float, 3>& accel, double dt_s);

  std::deque<Known> known_;
  Vector bias_rad_s_{};
  double unrest_ = 0;  ///< mean square of |a| - g lately, (m/s^2)^2
};

}  // namespace lazarillo
