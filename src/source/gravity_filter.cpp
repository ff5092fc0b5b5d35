#include "source/gravity_filter.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lazarillo {
namespace {

using Vector = GravityFilter::Vector;

constexpr std::int64_t kKept_ns = 2'000'000'000;
constexpr double kDegree = std::numbers::pi / 180;
constexpr double kGravity = 9.80665;
constexpr double kMostRate = 40,
                 kMostForce = 160;  ///< rad/s and m/s^2: 2,300 degrees a second, 16 g
constexpr double kNothingKnown_deg = 90;
/// How a head turns that nobody measures, degrees in a second (as a random walk).
constexpr double kUnmeasured_deg = 60;
/// What the gyroscope's own error comes to, squared degrees a second: bias that is not learned yet.
constexpr double kGyroDrift = 0.2;
constexpr double kAccel_deg = 0.7;  ///< of the accelerometer at rest: noise, and 0.1 m/s^2 of bias
constexpr double kBias_deg = 0.5;   ///< the part that no time averages out
constexpr double kArm_m = 0.12;     ///< from the axis that the head turns about to the IMU
/// Part of the unrest that counts: steps shake to and fro, and most of it cancels.
constexpr double kOfUnrest = 0.3;
/// Errors of m last so long: half a step.
constexpr double kSameError_s = 0.3;
constexpr double kUnrest_s = 0.5;
constexpr double kUnrestAtFirst = 1;  ///< (m/s^2)^2
constexpr double kMostGain = 0.5;     ///< 1/s, up to which the bias is learned
constexpr double kSettled_deg = 3;
constexpr double kMostBias = 2 * kDegree;

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
double length(const Vector& a) { return std::sqrt(dot(a, a)); }
Vector scaled(const Vector& a, double by) { return {a[0] * by, a[1] * by, a[2] * by}; }
Vector sum(const Vector& a, const Vector& b) { return {a[0] + b[0], a[1] + b[1], a[2] + b[2]}; }

/// A direction that stays where it is, as a frame sees it that turns at this rate (Rodrigues).
Vector seen_turning(const Vector& v, const Vector& rate_rad_s, double dt_s) {
  const double rate = length(rate_rad_s);
  if (rate * dt_s < 1e-12) return v;
  const Vector axis = scaled(rate_rad_s, 1 / rate);
  const double angle = -rate * dt_s;
  const Vector turned =
      sum(sum(scaled(v, std::cos(angle)), scaled(cross(axis, v), std::sin(angle))),
          scaled(axis, dot(axis, v) * (1 - std::cos(angle))));
  return scaled(turned, 1 / length(turned));
}

bool usable(const GravityFilter::Reading& reading, double most) {
  return reading && std::all_of(reading->begin(), reading->end(), [most](float value) {
           return std::isfinite(value) && std::abs(value) <= most;
         });
}

double seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace

void GravityFilter::turn_on(Known& now, const Known& last, const Reading& gyro) const {
  const double dt_s = seconds(now.time_ns - last.time_ns);
  now.down = last.down;
  now.variance = last.variance;
  if (gyro) {
    now.turns_known = true;
    for (std::size_t i = 0; i < 3; ++i) now.rate_rad_s[i] = (*gyro)[i] - bias_rad_s_[i];
  }
  if (gyro && last.turns_known && now.time_ns - last.time_ns <= kGap_ns) {
    // The rate is taken to change evenly between two samples.
    now.down = seen_turning(last.down, scaled(sum(now.rate_rad_s, last.rate_rad_s), 0.5), dt_s);
    now.variance += kGyroDrift * dt_s;
  } else {
    now.variance += kUnmeasured_deg * kUnmeasured_deg * dt_s;
  }
  now.variance = std::min(now.variance, kNothingKnown_deg * kNothingKnown_deg);
}

void GravityFilter::correct(Known& now, const std::array<float, 3>& accel, double dt_s) {
  const Vector force{accel[0], accel[1], accel[2]};
  const double strength = length(force);
  if (strength < 0.1 * kGravity) return;  // it falls
  const double off = strength - kGravity;
  unrest_ += std::min(dt_s / kUnrest_s, 1.0) * (off * off - unrest_);
  const double turning = dot(now.rate_rad_s, now.rate_rad_s) * kArm_m;
  const double error_deg =
      kAccel_deg + (kOfUnrest * std::sqrt(unrest_ + off * off) + turning) / kGravity / kDegree;
  // Samples close together share their error: each counts for the part of kSameError_s that it
  // covers.
  const double measured = error_deg * error_deg * kSameError_s / dt_s;
  const double gain = now.variance / (now.variance + measured);
  const Vector m = scaled(force, -1 / strength);
  if (now.variance < kSettled_deg * kSettled_deg) {
    const double kp = std::min(gain / dt_s, kMostGain);
    const Vector off_by = cross(m, now.down);
    for (std::size_t i = 0; i < 3; ++i) {
      bias_rad_s_[i] =
          std::clamp(bias_rad_s_[i] - kp * kp / 4 * off_by[i] * dt_s, -kMostBias, kMostBias);
    }
  }
  const Vector moved = sum(scaled(now.down, 1 - gain), scaled(m, gain));
  const double left = length(moved);
  now.down = left > 1e-6 ? scaled(moved, 1 / left) : m;
  now.variance *= 1 - gain;
}

void GravityFilter::add(std::int64_t time_ns, const Reading& gyro_rad_s,
                        const Reading& accel_m_s2) {
  const Reading gyro = usable(gyro_rad_s, kMostRate) ? gyro_rad_s : std::nullopt;
  const Reading accel = usable(accel_m_s2, kMostForce) ? accel_m_s2 : std::nullopt;
  if (!gyro && !accel) return;
  if (!known_.empty() && known_.back().time_ns - time_ns > kJump_ns) known_.clear();
  Known now{time_ns, {0, 0, 1}, {}, kNothingKnown_deg * kNothingKnown_deg, false};
  double dt_s = 1e-3;
  if (known_.empty()) {
    if (!accel) return;
    unrest_ = kUnrestAtFirst;
    // Nothing to turn on from: what the accelerometer says is all there is.
    turn_on(now, {time_ns, scaled({(*accel)[0], (*accel)[1], (*accel)[2]}, -1), {}, now.variance},
            gyro);
    const double strength = length(now.down);
    now.down = strength > 1e-3 ? scaled(now.down, 1 / strength) : Vector{0, 0, 1};
  } else {
    const Known& last = known_.back();
    if (time_ns <= last.time_ns) return;
    if (time_ns - last.time_ns > kGap_ns) unrest_ = std::max(unrest_, kUnrestAtFirst);
    turn_on(now, last, gyro);
    dt_s = seconds(std::min(time_ns - last.time_ns, kGap_ns));
  }
  if (accel) correct(now, *accel, dt_s);
  known_.push_back(now);
  while (time_ns - known_.front().time_ns > kKept_ns) known_.pop_front();
}

std::optional<GravityFilter::Gravity> GravityFilter::at(std::int64_t time_ns) const {
  const auto after =
      std::upper_bound(known_.begin(), known_.end(), time_ns,
                       [](std::int64_t time, const Known& known) { return time < known.time_ns; });
  if (after == known_.begin()) return std::nullopt;
  const Known& last = *(after - 1);
  if (time_ns - last.time_ns > kGap_ns) return std::nullopt;
  const double dt_s = seconds(time_ns - last.time_ns);
  const double grown = (last.turns_known ? kGyroDrift : kUnmeasured_deg * kUnmeasured_deg) * dt_s;
  const double variance = std::min(last.variance + grown, kNothingKnown_deg * kNothingKnown_deg);
  return Gravity{seen_turning(last.down, last.rate_rad_s, dt_s),
                 std::sqrt(variance + kBias_deg * kBias_deg)};
}

}  // namespace lazarillo
