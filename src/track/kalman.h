#pragma once

namespace lazarillo {

/// Kalman filter of one coordinate that moves at nearly constant velocity, driven by white
/// acceleration noise (Bar-Shalom, Li, Kirubarajan: Estimation with Applications to Tracking and
/// Navigation, 2001, ch. 6.2). A box whose coordinates are measured independently decouples into
/// one such filter each.
class ConstantVelocity {
 public:
  ConstantVelocity() = default;
  /// Starts at a measured value with an unknown velocity around 0.
  ConstantVelocity(double value, double value_sigma, double velocity_sigma)
      : value_(value), p00_(value_sigma * value_sigma), p11_(velocity_sigma * velocity_sigma) {}

  /// Moves `dt_s` ahead; `acceleration_sigma` in units / s^2, for an acceleration that stays the
  /// same for about a second (spectral density sigma^2 * 1 s).
  void predict(double dt_s, double acceleration_sigma) {
    const double q = acceleration_sigma * acceleration_sigma;
    value_ += velocity_ * dt_s;
    p00_ += dt_s * (2 * p01_ + dt_s * p11_) + q * dt_s * dt_s * dt_s / 3;
    p01_ += dt_s * p11_ + q * dt_s * dt_s / 2;
    p11_ += q * dt_s;
  }

  /// The velocity is `factor` times what it was, and known as much better or worse.
  void scale_velocity(double factor) {
    velocity_ *= factor;
    p01_ *= factor;
    p11_ *= factor * factor;
  }

  /// A known acceleration went on for a while.
  void change_velocity(double by) { velocity_ += by; }

  /// The value is reckoned from elsewhere: what was measured and is known of it stays.
  void shift(double by) { value_ += by; }

  /// A measurement of the value as it was `age_s` ago: of value - age * velocity, so H = (1, -age)
  /// (out-of-sequence measurement, ibid. ch. 6; what the noise did to the value since is the
  /// caller's part of `sigma`).
  void correct(double measured, double sigma, double age_s = 0) {
    const double ph0 = p00_ - age_s * p01_;  // P H'
    const double ph1 = p01_ - age_s * p11_;
    const double innovation_variance = ph0 - age_s * ph1 + sigma * sigma;
    const double gain_value = ph0 / innovation_variance;
    const double gain_velocity = ph1 / innovation_variance;
    const double innovation = measured - value_ + age_s * velocity_;
    value_ += gain_value * innovation;
    velocity_ += gain_velocity * innovation;
    p11_ -= gain_velocity * ph1;
    p01_ -= gain_value * ph1;
    p00_ -= gain_value * ph0;
  }

  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] double velocity() const { return velocity_; }
  [[nodiscard]] double value_variance() const { return p00_; }
  [[nodiscard]] double velocity_variance() const { return p11_; }

 private:
  double value_ = 0;
  double velocity_ = 0;
  double p00_ = 0;
  double p01_ = 0;
  double p11_ = 0;
};

}  // namespace lazarillo
