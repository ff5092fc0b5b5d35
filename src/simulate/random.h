#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace lazarillo::simulate {

/// A stream of random numbers that is the same with every compiler (the distributions of <random>
/// are not) and costs nothing to begin, so that every actor can have its own: what is taken out of
/// a world leaves the noise of the rest as it was. SplitMix64 (Steele, Lea, Flood, OOPSLA 2014);
/// seeds and streams are mixed first: it counts in steps, and neighbours would be one sequence,
/// shifted.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0)
      : state_(mixed(mixed(seed + kStep) + stream)) {}

  std::uint64_t bits() { return mixed(state_ += kStep); }
  /// [0, 1)
  double uniform() { return static_cast<double>(bits() >> 11U) * 0x1.0p-53; }
  double uniform(double from, double to) { return from + (to - from) * uniform(); }
  bool chance(double probability) { return uniform() < probability; }
  /// 0 to n - 1
  int below(int n) { return static_cast<int>(uniform() * n); }
  /// Standard normal (Box and Muller, 1958).
  double normal() {
    if (spare_known_) {
      spare_known_ = false;
      return spare_;
    }
    const double r = std::sqrt(-2 * std::log(1 - uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    spare_ = r * std::sin(angle);
    spare_known_ = true;
    return r * std::cos(angle);
  }
  /// Mean 0, standard deviation 1, never beyond 3.5: the sum of twelve uniform numbers of 5 bits,
  /// all of one draw. For noise by the million.
  double quick_normal() {
    std::uint64_t b = bits();
    int sum = 0;
    for (int i = 0; i < 12; ++i, b >>= 5U) sum += static_cast<int>(b & 31U);
    // Each: mean 15.5, variance (32^2 - 1) / 12.
    return (sum - 186.0) / 31.984371;
  }

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15ULL;
  static std::uint64_t mixed(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }

  std::uint64_t state_;
  double spare_ = 0;
  bool spare_known_ = false;
};

/// Noise that lasts: an Ornstein-Uhlenbeck process, mean 0, standard deviation 1.
class Drift {
 public:
  explicit Drift(Random& random) : value_(random.normal()) {}
  /// After `dt_s` more, where what was is forgotten to 1/e in `tau_s`.
  double step(double dt_s, double tau_s, Random& random) {
    const double keep = std::exp(-dt_s / tau_s);
    value_ = keep * value_ + std::sqrt(1 - keep * keep) * random.normal();
    return value_;
  }
  [[nodiscard]] double value() const { return value_; }

 private:
  double value_;
};

/// The same without jerks, as a head moves: a Drift that is followed with a delay of 0.4 of its
/// time. Standard deviation 1 again.
class Sway {
 public:
  explicit Sway(Random& random) : drift_(random), value_(drift_.value()) {}
  double step(double dt_s, double tau_s, Random& random) {
    const double towards = kRestored * drift_.step(dt_s, tau_s, random);
    value_ += (1 - std::exp(-dt_s / (kDelay * tau_s))) * (towards - value_);
    return value_;
  }

 private:
  static constexpr double kDelay = 0.4;
  /// What the delay leaves of the variance is 1 / (1 + kDelay).
  static constexpr double kRestored = 1.1832;
  Drift drift_;
  double value_;
};

}  // namespace lazarillo::simulate
