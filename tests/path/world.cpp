#include "path/world.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>
#include <utility>

namespace lazarillo::test {
namespace {

using Ray = std::array<double, 3>;

/// Where the ray from `from` enters the block, in lengths of the ray; 1e9: nowhere.
double enters(const Block& b, const Ray& from, const Ray& ray) {
  const std::array<std::pair<double, double>, 3> sides{{{b.x0, b.x1}, {b.y0, b.y1}, {b.z0, b.z1}}};
  double in = 1e-6, out = 1e9;
  for (std::size_t i = 0; i < 3; ++i) {
    if (std::abs(ray[i]) < 1e-12) {
      if (from[i] < sides[i].first || from[i] > sides[i].second) return 1e9;
      continue;
    }
    double a = (sides[i].first - from[i]) / ray[i];
    double c = (sides[i].second - from[i]) / ray[i];
    if (a > c) std::swap(a, c);
    in = std::max(in, a);
    out = std::min(out, c);
  }
  return in < out ? in : 1e9;
}

bool over(const Block& pit, double x, double y) {
  return x > pit.x0 && x < pit.x1 && y > pit.y0 && y < pit.y1;
}

/// Where the ray meets the ground, or the floor or a wall of a pit.
double meets_ground(const std::vector<Block>& pits, const Ray& from, const Ray& ray) {
  if (ray[2] >= -1e-9) return 1e9;
  const double t = -from[2] / ray[2];
  for (const Block& pit : pits) {
    if (!over(pit, from[0] + t * ray[0], from[1] + t * ray[1])) continue;
    // Inside the pit: the first of its floor and its walls, seen from within.
    double out = (pit.z0 - from[2]) / ray[2];
    for (const auto& [axis, low, high] : {std::tuple{0, pit.x0, pit.x1}, {1, pit.y0, pit.y1}}) {
      const auto i = static_cast<std::size_t>(axis);
      if (std::abs(ray[i]) < 1e-12) continue;
      out = std::min(out, ((ray[i] > 0 ? high : low) - from[i]) / ray[i]);
    }
    return out;
  }
  return t;
}

}  // namespace

MetricDepth World::depth(const Intrinsics& camera, int cells) const {
  MetricDepth depth;
  DepthGrid& grid = depth.depth_m;
  grid.width = cells;
  grid.height = cells * camera.height / camera.width;
  grid.scale = static_cast<double>(cells) / camera.width;
  grid.offset_x = grid.offset_y = grid.scale / 2 - 0.5;
  const double to_rad = std::numbers::pi / 180;
  const double p = pitch_deg * to_rad;
  const double r = roll_deg * to_rad;
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  for (int row = 0; row < grid.height; ++row) {
    for (int column = 0; column < grid.width; ++column) {
      const double u = ((column - grid.offset_x) / grid.scale - camera.cx) / camera.fx;
      const double v = ((row - grid.offset_y) / grid.scale - camera.cy) / camera.fy;
      // Roll about the optical axis, then pitch; camera y is down, world z is up.
      const double x = std::cos(r) * u - std::sin(r) * v;
      const double y = std::sin(r) * u + std::cos(r) * v;
      const Ray ray{x, std::cos(p) - std::sin(p) * y, -std::sin(p) - std::cos(p) * y};
      const Ray from{0, 0, camera_m};
      double t = meets_ground(pits, from, ray);
      for (const Block& block : blocks) t = std::min(t, enters(block, from, ray));
      // The ray's camera z is 1: its length is the depth.
      const double seen = t < 100 ? t * std::exp(noise * normal(random)) : 100;
      grid.values.push_back(static_cast<float>(seen));
    }
  }
  depth.sigma_relative.assign(grid.values.size(), 0.1F);
  return depth;
}

}  // namespace lazarillo::test
