#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "see/motion_rules.h"

namespace lazarillo {

/// Median of values >= 0 by counting: no memory, and no order of evaluation to depend on. Values
/// beyond bins / bins_per_unit count as that.
class Histogram {
 public:
  explicit Histogram(float bins_per_unit) : bins_per_unit_(bins_per_unit) {}
  void add(float value) {
    ++bins_[static_cast<std::size_t>(std::min(value * bins_per_unit_, float{bins - 1}))];
    ++count_;
  }
  /// 0 when the first bin holds half of them.
  [[nodiscard]] double median() const {
    int below = 0;
    std::size_t i = 0;
    while (i < bins - 1 && 2 * (below + bins_[i]) < count_) below += bins_[i++];
    return static_cast<double>(i) / bins_per_unit_;
  }

 private:
  static constexpr int bins = motion_rules::bins;
  float bins_per_unit_;
  std::array<int, bins> bins_{};
  int count_ = 0;
};

}  // namespace lazarillo
