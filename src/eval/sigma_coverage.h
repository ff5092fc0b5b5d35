#pragma once

#include <array>
#include <cstddef>

namespace lazarillo {

/// How much of the errors lies within so many of the stated sigmas: where sigmas are right, 68 %
/// within one, as of a normal distribution.
class SigmaCoverage {
 public:
  static constexpr std::size_t kSteps = 30;
  static constexpr double kStep = 0.1;  ///< sigmas

  /// An error, in sigmas (its absolute value counts), and what it weighs.
  void add(double error_in_sigmas, double weight = 1);

  /// Part of the errors within `step` * kStep sigmas, 1..kSteps; 0 without errors.
  [[nodiscard]] double inside(std::size_t step) const;
  [[nodiscard]] double inside_one() const { return inside(10); }
  /// What a normal distribution has there.
  [[nodiscard]] static double expected(std::size_t step);

 private:
  std::array<double, kSteps> weight_{};  ///< of errors within the step but not the one before
  double all_ = 0;
};

}  // namespace lazarillo
