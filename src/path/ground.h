#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "see/depth.h"
#include "source/intrinsics.h"

namespace lazarillo {

/// Metres in the camera frame (x right, y down, z forward), or a direction in it.
using Vector3 = std::array<double, 3>;

[[nodiscard]] constexpr double dot(const Vector3& a, const Vector3& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/// Calls visit(x, y, cell) for every `step`-th cell across and down that lies in the frame: what it
/// sees lies along (x, y, 1), its values stand at the index `cell`.
template <class Visit>
void for_each_cell(const DepthGrid& grid, const Intrinsics& camera, int step, const Visit& visit) {
  for (int row = step / 2; row < grid.height; row += step) {
    const double y = (row - grid.offset_y) / grid.scale;
    if (y < 0 || y > camera.height - 1) continue;
    for (int column = step / 2; column < grid.width; column += step) {
      const double x = (column - grid.offset_x) / grid.scale;
      if (x < 0 || x > camera.width - 1) continue;
      visit((x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy,
            static_cast<std::size_t>(row) * static_cast<std::size_t>(grid.width) +
                static_cast<std::size_t>(column));
    }
  }
}

/// What a cell of a depth map sees lies at depth_m * (x, y, 1).
struct DepthCell {
  float x = 0, y = 0;
  float depth_m = 0;
};

/// Every `step`-th cell across and down that lies in the frame and has a depth in 0.3 to 10 m.
/// `in_frame`: how many there would be if all had.
[[nodiscard]] std::vector<DepthCell> cells_of(const MetricDepth& depth, const Intrinsics& camera,
                                              int step, int* in_frame = nullptr);

/// The plane the walker stands on, in the camera frame: down . p = height_m for its points p.
struct GroundPlane {
  Vector3 down{0, 1, 0};  ///< unit
  double height_m = 0;    ///< of the camera above it
  /// Spread of what was seen of it: relative standard deviation of depth.
  double sigma_relative = 0;
  double share = 0;      ///< part of the frame's cells that lie on it
  bool seen = true;      ///< false: as it was a moment ago, or as assumed
  double map_scale = 1;  ///< true metres in a metre of the map (MapScale)
  /// Positive: the camera looks down.
  [[nodiscard]] double pitch_deg() const;
  /// Positive: the camera is turned clockwise as seen from behind it.
  [[nodiscard]] double roll_deg() const;
};

/// Where gravity points, by an IMU.
struct MeasuredGravity {
  Vector3 down;          ///< unit, in the camera frame
  double deviation_deg;  ///< standard deviation about any axis across it
};

struct GroundOptions {
  double least_height_m = 0.8, most_height_m = 2.2;  ///< of a camera that somebody wears or holds
  double tolerance = 0.06;    ///< a point this near the plane, as a part of its depth, is on it
  double least_share = 0.06;  ///< of the frame's cells, else the ground counts as not in view
  double pitch_deg = 10;      ///< expected where nothing is known
  double pitch_sigma_deg = 12, roll_sigma_deg = 8;
  /// Around a measured gravity, beside its own deviation: ramps, and how far depth tilts the
  /// ground.
  double slope_sigma_deg = 6;
  double most_deviation_deg = 4;  ///< of a measured gravity, else it does not count
  // Around the last plane: so much a head turns, and its height changes, from map to map.
  double drift_deg = 5;
  double drift_height = 0.1;  ///< a part of it, at most: a step down is more
  double hold_s = 1.0;        ///< a plane not seen again is believed for so long
  double table_m = 1.1;  ///< a plane nearer than this, with more below it than on it, is no ground
  double assumed_height_m = 1.5;
};

/// Finds the ground in depth maps. A random sample consensus (Fischler and Bolles, CACM 24(6),
/// 1981) on inverse depth, where planes are linear and errors of relative depth count the same near
/// and far; of the planes possible for a walker's camera the one that most points gather on and
/// fewest lie below. Where gravity is measured, possible are the planes nearly across it, whatever
/// way the head is held. Deterministic. One thread at a time.
class GroundFinder {
 public:
  explicit GroundFinder(GroundOptions options = {});

  /// `gravity`: counts where it is known to GroundOptions::most_deviation_deg. Maps come in stream
  /// order. Never fails: see GroundPlane::seen.
  GroundPlane find(const MetricDepth& depth, const Intrinsics& camera,
                   const std::optional<MeasuredGravity>& gravity = std::nullopt);

 private:
  struct Held;
  struct Expected;
  [[nodiscard]] Expected expected(std::int64_t now_ns,
                                  const std::optional<MeasuredGravity>& gravity) const;
  [[nodiscard]] bool counts(const std::optional<MeasuredGravity>& gravity) const;
  [[nodiscard]] double score(const std::vector<DepthCell>& cells, const Expected& prior,
                             const Vector3& g) const;
  [[nodiscard]] std::vector<Vector3> search(const std::vector<DepthCell>& cells,
                                            const Expected& prior) const;
  [[nodiscard]] std::optional<GroundPlane> measured(const std::vector<DepthCell>& cells,
                                                    int in_frame, const Vector3& g) const;

  GroundOptions options_;
  std::optional<GroundPlane> last_;
  std::optional<MeasuredGravity> last_gravity_;  ///< when it was found
  std::int64_t last_ns_ = 0;
};

}  // namespace lazarillo
