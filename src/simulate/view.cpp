#include "simulate/view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace lazarillo::simulate {
namespace {

constexpr double kToRad = std::numbers::pi / 180;
constexpr double kNear_m = 0.05;
constexpr double kFar_m = 100;

/// The camera's axes in the world (x, y, z up).
struct Axes {
  std::array<double, 3> right, down, ahead;

  explicit Axes(const Eye& eye) {
    const double h = eye.heading_deg * kToRad, p = eye.pitch_deg * kToRad,
                 r = eye.roll_deg * kToRad;
    const std::array<double, 3> level{std::cos(h), -std::sin(h), 0};
    ahead = {std::sin(h) * std::cos(p), std::cos(h) * std::cos(p), -std::sin(p)};
    const std::array<double, 3> low{-std::sin(h) * std::sin(p), -std::cos(h) * std::sin(p),
                                    -std::cos(p)};
    for (std::size_t i = 0; i < 3; ++i) {
      right[i] = std::cos(r) * level[i] + std::sin(r) * low[i];
      down[i] = -std::sin(r) * level[i] + std::cos(r) * low[i];
    }
  }
};

struct InCamera {
  double x, y, z;
};

/// Pixels covered, not cut at the frame; nullopt: all behind the camera.
std::optional<Box> extent(const Solid& s, const Eye& eye, const Axes& axes,
                          const Intrinsics& camera) {
  std::array<InCamera, 8> corners{};
  for (std::size_t i = 0; i < 8; ++i) {
    const double a = (i & 1U) != 0 ? s.half_width : -s.half_width;
    const double b = (i & 2U) != 0 ? s.half_length : -s.half_length;
    const std::array<double, 3> d{s.middle.x + a * s.cos_yaw + b * s.sin_yaw - eye.at.x,
                                  s.middle.y - a * s.sin_yaw + b * s.cos_yaw - eye.at.y,
                                  ((i & 4U) != 0 ? s.high : s.low) - eye.height_m};
    const auto along = [&](const std::array<double, 3>& axis) {
      return d[0] * axis[0] + d[1] * axis[1] + d[2] * axis[2];
    };
    corners[i] = {along(axes.right), along(axes.down), along(axes.ahead)};
  }
  double x1 = 1e9, y1 = 1e9, x2 = -1e9, y2 = -1e9;
  const auto add = [&](const InCamera& c) {
    const double x = camera.cx + camera.fx * c.x / c.z;
    const double y = camera.cy + camera.fy * c.y / c.z;
    x1 = std::min(x1, x);
    x2 = std::max(x2, x);
    y1 = std::min(y1, y);
    y2 = std::max(y2, y);
  };
  for (std::size_t i = 0; i < 8; ++i) {
    if (corners[i].z >= kNear_m) add(corners[i]);
    for (const std::size_t bit : {1U, 2U, 4U}) {
      const InCamera& a = corners[i];
      const InCamera& b = corners[i ^ bit];
      if ((i & bit) != 0 || (a.z < kNear_m) == (b.z < kNear_m)) continue;
      const double part = (kNear_m - a.z) / (b.z - a.z);
      add({a.x + part * (b.x - a.x), a.y + part * (b.y - a.y), kNear_m});
    }
  }
  if (x2 < x1) return std::nullopt;
  return Box{static_cast<float>(x1), static_cast<float>(y1), static_cast<float>(x2),
             static_cast<float>(y2)};
}

/// A solid as the rays of one eye meet it.
struct Local {
  double x, y, z;  ///< the eye in the solid's own frame
};

Local local(const Solid& s, const Eye& eye) {
  const double dx = eye.at.x - s.middle.x, dy = eye.at.y - s.middle.y;
  return {dx * s.cos_yaw - dy * s.sin_yaw, dx * s.sin_yaw + dy * s.cos_yaw, eye.height_m};
}

void slab(double from, double ray, double low, double high, double& in, double& out) {
  if (std::abs(ray) < 1e-9) {
    if (from < low || from > high) out = -1;
    return;
  }
  const double inverse = 1 / ray;
  const double a = (low - from) * inverse;
  const double b = (high - from) * inverse;
  in = std::max(in, std::min(a, b));
  out = std::min(out, std::max(a, b));
}

bool over(const Solid& pit, double x, double y) {
  const double dx = x - pit.middle.x, dy = y - pit.middle.y;
  return std::abs(dx * pit.cos_yaw - dy * pit.sin_yaw) < pit.half_width &&
         std::abs(dx * pit.sin_yaw + dy * pit.cos_yaw) < pit.half_length;
}

}  // namespace

