#include "path/ground.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <opencv2/core.hpp>
#include <random>

namespace lazarillo {
namespace {

constexpr double kDegree = std::numbers::pi / 180;
constexpr float kNearest_m = 0.3F, kFarthest_m = 10;
constexpr double kLeastInverse = 0.1;  ///< of the plane: beyond 10 m nothing is compared
constexpr int kCoarse = 104;           ///< cells across: of a map with fewer no more are left out
constexpr int kSamples = 500, kSamplesTracked = 40;  ///< of planes; fewer around a known one
constexpr std::size_t kFewest = 30;
constexpr std::size_t kRefined = 12, kRefinedTracked = 1;  ///< of them are fitted to all cells
// What a degree of freedom more unlikely costs, in cells of a thousand.
constexpr double kPriorCost = 0.02;
// Expected::evenly. Measured (docs/evaluation.md): less lets beds and clutter pass, more loses
// floors far away in noisy maps, where the camera's pitch is not known either.
constexpr double kEvenly = 2, kEvenlyWithGravity = 2.5;
/// What a plane must reach at least, in cells of the frame.
constexpr double kLeastScore = 0.003;
constexpr double kBelowCost = 1.5;  ///< of a point below the plane against one on it

double pitch_of(const Vector3& v) { return std::atan2(v[2], std::hypot(v[0], v[1])); }
double roll_of(const Vector3& v) { return std::atan2(v[0], v[1]); }

/// Measured depth over the plane's, `g` being the normal over the height: below 1 something stands
/// before the plane, above 1 it is deeper.
double ratio(const DepthCell& cell, const Vector3& g) {
  return (g[0] * cell.x + g[1] * cell.y + g[2]) * cell.depth_m;
}

bool comparable(const DepthCell& cell, const Vector3& g) {
  return g[0] * cell.x + g[1] * cell.y + g[2] > kLeastInverse;
}

/// Least squares of the cells within `tolerance` of g, weighted towards it (Tukey's biweight has
/// this form). nullopt with too few, or all in a line.
std::optional<Vector3> fitted(const std::vector<DepthCell>& cells, const Vector3& g,
                              double tolerance) {
  cv::Matx33d normal = cv::Matx33d::zeros();
  cv::Vec3d right(0, 0, 0);
  std::size_t count = 0;
  for (const DepthCell& cell : cells) {
    if (!comparable(cell, g)) continue;
    const double r = (ratio(cell, g) - 1) / tolerance;
    if (std::abs(r) >= 1) continue;
    ++count;
    const double weight = (1 - r * r) * (1 - r * r);
    const cv::Vec3d a(cell.x * cell.depth_m, cell.y * cell.depth_m, cell.depth_m);
    normal += weight * a * a.t();
    right += weight * a;
  }
  if (count < kFewest) return std::nullopt;
  bool possible = false;
  const cv::Matx33d inverse = normal.inv(cv::DECOMP_CHOLESKY, &possible);
  if (!possible) return std::nullopt;
  const cv::Vec3d solved = inverse * right;
  return Vector3{solved[0], solved[1], solved[2]};
}

}  // namespace

std::vector<DepthCell> cells_of(const MetricDepth& depth, const Intrinsics& camera, int step,
                                int* in_frame) {
  std::vector<DepthCell> cells;
  int count = 0;
  for_each_cell(depth.depth_m, camera, step, [&](double x, double y, std::size_t cell) {
    ++count;
    const float value = depth.depth_m.values[cell];
    if (!(value > kNearest_m && value < kFarthest_m)) return;  // nor NaN
    cells.push_back({static_cast<float>(x), static_cast<float>(y), value});
  });
  if (in_frame != nullptr) *in_frame = count;
  return cells;
}

double GroundPlane::pitch_deg() const { return pitch_of(down) / kDegree; }
double GroundPlane::roll_deg() const { return roll_of(down) / kDegree; }

/// How a camera is held, and how sure that is; radians.
struct GroundFinder::Held {
  double pitch, roll, pitch_sigma, roll_sigma;

