#include "path/corridor.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <vector>

namespace lazarillo {
namespace {

constexpr double kBin_m = 0.1;
/// Cells of one thing that begins so far away lie within this.
double thickness_m(double from_m) { return std::max(0.15 * from_m, 0.2); }
constexpr double kSure = 3;  ///< sigmas that a height must differ from the ground's by
/// What hangs has nothing beneath it within so much, as a part of its distance.
constexpr double kBeneath = 0.25;
constexpr double kWayRoundStep_m = 0.2;
constexpr double kBeyond_m = 1.5;

/// A cell over the ground.
struct Place {
  double ahead_m, right_m, above_m;
  double area_m2;                         ///< that the cell covers, seen straight on
  double sigma;                           ///< relative
  double ground_ahead_m, ground_right_m;  ///< where its ray meets the ground; ahead 0: nowhere
};

std::vector<Place> places_of(const MetricDepth& depth, const Intrinsics& camera,
                             const GroundPlane& ground) {
  const Vector3& n = ground.down;
  // The optical axis laid on the ground, and what lies right of it.
  const double level = std::sqrt(std::max(1 - n[2] * n[2], 1e-6));
  const Vector3 ahead{-n[2] * n[0] / level, -n[2] * n[1] / level, (1 - n[2] * n[2]) / level};
  const Vector3 right{n[1] * ahead[2] - n[2] * ahead[1], n[2] * ahead[0] - n[0] * ahead[2],
                      n[0] * ahead[1] - n[1] * ahead[0]};
  const DepthGrid& grid = depth.depth_m;
  const double cell_x = 1 / (grid.scale * camera.fx);
  const double cell_y = 1 / (grid.scale * camera.fy);
  std::vector<Place> places;
  places.reserve(grid.values.size());
  for_each_cell(grid, camera, 1, [&](double x, double y, std::size_t at) {
    const double z = grid.values[at] * ground.map_scale;
    if (!(z > 0.2 && z < 50)) return;
    const Vector3 ray{x, y, 1};
    Place place{};
    place.ahead_m = z * dot(ray, ahead);
    place.right_m = z * dot(ray, right);
    const double sinks = dot(ray, n);
    place.above_m = ground.height_m - z * sinks;
    place.area_m2 = z * cell_x * z * cell_y;
    place.sigma = at < depth.sigma_relative.size() ? depth.sigma_relative[at] : 0.1;
    if (sinks > 1e-3) {
      const double meets = ground.height_m / sinks;
      place.ground_ahead_m = meets * dot(ray, ahead);
      place.ground_right_m = meets * dot(ray, right);
    }
    places.push_back(place);
  });
  return places;
}

/// Areas by distance, to find the nearest place where enough of something is.
class Profile {
 public:
  explicit Profile(double reach_m)
      : bins_(static_cast<std::size_t>(reach_m / kBin_m) + 1), reach_m_(reach_m) {}

  void add(const Place& place) {
    if (place.ahead_m >= reach_m_) return;
    Bin& bin = bins_[static_cast<std::size_t>(place.ahead_m / kBin_m)];
    ++bin.cells;
    bin.area += place.area_m2;
  }

  /// Distance from which on there are `area_m2` and three cells within thickness_m().
  [[nodiscard]] std::optional<double> nearest(double area_m2) const {
    for (std::size_t i = 0; i < bins_.size(); ++i) {
      if (bins_[i].cells == 0) continue;
      const double from = static_cast<double>(i) * kBin_m;
      const auto end = static_cast<std::size_t>((from + thickness_m(from)) / kBin_m);
      double area = 0;
      int cells = 0;
      for (std::size_t k = i; k <= std::min(end, bins_.size() - 1); ++k) {
        area += bins_[k].area;
        cells += bins_[k].cells;
      }
      if (cells >= 3 && area >= area_m2) return from;
    }
    return std::nullopt;
  }

 private:
  struct Bin {
    int cells = 0;
    double area = 0;
  };
  std::vector<Bin> bins_;
  double reach_m_;
};

/// The middle of what lies within thickness_m() of the distance found.
template <class In>
Obstacle described(const std::vector<Place>& places, double from_m, const In& in) {
  std::vector<double> distances;
  std::vector<double> sigmas;
  double right = 0;
  Obstacle found;
  found.low_m = 1e9;
  for (const Place& p : places) {
    if (!in(p) || p.ahead_m < from_m || p.ahead_m > from_m + thickness_m(from_m)) {
      continue;
    }
    distances.push_back(p.ahead_m);
    sigmas.push_back(p.sigma);
    right += p.right_m;
    found.low_m = std::min(found.low_m, p.above_m);
    found.high_m = std::max(found.high_m, p.above_m);
  }
  // The near end, not the nearest cell: single cells err.
  const auto near = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 10);
  std::nth_element(distances.begin(), near, distances.end());
  const auto middle = sigmas.begin() + static_cast<std::ptrdiff_t>(sigmas.size() / 2);
  std::nth_element(sigmas.begin(), middle, sigmas.end());
  found.distance_m = *near;
  found.distance_sigma_m = *near * *middle;
  found.bearing_deg =
      std::atan2(right / static_cast<double>(distances.size()), *near) * 180 / std::numbers::pi;
  return found;
}

/// A strip of the ground across the corridor, by where the rays to it should meet it.
struct Strip {
  int ground = 0, below = 0, above = 0;
  std::vector<double> depths;  ///< of what is below

