#include "track/common_view.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "track/assignment.h"
#include "track/range.h"

namespace lazarillo {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kRadPerDeg = kPi / 180;
constexpr double kLeastOverlap = 0.3;
constexpr double kOtherClassPenalty = 0.3;  // as in the tracker
constexpr double kSameDistance = 3;         // sigmas
// Of two of a kind in one place of both pictures the nearer hides the other: distances that differ
// then are a network's errors, up to twice as far.
constexpr double kSurelySame = 0.5;
constexpr double kSurelyApart = std::numbers::ln2;
// Calibration, detectors and the boxes' edges differ by so much whatever the distance.
constexpr double kSlack_rad = 0.005;
constexpr double kNearest_m = 0.2;

/// Angle to the right, and height a metre over the ground.
struct Direction {
  double bearing = 0;
  double rise = 0;
};

double wrapped(double angle) { return std::remainder(angle, 2 * kPi); }

/// A ray of a camera's straight picture in the walker's frame; of length sqrt(x^2 + y^2 + 1).
std::array<double, 3> ray(const CameraPlace& place, const Intrinsics& camera, double x, double y) {
  const std::array<double, 3> own{(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, 1};
  std::array<double, 3> walker{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t k = 0; k < 3; ++k) walker[row] += place.rotation[3 * row + k] * own[k];
  }
  return walker;
}

Direction direction_of(const std::array<double, 3>& at) {
  return {std::atan2(at[0], at[2]), -at[1] / std::max(std::hypot(at[0], at[2]), 1e-6)};
}

/// What lies in that direction, so far over the ground from the camera, seen from the walker's.
std::array<double, 3> point(const CameraPlace& place, const Direction& d, double over_ground_m) {
  return {place.position_m[0] + over_ground_m * std::sin(d.bearing),
          place.position_m[1] - over_ground_m * d.rise,
          place.position_m[2] + over_ground_m * std::cos(d.bearing)};
}

/// A box's edges as directions.
struct Edges {
  Direction middle, left, right, top, bottom;
};

Edges edges_of(const Box& box, const CameraPlace& place, const Intrinsics& camera) {
  const auto at = [&](double x, double y) { return direction_of(ray(place, camera, x, y)); };
  const double x = box.centre_x();
  const double y = box.centre_y();
  Edges edges{at(x, y), at(box.x1, y), at(box.x2, y), at(x, box.y1), at(x, box.y2)};
  // Behind the walker bearings jump: count from the middle.
  edges.left.bearing = edges.middle.bearing + wrapped(edges.left.bearing - edges.middle.bearing);
  edges.right.bearing = edges.middle.bearing + wrapped(edges.right.bearing - edges.middle.bearing);
  return edges;
}

/// As if all of it were so far from the camera, seen from the walker's frame.
Edges moved(Edges edges, const CameraPlace& place, double over_ground_m) {
  const auto move = [&](Direction& d) { d = direction_of(point(place, d, over_ground_m)); };
  for (Direction* d : {&edges.middle, &edges.left, &edges.right, &edges.top, &edges.bottom}) {
    move(*d);
  }
  edges.left.bearing = edges.middle.bearing + wrapped(edges.left.bearing - edges.middle.bearing);
  edges.right.bearing = edges.middle.bearing + wrapped(edges.right.bearing - edges.middle.bearing);
  return edges;
}

Box box_of(const Edges& edges, const View& view) {
  const Intrinsics& c = view.camera;
  return {static_cast<float>(c.cx + c.fx * edges.left.bearing),
          static_cast<float>(c.cy - c.fy * edges.top.rise),
          static_cast<float>(c.cx + c.fx * edges.right.bearing),
          static_cast<float>(c.cy - c.fy * edges.bottom.rise)};
}

/// How the pictures of one look lie in the view.
struct Looking {
  const CameraLook& look;
  Box field;          ///< what its picture covers
  CameraTurn since;   ///< how the walker turned from its picture to the first look's
  double baseline_m;  ///< from the walker's frame
};

/// An object as one camera, or several, have it.
struct Found {
  Detection detection;
  ObjectClass object;
  std::optional<Range> range;  ///< over the ground from the walker's frame
  double from_middle = 0;      ///< 0 in the middle of its picture, 1 at the edge
  double slack_px = 0;         ///< how far the doubt in its distance moves it
  const Box* field = nullptr;
};

std::optional<Range> depth_of(const CameraLook& look, const Detection& detection) {
  const MetricDepth* map = metric_map(look.depth);
  const bool of_now = map != nullptr && map->stamp.stream_ns == look.detections.stamp.stream_ns;
  return range_of(detection, of_now ? map : nullptr);
}

Found found_in(const Looking& from, const Detection& detection, const ObjectClass& object,
               const View& view) {
  const CameraLook& look = from.look;
  const Intrinsics& camera = look.intrinsics;
  const Box& box = detection.box;
  Found found;
  found.object = object;
  found.field = &from.field;
  found.detection = detection;
  found.detection.camera = look.detections.stamp.camera;
  const CutSides cut = cut_sides(box, camera);
  found.detection.cut = cut;
  found.from_middle = std::abs(box.centre_x() - camera.cx) / (0.5 * camera.width);

  Edges edges = edges_of(box, look.place, camera);
  // Along the optical axis, then over the ground; both from the camera.
  std::optional<Range> depth = depth_of(look, detection);
  if (depth) {
    const auto middle = ray(look.place, camera, box.centre_x(), box.centre_y());
    depth->depth_m = std::max(depth->depth_m * std::hypot(middle[0], middle[2]), kNearest_m);
  }
  const std::optional<Range> range =
      object_range(depth ? std::optional(calibrated(*depth)) : std::nullopt,
                   range_from_height(object, box_of(edges, view), view, cut));
  const auto from_walker = [&](double over_ground_m) {
    const auto at = point(look.place, edges.middle, over_ground_m);
    return std::max(std::hypot(at[0], at[2]), kNearest_m);
  };
  found.detection.depth.reset();
  if (depth) {
    found.detection.depth = BoxDepth{static_cast<float>(from_walker(depth->depth_m)),
                                     static_cast<float>(depth->sigma_relative)};
  }
  if (range) found.range = Range{from_walker(range->depth_m), range->sigma_relative};

  const double distance_m = range ? std::max(range->depth_m, kNearest_m) : kUnknownDistance_m;
  const double doubt = range ? std::min(2 * range->sigma_relative, 1.0) : 1.0;
  found.slack_px = view.camera.fx * (from.baseline_m / distance_m * doubt + kSlack_rad);
  edges = moved(edges, look.place, distance_m);
  const double right = from.since.right_deg * kRadPerDeg;
  const double up = from.since.up_deg * kRadPerDeg * std::cos(edges.middle.bearing);
  for (Direction* d : {&edges.middle, &edges.left, &edges.right, &edges.top, &edges.bottom}) {
    d->bearing -= right;
    if (up != 0) d->rise = std::tan(std::atan(d->rise) - up);
  }
  found.detection.box = box_of(edges, view);
  return found;
}

Box common(const Box& box, const Box& field, double slack) {
  const auto s = static_cast<float>(slack);
  return {std::max(box.x1 - s, field.x1), std::max(box.y1 - s, field.y1),
          std::min(box.x2 + s, field.x2), std::min(box.y2 + s, field.y2)};
}

/// As Tracker's association; 2: never the same.
double cost(const Found& a, const Found& b) {
  if (!look_alike(a.object.kind, b.object.kind)) return 2;
  const double slack = a.slack_px + b.slack_px;
  const double overlap = static_cast<double>(iou(common(a.detection.box, *b.field, slack / 2),
                                                 common(b.detection.box, *a.field, slack / 2)));
  if (a.range && b.range) {
    const double apart = std::abs(std::log(a.range->depth_m / b.range->depth_m));
    const double sigma = std::hypot(a.range->sigma_relative, b.range->sigma_relative);
    const bool surely = overlap >= kSurelySame && apart < kSurelyApart;
    if (apart > kSameDistance * sigma && !surely) return 2;
  }
  return 1 - overlap + (a.object.name != b.object.name ? kOtherClassPenalty : 0);
}

bool better(const Found& a, const Found& b) {
  const int cut_a = a.detection.cut->count();
  const int cut_b = b.detection.cut->count();
  return cut_a != cut_b ? cut_a < cut_b : a.from_middle <= b.from_middle;
}

std::optional<Range> of_both(const std::optional<Range>& a, const std::optional<Range>& b) {
  std::optional<Range> both = fuse(a, b);
  // One network's errors are the same for both: no surer than the surer.
  if (a && b) {
    both->sigma_relative =
        std::max(both->sigma_relative, std::min(a->sigma_relative, b->sigma_relative));
  }
  return both;
}

std::optional<Range> range_of(const std::optional<BoxDepth>& depth) {
  if (!depth) return std::nullopt;
  return Range{depth->depth_m, depth->sigma_relative};
}

/// One object that two cameras saw.
void join(Found& into, const Found& other) {
  const bool stays = better(into, other);
  Found kept = stays ? into : other;
  const Found& second = stays ? other : into;
  CutSides& cut = *kept.detection.cut;
  const CutSides& also = *second.detection.cut;
  const auto side = [&](bool& is_cut, bool other_cut, float& edge, float other_edge) {
    if (!is_cut || other_cut) return;
    edge = other_edge;
    is_cut = false;
  };
  Box& box = kept.detection.box;
  const Box& beside = second.detection.box;
  side(cut.left, also.left, box.x1, std::min(box.x1, beside.x1));
  side(cut.top, also.top, box.y1, std::min(box.y1, beside.y1));
  side(cut.right, also.right, box.x2, std::max(box.x2, beside.x2));
  side(cut.bottom, also.bottom, box.y2, std::max(box.y2, beside.y2));
  if (second.detection.score > kept.detection.score) {
    kept.detection.score = second.detection.score;
    kept.detection.class_id = second.detection.class_id;
    kept.object = second.object;
  }
  kept.range = of_both(kept.range, second.range);
  if (const auto depth =
          of_both(range_of(kept.detection.depth), range_of(second.detection.depth))) {
    kept.detection.depth =
        BoxDepth{static_cast<float>(depth->depth_m), static_cast<float>(depth->sigma_relative)};
  }
  into = std::move(kept);
}

}  // namespace

