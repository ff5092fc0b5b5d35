#pragma once

#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>

namespace lazarillo::testing {

using Vec = std::array<double, 3>;
using Mat = std::array<Vec, 3>;  ///< rows

inline Mat times(const Mat& a, const Mat& b) {
  Mat c{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t k = 0; k < 3; ++k) c[i][j] += a[i][k] * b[k][j];
    }
  }
  return c;
}

inline Vec times(const Mat& a, const Vec& v) {
  Vec c{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 3; ++k) c[i] += a[i][k] * v[k];
  }
  return c;
}

inline Mat transposed(const Mat& a) {
  Mat t{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) t[i][j] = a[j][i];
  }
  return t;
}

inline double angle_deg(const Vec& a, const Vec& b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return std::acos(std::min(1.0, dot / std::sqrt(aa * bb))) * 180 / std::numbers::pi;
}

/// A head that turns and goes as one says, and what an ideal IMU on it measures: by the physics of
/// rigid bodies, differentiated numerically. The world: x east, y north, z up.
struct MovingHead {
  using Of = std::function<double(double)>;  ///< of seconds
  Of yaw_deg = [](double) { return 0.0; };
  Of pitch_deg = [](double) { return 0.0; };  ///< positive: looks down
  Of roll_deg = [](double) { return 0.0; };
  std::function<Vec(double)> neck_m = [](double) { return Vec{0, 0, 1.5}; };
  Vec arm_m{0.05, -0.1, 0.08};  ///< from the neck to the IMU, in its own frame

  /// From the IMU's frame, which lies as a camera's (x right, y down, z forward), into the world.
  [[nodiscard]] Mat attitude(double t) const {
    constexpr double kDegree = std::numbers::pi / 180;
    const double y = yaw_deg(t) * kDegree, p = pitch_deg(t) * kDegree, r = roll_deg(t) * kDegree;
    const Mat level{Vec{1, 0, 0}, Vec{0, 0, 1}, Vec{0, -1, 0}};  // x east, y down, z north
    const Mat yawed{Vec{std::cos(y), std::sin(y), 0}, Vec{-std::sin(y), std::cos(y), 0},
                    Vec{0, 0, 1}};
    const Mat pitched{Vec{1, 0, 0}, Vec{0, std::cos(p), std::sin(p)},
                      Vec{0, -std::sin(p), std::cos(p)}};
    const Mat rolled{Vec{std::cos(r), -std::sin(r), 0}, Vec{std::sin(r), std::cos(r), 0},
                     Vec{0, 0, 1}};
    return times(times(times(yawed, level), pitched), rolled);
  }
  /// Unit, in the IMU's frame.
  [[nodiscard]] Vec down(double t) const { return times(transposed(attitude(t)), Vec{0, 0, -1}); }

  [[nodiscard]] Vec rate_rad_s(double t) const {
    constexpr double kStep = 1e-4;
    const Mat before = attitude(t - kStep), after = attitude(t + kStep);
    Mat change{};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) change[i][j] = (after[i][j] - before[i][j]) / 2 / kStep;
    }
    const Mat skew = times(transposed(attitude(t)), change);
    return {skew[2][1], skew[0][2], skew[1][0]};
  }
  [[nodiscard]] Vec place_m(double t) const {
    const Vec neck = neck_m(t), arm = times(attitude(t), arm_m);
    return {neck[0] + arm[0], neck[1] + arm[1], neck[2] + arm[2]};
  }
  /// Specific force in the IMU's frame.
  [[nodiscard]] Vec force_m_s2(double t) const {
    constexpr double kStep = 1e-3;
    const Vec a = place_m(t - kStep), b = place_m(t), c = place_m(t + kStep);
    Vec force{};
    for (std::size_t i = 0; i < 3; ++i) force[i] = (a[i] - 2 * b[i] + c[i]) / kStep / kStep;
    force[2] += 9.81;
    return times(transposed(attitude(t)), force);
  }
};

/// Somebody who sets off after `stands_s`, at so many steps a second: the head goes up and down by
/// 2 cm and on by 1 cm with each step, aside by 2 cm with each second one (Hirasaki, Moore, Raphan
/// and Cohen, Effects of walking velocity on vertical head and body movements during locomotion,
/// Experimental Brain Research 127, 1999: 4 cm from top to bottom).
inline std::function<Vec(double)> gait(double stands_s, double steps_per_s, double speed_mps = 1.2,
                                       double until_s = 1e9) {
  return [=](double t) {
    const double since = std::clamp(t, stands_s, until_s) - stands_s;
    const auto part = [](double s) { return s <= 0 ? 0 : s >= 1 ? 1 : s * s * (3 - 2 * s); };
    // How much it walks; it takes a second to get to speed, and half a second to stop.
    const double walks = part(t - stands_s) * (1 - part(2 * (t - until_s)));
    const double w = 2 * std::numbers::pi * steps_per_s;
    const double gone =
        speed_mps * (since < 1 ? since * since * since * (1 - since / 2) : since - 0.5);
    return Vec{0.02 * walks * std::sin(w / 2 * t), gone + 0.01 * walks * std::sin(w * t + 1),
               1.5 + 0.02 * walks * std::cos(w * t)};
  };
}

/// Errors of a small IMU: noise and bias.
class ImuErrors {
 public:
  [[nodiscard]] std::array<float, 3> gyro(const Vec& rad_s) {
    return {add(rad_s[0] + kGyroBias, 0.003), add(rad_s[1] - kGyroBias, 0.003),
            add(rad_s[2], 0.003)};
  }
  [[nodiscard]] std::array<float, 3> accel(const Vec& m_s2) {
    return {add(m_s2[0] + 0.05, 0.05), add(m_s2[1], 0.05), add(m_s2[2] - 0.05, 0.05)};
  }

 private:
  static constexpr double kGyroBias = 0.3 * std::numbers::pi / 180;
  float add(double value, double sigma) {
    // Twelve even ones: a normal distribution that is the same everywhere.
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random_()) / std::minstd_rand::max();
    return static_cast<float>(value + sigma * sum);
  }
  std::minstd_rand random_{7};
};

}  // namespace lazarillo::testing
