#include "track/range.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lazarillo {
namespace {

// A network that states no sigma is trusted little: half of what it says, either way.
constexpr double kUnstatedSigma = 0.5;
constexpr double kBoxEdgeSigmaPx = 2.0;  // of a box's height, both edges together
constexpr double kBeyondDoubt = 2;       // sigmas
constexpr double kTrustedDepth = 0.25;   // sigma of depth that may contradict a known height
constexpr double kSteep = 0.2;           // of a ray: it all but looks straight down
constexpr int kMostCells = 4096;         // of a depth map, looked at for one box

// Of an object's stated sigma. Found on the training split's rooms: 75 % of the errors of distances
// lie within one sigma with it (68 % with 0.41; but the network knows those rooms). On the
// validation split's it is 66 % (docs/evaluation.md). No street has measured depth: half of the
// depth and more is stated there, and a smaller, unproven doubt would have metres said that may be
// wrong.
constexpr double kObjectSigma = 0.5;
constexpr double kSurelyIndoors = 0.3;
constexpr double kLeftAsStated = 0.45;

/// Ends of the shortest interval that holds half of the sorted values (the "shorth"): a robust mode
/// (Andrews et al., Robust Estimates of Location, 1972). Of logarithms: errors of depth are
/// relative. So the ends' ratio is what counts, and products of two floats are exact in double:
/// which interval is the shortest, of equal ones the first, is no matter of rounding.
struct Shorth {
  double near;
  double far;
};
Shorth shorth(const std::vector<float>& sorted, std::size_t count) {
  const std::size_t half = count / 2 + 1;
  Shorth best{sorted[0], sorted[half - 1]};
  for (std::size_t first = 1; first + half <= count; ++first) {
    const Shorth next{sorted[first], sorted[first + half - 1]};
    if (next.far * best.near < best.far * next.near) best = next;
  }
  return best;
}

}  // namespace

std::optional<Range> range_from_depth(const MetricDepth& depth, const Box& box) {
  const DepthGrid& grid = depth.depth_m;
  const double inset_x = kMarginAcross * box.width();
  const double inset_y = kMarginDown * box.height();
  const auto column = [&](double x) { return x * grid.scale + grid.offset_x; };
  const auto row = [&](double y) { return y * grid.scale + grid.offset_y; };
  const auto first_last = [](double low, double high, int size) {
    int first = static_cast<int>(std::ceil(low));
    int last = static_cast<int>(std::floor(high));
    if (first > last) first = last = static_cast<int>(std::lround((low + high) / 2));
    return std::pair(std::clamp(first, 0, size - 1), std::clamp(last, 0, size - 1));
  };
  if (grid.width <= 0 || grid.height <= 0) return std::nullopt;
  const auto [left, right] =
      first_last(column(box.x1 + inset_x), column(box.x2 - inset_x), grid.width);
  const auto [top, bottom] = first_last(row(box.y1 + inset_y), row(box.y2 - inset_y), grid.height);

  // A fine map's core is looked at in part.
  int step = 1;
  const auto some = [&step](int first, int last) { return (last - first) / step + 1; };
  while (some(left, right) * some(top, bottom) > kMostCells) ++step;
  std::vector<float> depths;
  std::vector<float> sigmas;
  for (int y = top; y <= bottom; y += step) {
    for (int x = left; x <= right; x += step) {
      const std::size_t cell = static_cast<std::size_t>(y) * static_cast<std::size_t>(grid.width) +
                               static_cast<std::size_t>(x);
      const float value = grid.values[cell];
      if (!std::isfinite(value) || value <= 0) continue;
      depths.push_back(value);
      if (!depth.sigma_relative.empty()) sigmas.push_back(depth.sigma_relative[cell]);
    }
  }
  if (depths.empty()) return std::nullopt;
  std::sort(depths.begin(), depths.end());
  // The farthest third is left out first, so that an object which covers only part of its box (a
  // bicycle, a chair) is not outvoted by what is seen through it.
  const std::size_t nearer = std::max<std::size_t>(1, depths.size() * 7 / 10);
  const Shorth mode = shorth(depths, nearer);
  double stated = kUnstatedSigma;
  if (!sigmas.empty()) {
    const auto middle = sigmas.begin() + static_cast<std::ptrdiff_t>(sigmas.size() / 2);
    std::nth_element(sigmas.begin(), middle, sigmas.end());
    stated = *middle;
  }
  // A normal distribution's shorth is 1.35 sigma wide.
  const double spread = std::log(mode.far / mode.near) / 1.35;
  const double sigma = std::hypot(stated, spread);
  if (!std::isfinite(sigma)) return std::nullopt;
  return Range{std::sqrt(mode.near * mode.far), std::max(sigma, 0.02)};
}