Detections joined(std::span<const CameraLook> looks, const ObjectCatalog& catalog,
                  const View& view) {
  Detections all;
  if (looks.empty()) return all;
  all.stamp = looks.front().detections.stamp;
  all.labels = looks.front().detections.labels;
  std::vector<Looking> looking;
  looking.reserve(looks.size());
  for (const CameraLook& look : looks) {
    const Intrinsics& c = look.intrinsics;
    const Box whole{0, 0, static_cast<float>(c.width), static_cast<float>(c.height)};
    Looking from{look,
                 box_of(edges_of(whole, look.place, c), view),
                 {},
                 std::hypot(look.place.position_m[0], look.place.position_m[2])};
    if (look.turned && looks.front().turned) {
      from.since = {looks.front().turned->right_deg - look.turned->right_deg,
                    looks.front().turned->up_deg - look.turned->up_deg};
    }
    looking.push_back(from);
  }
  std::vector<Found> objects;
  for (const Looking& from : looking) {
    std::vector<Found> more;
    for (const Detection& detection : from.look.detections.items) {
      const ObjectClass object = catalog.find(from.look.detections.label(detection));
      more.push_back(found_in(from, detection, object, view));
    }
    std::vector<double> costs;
    costs.reserve(objects.size() * more.size());
    for (const Found& a : objects) {
      for (const Found& b : more) costs.push_back(cost(a, b));
    }
    const std::vector<int> pairs = assign(costs, static_cast<int>(objects.size()),
                                          static_cast<int>(more.size()), 1 - kLeastOverlap);
    std::vector<bool> taken(more.size(), false);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (pairs[i] < 0) continue;
      const auto index = static_cast<std::size_t>(pairs[i]);
      taken[index] = true;
      join(objects[i], more[index]);
    }
    for (std::size_t i = 0; i < more.size(); ++i) {
      if (!taken[i]) objects.push_back(std::move(more[i]));
    }
  }
  for (const Found& found : objects) all.items.push_back(found.detection);
  std::stable_sort(all.items.begin(), all.items.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  return all;
}