Caster::Caster(const Intrinsics& camera, int cells) : camera_(camera) {
  view_.width = cells;
  view_.height = cells * camera.height / camera.width;
  for (int i = 0; i < view_.width; ++i) {
    u_.push_back(((i + 0.5) * camera.width / view_.width - 0.5 - camera.cx) / camera.fx);
  }
  for (int i = 0; i < view_.height; ++i) {
    v_.push_back(((i + 0.5) * camera.height / view_.height - 0.5 - camera.cy) / camera.fy);
  }
  const auto all = static_cast<std::size_t>(view_.width) * static_cast<std::size_t>(view_.height);
  view_.depth_m.resize(all);
  for (auto* rays : {&ray_x_, &ray_y_, &ray_z_}) rays->resize(all);
  hit_.resize(all);
}

const View& Caster::cast(const std::vector<Solid>& solids, std::size_t actors, const Eye& eye) {
  const Axes axes(eye);
  view_.actors.assign(actors, ActorView{});
  std::vector<const Solid*> pits;
  for (const Solid& s : solids) {
    if (s.pit) pits.push_back(&s);
  }
  std::size_t cell = 0;
  for (const double v : v_) {
    for (const double u : u_) {
      const double x = ray_x_[cell] = u * axes.right[0] + v * axes.down[0] + axes.ahead[0];
      const double y = ray_y_[cell] = u * axes.right[1] + v * axes.down[1] + axes.ahead[1];
      const double z = ray_z_[cell] = u * axes.right[2] + v * axes.down[2] + axes.ahead[2];
      double t = z < -1e-6 ? -eye.height_m / z : kFar_m;
      hit_[cell] = -1;
      // A ray that enters a pit goes on through pits beside it to a floor or a wall.
      for (int guard = 0; guard < 64 && !pits.empty() && t < kFar_m; ++guard) {
        const double beyond = t + 1e-6;
        const double h = eye.height_m + beyond * z;
        const auto in = std::find_if(pits.begin(), pits.end(), [&](const Solid* p) {
          return h > p->low && over(*p, eye.at.x + beyond * x, eye.at.y + beyond * y);
        });
        if (in == pits.end()) break;
        const Solid& pit = **in;
        const Local from = local(pit, eye);
        double enters = -1e9, leaves = 1e9;
        slab(from.x, x * pit.cos_yaw - y * pit.sin_yaw, -pit.half_width, pit.half_width, enters,
             leaves);
        slab(from.y, x * pit.sin_yaw + y * pit.cos_yaw, -pit.half_length, pit.half_length, enters,
             leaves);
        const double floor = (pit.low - eye.height_m) / z;
        hit_[cell] = static_cast<std::int16_t>(pit.actor);
        t = std::min(floor, leaves);
        if (floor <= leaves) break;
      }
      view_.depth_m[cell] = static_cast<float>(std::min(t, kFar_m));
      ++cell;
    }
  }
  for (const Solid& s : solids) {
    if (s.pit) continue;
    const auto box = extent(s, eye, axes, camera_);
    if (!box) continue;
    const auto cells = [](double pixel, int size, int count) {
      return std::clamp(static_cast<int>(std::floor(pixel * count / size)), -1, count);
    };
    const int left = std::max(cells(box->x1, camera_.width, view_.width) - 1, 0);
    const int right = std::min(cells(box->x2, camera_.width, view_.width) + 1, view_.width - 1);
    const int top = std::max(cells(box->y1, camera_.height, view_.height) - 1, 0);
    const int bottom = std::min(cells(box->y2, camera_.height, view_.height) + 1, view_.height - 1);
    const Local from = local(s, eye);
    ActorView& actor = view_.actors[static_cast<std::size_t>(s.actor)];
    for (int row = top; row <= bottom; ++row) {
      for (int column = left; column <= right; ++column) {
        const auto at = static_cast<std::size_t>(row) * static_cast<std::size_t>(view_.width) +
                        static_cast<std::size_t>(column);
        double in = kNear_m, out = kFar_m;
        slab(from.z, ray_z_[at], s.low, s.high, in, out);
        slab(from.x, ray_x_[at] * s.cos_yaw - ray_y_[at] * s.sin_yaw, -s.half_width, s.half_width,
             in, out);
        slab(from.y, ray_x_[at] * s.sin_yaw + ray_y_[at] * s.cos_yaw, -s.half_length, s.half_length,
             in, out);
        if (in > out) continue;
        ++actor.alone;
        if (in >= static_cast<double>(view_.depth_m[at])) continue;
        view_.depth_m[at] = static_cast<float>(in);
        hit_[at] = static_cast<std::int16_t>(s.actor);
      }
    }
  }
  depths_.resize(actors);
  for (std::vector<float>& depths : depths_) depths.clear();
  for (std::size_t at = 0; at < hit_.size(); ++at) {
    if (view_.depth_m[at] >= static_cast<float>(kFar_m)) view_.depth_m[at] = 0;
    if (hit_[at] < 0) continue;
    ActorView& actor = view_.actors[static_cast<std::size_t>(hit_[at])];
    const int row = static_cast<int>(at) / view_.width;
    const int column = static_cast<int>(at) % view_.width;
    const double height = eye.height_m + static_cast<double>(view_.depth_m[at]) * ray_z_[at];
    if (height < 1e-3 && height > -kClearlyLower_m) continue;  // the edge of a pit
    ++actor.visible;
    depths_[static_cast<std::size_t>(hit_[at])].push_back(view_.depth_m[at]);
    actor.left = std::min(actor.left, column);
    actor.right = std::max(actor.right, column);
    actor.top = std::min(actor.top, row);
    actor.bottom = std::max(actor.bottom, row);
  }
  for (std::size_t i = 0; i < actors; ++i) {
    std::vector<float>& depths = depths_[i];
    if (depths.size() < 2) continue;
    const auto core = depths.begin() + static_cast<std::ptrdiff_t>(depths.size() * 35 / 100);
    std::nth_element(depths.begin(), core, depths.end());
    view_.actors[i].depth_m = static_cast<double>(*core);
  }
  return view_;
}