std::optional<Range> range_of(const Detection& detection, const MetricDepth* map) {
  if (detection.depth) return Range{detection.depth->depth_m, detection.depth->sigma_relative};
  return map == nullptr ? std::nullopt : range_from_depth(*map, detection.box);
}

Range calibrated(Range from_depth) {
  const double stated = from_depth.sigma_relative;
  const double part =
      std::clamp((kLeftAsStated - stated) / (kLeftAsStated - kSurelyIndoors), 0.0, 1.0);
  from_depth.sigma_relative = stated * (1 - part * (1 - kObjectSigma));
  return from_depth;
}

CutSides cut_sides(const Box& box, const Intrinsics& intrinsics) {
  const double margin_x = 0.005 * intrinsics.width + 1;
  const double margin_y = 0.005 * intrinsics.height + 1;
  return {box.x1<margin_x, box.y1<margin_y, box.x2> intrinsics.width - 1 - margin_x, box.y2>
              intrinsics.height -
          1 - margin_y};
}

std::optional<Range> range_from_height(const ObjectClass& object, const Box& box, const View& view,
                                       const std::optional<CutSides>& cut) {
  if (object.height_m <= 0 || box.height() < 8 || box.width() <= 0) return std::nullopt;
  const double aspect = box.height() / box.width();
  if (aspect < object.aspect_min || aspect > object.aspect_max) return std::nullopt;
  if (cut.value_or(cut_sides(box, view.camera)).count() > 0) return std::nullopt;
  const double x = box.centre_x();
  const double rises =
      view.over_ground_at(x, box.y1).rise() - view.over_ground_at(x, box.y2).rise();
  const double flat = view.over_ground_at(x, box.centre_y()).distance();
  if (rises <= 0 || flat <= kSteep) return std::nullopt;
  const double sigma =
      std::hypot(object.height_sigma_m / object.height_m, kBoxEdgeSigmaPx / box.height());
  return Range{object.height_m / rises / flat, sigma};
}

std::optional<Range> fuse(const std::optional<Range>& a, const std::optional<Range>& b) {
  if (!a) return b;
  if (!b) return a;
  const double weight_a = 1 / (a->sigma_relative * a->sigma_relative);
  const double weight_b = 1 / (b->sigma_relative * b->sigma_relative);
  const double log_depth =
      (weight_a * std::log(a->depth_m) + weight_b * std::log(b->depth_m)) / (weight_a + weight_b);
  const double disagreement = std::abs(std::log(a->depth_m / b->depth_m)) /
                              std::hypot(a->sigma_relative, b->sigma_relative);
  const double sigma = std::sqrt(1 / (weight_a + weight_b)) * std::max(1.0, disagreement / 2);
  const double age_s = (weight_a * a->age_s + weight_b * b->age_s) / (weight_a + weight_b);
  return Range{std::exp(log_depth), sigma, age_s};
}

std::optional<Range> object_range(const std::optional<Range>& from_depth,
                                  const std::optional<Range>& from_height) {
  if (from_depth && from_height) {
    const double farther = std::log(from_height->depth_m / from_depth->depth_m);
    const double sigma = std::hypot(from_depth->sigma_relative, from_height->sigma_relative);
    const bool trusted = from_depth->sigma_relative <= kTrustedDepth;
    if (trusted && farther > kBeyondDoubt * sigma) return from_depth;
  }
  return fuse(from_depth, from_height);
}

}  // namespace lazarillo