std::pair<double, double> field_deg(const CameraPlace& place, const Intrinsics& camera) {
  const Box whole{0, 0, static_cast<float>(camera.width), static_cast<float>(camera.height)};
  const Edges edges = edges_of(whole, place, camera);
  return {edges.left.bearing / kRadPerDeg, edges.right.bearing / kRadPerDeg};
}

Box box_in_picture(const Box& around, std::optional<double> distance_m, const View& view,
                   const CameraPlace& place, const Intrinsics& camera) {
  const double over_ground = std::max(distance_m.value_or(kUnknownDistance_m), kNearest_m);
  const double flat = view.over_ground_at(around.centre_x(), around.centre_y()).distance();
  const double distance = over_ground / std::max(flat, 0.05);  // across the cylinder
  struct At {
    bool ahead;
    double x, y;
  };
  const auto project = [&](double column, double row) {
    const Direction d{(column - view.camera.cx) / view.camera.fx,
                      (view.camera.cy - row) / view.camera.fy};
    const std::array<double, 3> off{distance * std::sin(d.bearing) - place.position_m[0],
                                    -distance * d.rise - place.position_m[1],
                                    distance * std::cos(d.bearing) - place.position_m[2]};
    std::array<double, 3> own{};
    for (std::size_t row_of = 0; row_of < 3; ++row_of) {
      for (std::size_t k = 0; k < 3; ++k) own[row_of] += place.rotation[3 * k + row_of] * off[k];
    }
    // Beside or behind the camera: as far to the side as there is.
    if (own[2] < 0.02 * distance) return At{false, own[0] < 0 ? -1e6 : 1e6, 0};
    return At{true, camera.cx + camera.fx * own[0] / own[2],
              camera.cy + camera.fy * own[1] / own[2]};
  };
  const double x = around.centre_x();
  const double y = around.centre_y();
  const At top = project(x, around.y1);
  const At bottom = project(x, around.y2);
  const At left = project(around.x1, y);
  const At right = project(around.x2, y);
  if (!top.ahead || !bottom.ahead || right.x <= left.x) return {};
  return clipped({static_cast<float>(left.x), static_cast<float>(top.y),
                  static_cast<float>(right.x), static_cast<float>(bottom.y)},
                 camera.width, camera.height);
}

}  // namespace lazarillo