  [[nodiscard]] int all() const { return ground + below + above; }
};

constexpr double kStrip_m = 0.2;
constexpr int kFewInStrip = 4;

/// The edge of a drop: strips that are ground, then strips that are not, because what is seen
/// there lies lower.
std::optional<Drop> drop_in(const std::vector<Strip>& strips) {
  bool ground_before = false;
  for (std::size_t i = 0; i + 1 < strips.size(); ++i) {
    const Strip& here = strips[i];
    if (here.all() < kFewInStrip) continue;
    if (2 * here.ground > here.all()) {
      ground_before = true;
      continue;
    }
    if (10 * here.above > 3 * here.all()) return std::nullopt;  // something stands before it
    const Strip& next = strips[i + 1];
    const auto fell = [](const Strip& s) { return 10 * s.below >= 6 * s.all(); };
    if (!ground_before || !fell(here) || next.all() < kFewInStrip || !fell(next)) continue;
    std::vector<double> depths = here.depths;
    const auto middle = depths.begin() + static_cast<std::ptrdiff_t>(depths.size() / 2);
    std::nth_element(depths.begin(), middle, depths.end());
    return Drop{static_cast<double>(i) * kStrip_m, *middle, false};
  }
  return std::nullopt;
}

/// Height over distance of what goes up or down: the pitch of stairs is 0.5 to 0.9 (ISO 21542:2021:
/// risers of 150 to 180 mm, treads of 300 mm and more; steeper ones exist), that of ramps to 0.12.
struct Slope {
  double rise = 0;     ///< metres a metre
  double covered = 0;  ///< metres of distance
  double spread = 0;   ///< standard deviation of heights around the line, metres
};

template <class In>
std::optional<Slope> slope_of(const std::vector<Place>& places, const In& in) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0, first = 1e9, last = 0;
  for (const Place& p : places) {
    if (!in(p)) continue;
    n += 1;
    x += p.ahead_m;
    y += p.above_m;
    xx += p.ahead_m * p.ahead_m;
    xy += p.ahead_m * p.above_m;
    yy += p.above_m * p.above_m;
    first = std::min(first, p.ahead_m);
    last = std::max(last, p.ahead_m);
  }
  const double spread_x = n * xx - x * x;
  if (n < 12 || spread_x <= 0) return std::nullopt;
  Slope slope;
  slope.rise = (n * xy - x * y) / spread_x;
  slope.covered = last - first;
  const double offset = (y - slope.rise * x) / n;
  slope.spread =
      std::sqrt(std::max((yy - 2 * slope.rise * xy - 2 * offset * y + slope.rise * slope.rise * xx +
                          2 * slope.rise * offset * x + n * offset * offset) /
                             n,
                         0.0));
  return slope;
}

constexpr double kLeastStairs = 0.35, kMostStairs = 1.1;
constexpr double kStairsCover_m = 0.6;
constexpr double kStairsSpread_m = 0.15;

bool is_stairs(const std::optional<Slope>& slope, double sign) {
  return slope && sign * slope->rise > kLeastStairs && sign * slope->rise < kMostStairs &&
         slope->covered > kStairsCover_m && slope->spread < kStairsSpread_m;
}

}  // namespace

