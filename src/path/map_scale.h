#pragma once

#include <cstdint>
#include <optional>

#include "path/ground.h"

namespace lazarillo {

/// How much too far depth maps measure, by the ground: what finds it two and a half metres below a
/// camera that somebody wears measures everything else as much too far, and a warning comes too
/// late. Only what is too far is corrected: ground that seems near may be a table, or that of who
/// sits, and distances made longer by a mistake are the dangerous ones. Not thread-safe.
class MapScale {
 public:
  /// The eyes of 95 of 100 men are lower (Pheasant, Bodyspace, 1996).
  static constexpr double kWorn_m = 1.75;

  /// A camera is worn no higher than `worn_m` above the ground. 0: nothing is corrected.
  explicit MapScale(double worn_m) : worn_m_(worn_m) {}

  /// The ground found in a map of stream time `now_ns`, its height in metres of the map, with
  /// GroundPlane::map_scale and its true height. In stream order. One map errs by itself, and the
  /// ground seen from the top of stairs lies deep: followed with a time constant of a second.
  [[nodiscard]] GroundPlane corrected(GroundPlane found, std::int64_t now_ns);

 private:
  double worn_m_;
  std::optional<double> log_scale_;  ///< unset: no ground was seen yet
  std::int64_t last_ns_ = 0;
};

}  // namespace lazarillo