std::optional<Box> projected(const std::vector<Solid>& pieces, const Eye& eye,
                             const Intrinsics& camera) {
  const Axes axes(eye);
  std::optional<Box> all;
  for (const Solid& piece : pieces) {
    const auto box = extent(piece, eye, axes, camera);
    if (!box) continue;
    if (!all) {
      all = box;
      continue;
    }
    *all = {std::min(all->x1, box->x1), std::min(all->y1, box->y1), std::max(all->x2, box->x2),
            std::max(all->y2, box->y2)};
  }
  if (!all) return std::nullopt;
  const Box cut = clipped(*all, camera.width, camera.height);
  if (cut.width() <= 0 || cut.height() <= 0) return std::nullopt;
  return cut;
}

double depth_of(const Point& point, const Eye& eye) {
  const Axes axes(eye);
  return (point.x - eye.at.x) * axes.ahead[0] + (point.y - eye.at.y) * axes.ahead[1] -
         eye.height_m * axes.ahead[2];
}

double depth_of(const std::vector<Solid>& pieces, const Eye& eye) {
  const Axes axes(eye);
  double nearest = 1e9;
  for (const Solid& piece : pieces) {
    // The nearest point of the footprint, by its distance ahead; heights hardly matter.
    const Local from = local(piece, eye);
    const double x = std::clamp(from.x, -piece.half_width, piece.half_width) - from.x;
    const double y = std::clamp(from.y, -piece.half_length, piece.half_length) - from.y;
    const double east = x * piece.cos_yaw + y * piece.sin_yaw;
    const double north = -x * piece.sin_yaw + y * piece.cos_yaw;
    const double z = std::clamp(eye.height_m, piece.low, piece.high) - eye.height_m;
    const double ahead = east * axes.ahead[0] + north * axes.ahead[1] + z * axes.ahead[2];
    nearest = std::min(nearest, std::max(ahead, 0.2));
  }
  return nearest;
}

}  // namespace lazarillo::simulate