  [[nodiscard]] Vector3 down() const {
    return {std::sin(roll) * std::cos(pitch), std::cos(roll) * std::cos(pitch), std::sin(pitch)};
  }
  [[nodiscard]] double unlikely(const Vector3& g) const {
    const double p = (pitch_of(g) - pitch) / pitch_sigma;
    const double r = (roll_of(g) - roll) / roll_sigma;
    return p * p + r * r;
  }
};

/// Which planes may be the ground.
struct GroundFinder::Expected {
  Held held;  ///< most likely: as a moment ago, where that is known
  /// Whatever it was a moment ago. From map to map it turns by little, and without this a plane
  /// that is followed goes over from the floor to a desk's front.
  Held at_all;
  double least_height_m, most_height_m;
  bool tracked = false;  ///< around a plane that was the ground a moment ago
  /// A cell that is off by r times the tolerance counts 1 - evenly r^2 for the plane. With 3, cells
  /// that are spread evenly come to nothing: only what gathers on a plane speaks for it.
  double evenly = kEvenly;

  [[nodiscard]] double unlikely(const Vector3& g) const {
    return tracked ? held.unlikely(g) + at_all.unlikely(g) : held.unlikely(g);
  }
  [[nodiscard]] bool possible(const Vector3& g) const {
    constexpr double kMostUnlikely = 9;
    const double height = 1 / std::sqrt(dot(g, g));
    return g[1] > 0 && height > least_height_m && height < most_height_m &&
           held.unlikely(g) < kMostUnlikely && (!tracked || at_all.unlikely(g) < kMostUnlikely);
  }
};

GroundFinder::GroundFinder(GroundOptions options) : options_(options) {}

bool GroundFinder::counts(const std::optional<MeasuredGravity>& gravity) const {
  return gravity && gravity->deviation_deg <= options_.most_deviation_deg;
}

GroundFinder::Expected GroundFinder::expected(std::int64_t now_ns,
                                              const std::optional<MeasuredGravity>& gravity) const {
  const GroundOptions& o = options_;
  Held at_all{o.pitch_deg * kDegree, 0, o.pitch_sigma_deg * kDegree, o.roll_sigma_deg * kDegree};
  if (counts(gravity)) {
    const double sigma = std::hypot(o.slope_sigma_deg, gravity->deviation_deg) * kDegree;
    at_all = {pitch_of(gravity->down), roll_of(gravity->down), sigma, sigma};
  }
  Expected e{at_all, at_all, o.least_height_m, o.most_height_m};
  if (counts(gravity)) e.evenly = kEvenlyWithGravity;
  if (!last_ || static_cast<double>(now_ns - last_ns_) / 1e9 > o.hold_s) return e;
  e.tracked = true;
  e.evenly = 1;
  // Not held to where it is sought at first: depth that is too far by a third and more drifts.
  e.least_height_m = last_->height_m * (1 - o.drift_height);
  e.most_height_m = last_->height_m * (1 + o.drift_height);
  const double sigma = o.drift_deg * kDegree;
  if (!counts(gravity)) {
    e.held = {pitch_of(last_->down), roll_of(last_->down), sigma, sigma};
  } else if (last_gravity_) {
    // The camera turned as gravity did.
    e.held = {pitch_of(last_->down) + pitch_of(gravity->down) - pitch_of(last_gravity_->down),
              roll_of(last_->down) + roll_of(gravity->down) - roll_of(last_gravity_->down), sigma,
              sigma};
  }
  return e;
}

double GroundFinder::score(const std::vector<DepthCell>& cells, const Expected& prior,
                           const Vector3& g) const {
  // Below a table there is a floor. Below the ground that was walked on there is a drop.
  const double below_cost = prior.tracked ? 0 : kBelowCost;
  const std::array<float, 3> plane{static_cast<float>(g[0]), static_cast<float>(g[1]),
                                   static_cast<float>(g[2])};
  const auto scale = static_cast<float>(1 / options_.tolerance);
  const auto evenly = static_cast<float>(prior.evenly);
  const auto below = static_cast<float>(-below_cost);
  const auto worth = [&](const DepthCell& cell) {
    const float inverse = plane[0] * cell.x + plane[1] * cell.y + plane[2];
    const float r = (inverse * cell.depth_m - 1) * scale;
    const float on = r > -1 && r < 1 ? 1 - evenly * r * r : 0;
    const float value = r > 2 ? below : on;
    return inverse > static_cast<float>(kLeastInverse) ? value : 0;
  };
  // Several at a time, without branches: half of the time that the path takes went by here.
  constexpr std::size_t kLanes = 8;
  std::array<float, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= cells.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += worth(cells[i + lane]);
  }
  for (; i < cells.size(); ++i) sums[0] += worth(cells[i]);
  return std::accumulate(sums.begin(), sums.end(), 0.0) -
         kPriorCost * prior.unlikely(g) * static_cast<double>(cells.size());
}