CorridorView look_along(const MetricDepth& depth, const Intrinsics& camera,
                        const GroundPlane& ground, const CorridorOptions& options) {
  CorridorView view;
  view.stamp = depth.stamp;
  view.ground = ground;
  const std::vector<Place> places = places_of(depth, camera, ground);
  // An error in depth moves a point of the ground along its ray: by that part of the camera's
  // height, up or down.
  const double unsure_m = kSure * ground.sigma_relative * ground.height_m;
  const double low_m = std::max(options.least_height_m, unsure_m);
  const double drop_m = std::max(options.least_drop_m, unsure_m);

  // What stands out of the ground, below head level: looked through again for every way round.
  std::vector<Place> standing;
  std::copy_if(places.begin(), places.end(), std::back_inserter(standing), [&](const Place& p) {
    return p.ahead_m > options.nearest_m && p.above_m > low_m && p.above_m < options.head_from_m;
  });
  const auto in_corridor = [&](const Place& p, double shift_m) {
    return std::abs(p.right_m - shift_m) < options.half_width_m;
  };
  const auto at_head = [&](const Place& p) {
    return p.ahead_m > options.nearest_m && in_corridor(p, 0) && p.above_m >= options.head_from_m &&
           p.above_m < options.height_m;
  };
  const auto nearest_body = [&](double shift_m, double reach_m, double above_m = 0) {
    Profile profile(reach_m);
    for (const Place& p : standing) {
      if (in_corridor(p, shift_m) && p.above_m > above_m) profile.add(p);
    }
    return profile.nearest(options.least_area_m2);
  };
  const auto body_at = [&](double from_m) {
    return described(standing, from_m, [&](const Place& p) { return in_corridor(p, 0); });
  };
  const auto nearest = nearest_body(0, options.reach_m);
  const auto tall = nearest_body(0, options.reach_m, options.knee_m);
  if (tall) view.obstacle = body_at(*tall);
  if (nearest && (!tall || *nearest < *tall - thickness_m(*tall))) {
    view.low = body_at(*nearest);
  }
  const std::optional<Obstacle>& first = view.first();
  const auto stands_on_something = [&](double distance_m) {
    Profile beneath(distance_m * (1 + kBeneath));
    for (const Place& p : standing) {
      if (in_corridor(p, 0) && p.ahead_m > distance_m * (1 - kBeneath)) beneath.add(p);
    }
    return beneath.nearest(options.least_area_m2).has_value();
  };
  Profile heads(options.reach_m);
  for (const Place& p : places) {
    if (at_head(p)) heads.add(p);
  }
  if (const auto from = heads.nearest(options.least_area_m2)) {
    const Obstacle head = described(places, *from, at_head);
    if (!stands_on_something(head.distance_m)) view.head = head;
  }

  std::vector<Strip> strips(static_cast<std::size_t>(options.reach_m / kStrip_m));
  for (const Place& p : places) {
    if (!(p.ground_ahead_m > options.nearest_m) || p.ground_ahead_m >= options.reach_m ||
        std::abs(p.ground_right_m) >= options.half_width_m) {
      continue;
    }
    const auto at = static_cast<std::size_t>(p.ground_ahead_m / kStrip_m);
    if (at >= strips.size()) continue;
    Strip& strip = strips[at];
    if (p.above_m > low_m) {
      ++strip.above;
    } else if (p.above_m < -drop_m) {
      ++strip.below;
      strip.depths.push_back(-p.above_m);
    } else {
      ++strip.ground;
    }
  }
  for (std::size_t i = 0; i < strips.size(); ++i) {
    if (strips[i].all() < kFewInStrip) continue;
    if (2 * strips[i].ground < strips[i].all()) break;
    view.clear_m = static_cast<double>(i + 1) * kStrip_m;
  }
  if (ground.seen) {
    view.drop = drop_in(strips);
    if (view.drop && first && first->distance_m < view.drop->distance_m) {
      view.drop.reset();
    }
    const auto beyond = [&](const Place& p, double from_m) {
      return in_corridor(p, 0) && p.ahead_m > from_m && p.ahead_m < from_m + 3;
    };
    if (view.drop) {
      const double edge = view.drop->distance_m;
      view.drop->stairs = is_stairs(
          slope_of(places, [&](const Place& p) { return beyond(p, edge) && p.above_m < 0; }), -1);
    }
    if (first && first->low_m < options.head_from_m / 2) {
      const double foot = first->distance_m;
      const auto slope = slope_of(places, [&](const Place& p) {
        return beyond(p, foot - 0.1) && p.above_m > low_m / 2 && p.above_m < options.height_m;
      });
      if (is_stairs(slope, 1)) view.stairs_up = StairsUp{foot};
    }
  }
  if (first) {
    const double needed_m = first->distance_m + kBeyond_m;
    const double half_view = std::atan(camera.width / (2 * camera.fx));
    for (double shift = kWayRoundStep_m; shift <= options.side_reach_m && !view.way_round_m;
         shift += kWayRoundStep_m) {
      for (const double signed_shift : {-shift, shift}) {
        // What is out of view is not known to be free.
        const bool in_view = std::atan2(std::abs(signed_shift) + options.half_width_m,
                                        first->distance_m) < half_view;
        if (in_view && !nearest_body(signed_shift, needed_m)) {
          view.way_round_m = signed_shift;
          break;
        }
      }
    }
  }
  return view;
}

}  // namespace lazarillo
