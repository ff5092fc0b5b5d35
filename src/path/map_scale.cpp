#include "path/map_scale.h"

#include <algorithm>
#include <cmath>

namespace lazarillo {
namespace {

constexpr double kSettle_s = 1;

}  // namespace

GroundPlane MapScale::corrected(GroundPlane found, std::int64_t now_ns) {
  if (worn_m_ <= 0) return found;
  if (found.seen) {
    const double log_scale = std::min(std::log(worn_m_ / found.height_m), 0.0);
    const double step_s = static_cast<double>(now_ns - last_ns_) / 1e9;
    const double part = log_scale_ ? 1 - std::exp(-std::max(step_s, 0.0) / kSettle_s) : 1;
    log_scale_ = log_scale_.value_or(0) + part * (log_scale - log_scale_.value_or(0));
    last_ns_ = now_ns;
  }
  found.map_scale = std::exp(log_scale_.value_or(0));
  found.height_m *= found.map_scale;
  return found;
}

}  // namespace lazarillo
