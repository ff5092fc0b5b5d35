#include "eval/sigma_coverage.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace lazarillo {

void SigmaCoverage::add(double error_in_sigmas, double weight) {
  all_ += weight;
  const double step = std::ceil(std::abs(error_in_sigmas) / kStep);
  if (!(step <= kSteps)) return;
  weight_[static_cast<std::size_t>(std::max(step, 1.0)) - 1] += weight;
}

double SigmaCoverage::inside(std::size_t step) const {
  if (all_ <= 0) return 0;
  const auto end = weight_.begin() + static_cast<std::ptrdiff_t>(std::min(step, kSteps));
  return std::accumulate(weight_.begin(), end, 0.0) / all_;
}

double SigmaCoverage::expected(std::size_t step) {
  return std::erf(static_cast<double>(step) * kStep / std::numbers::sqrt2);
}

}  // namespace lazarillo