/// The best few of many planes through three cells each.
std::vector<Vector3> GroundFinder::search(const std::vector<DepthCell>& cells,
                                          const Expected& prior) const {
  const Vector3 down = prior.held.down();
  std::vector<DepthCell> low;  // below the likely horizon
  for (const DepthCell& cell : cells) {
    if (down[0] * cell.x + down[1] * cell.y + down[2] > 0.1) low.push_back(cell);
  }
  if (low.size() < kFewest) return {};
  std::minstd_rand random(1);
  std::vector<std::pair<double, Vector3>> found;
  for (int i = 0; i < (prior.tracked ? kSamplesTracked : kSamples); ++i) {
    cv::Matx33d a;
    cv::Vec3d b;
    for (int k = 0; k < 3; ++k) {
      const DepthCell& cell = low[random() % low.size()];
      a(k, 0) = cell.x;
      a(k, 1) = cell.y;
      a(k, 2) = 1;
      b[k] = 1 / cell.depth_m;
    }
    bool solvable = false;
    const cv::Vec3d solved = a.inv(cv::DECOMP_LU, &solvable) * b;
    const Vector3 g{solved[0], solved[1], solved[2]};
    if (solvable && prior.possible(g)) found.emplace_back(score(cells, prior, g), g);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Vector3> best;
  // Where it was a moment ago.
  if (prior.tracked) {
    const double height = last_->height_m;
    best.push_back({last_->down[0] / height, last_->down[1] / height, last_->down[2] / height});
  }
  const std::size_t refined = prior.tracked ? kRefinedTracked : kRefined;
  for (std::size_t i = 0; i < std::min(found.size(), refined); ++i) {
    best.push_back(found[i].second);
  }
  return best;
}

/// The plane with what is seen of it; nullopt when that is too little, or it is a table.
std::optional<GroundPlane> GroundFinder::measured(const std::vector<DepthCell>& cells, int in_frame,
                                                  const Vector3& g) const {
  std::vector<double> off;
  std::size_t below = 0;
  for (const DepthCell& cell : cells) {
    if (!comparable(cell, g)) continue;
    const double r = ratio(cell, g) - 1;
    if (std::abs(r) < options_.tolerance) off.push_back(std::abs(r));
    if (r > 2 * options_.tolerance) ++below;
  }
  const double share = static_cast<double>(off.size()) / std::max(in_frame, 1);
  const double height = 1 / std::sqrt(dot(g, g));
  if (share < options_.least_share) return std::nullopt;
  if (height < options_.table_m && below > off.size()) return std::nullopt;
  const auto middle = off.begin() + static_cast<std::ptrdiff_t>(off.size() / 2);
  std::nth_element(off.begin(), middle, off.end());
  // 1.4826: of a normal distribution the standard deviation over the median of what lies off.
  return GroundPlane{
      {g[0] * height, g[1] * height, g[2] * height}, height, 1.4826 * *middle, share, true};
}

GroundPlane GroundFinder::find(const MetricDepth& depth, const Intrinsics& camera,
                               const std::optional<MeasuredGravity>& gravity) {
  const std::int64_t now_ns = depth.stamp.stream_ns;
  const Expected prior = expected(now_ns, gravity);
  int in_frame = 0;
  const std::vector<DepthCell> cells = cells_of(depth, camera, 2, &in_frame);
  const int sparse = depth.depth_m.width < kCoarse ? 2 : 4;
  std::vector<std::pair<double, Vector3>> found;
  for (const Vector3& sample : search(cells_of(depth, camera, sparse), prior)) {
    std::optional<Vector3> g = sample;
    for (const double widened : {1.5, 1.0, 1.0}) {
      if (g) g = fitted(cells, *g, widened * options_.tolerance);
    }
    if (!g || !prior.possible(*g)) continue;
    const double reached = score(cells, prior, *g);
    if (reached > kLeastScore * in_frame) found.emplace_back(reached, *g);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [reached, g] : found) {
    if (const auto plane = measured(cells, in_frame, g)) {
      last_ = plane;
      last_gravity_ = counts(gravity) ? gravity : std::nullopt;
      last_ns_ = now_ns;
      return *plane;
    }
  }
  GroundPlane assumed;
  if (last_) assumed = *last_;
  if (!prior.tracked) {
    if (!last_) assumed.height_m = options_.assumed_height_m;
    assumed.down = prior.held.down();
    assumed.sigma_relative = options_.tolerance;
  }
  assumed.seen = false;
  assumed.share = 0;
  return assumed;
}

}  // namespace lazarillo
