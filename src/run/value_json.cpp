#include "run/value_json.h"

#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>

namespace lazarillo {
namespace {

using Json = nlohmann::json;

/// JSON as text has no NaN: it writes null.
float float_from(const Json& j) {
  return j.is_null() ? std::numeric_limits<float>::quiet_NaN() : j.get<float>();
}

double double_from(const Json& j) {
  return j.is_null() ? std::numeric_limits<double>::quiet_NaN() : j.get<double>();
}

Json to_json(const Obstacle& o) {
  return {o.distance_m, o.distance_sigma_m, o.bearing_deg, o.low_m, o.high_m};
}

Obstacle obstacle_from(const Json& j) {
  return {double_from(j.at(0)), double_from(j.at(1)), double_from(j.at(2)), double_from(j.at(3)),
          double_from(j.at(4))};
}

std::optional<Obstacle> some_obstacle(const Json& j) {
  return j.is_null() ? std::nullopt : std::optional(obstacle_from(j));
}

Json to_json(const DepthGrid& g) { return {g.width, g.height, g.scale, g.offset_x, g.offset_y}; }

/// The next `count` numbers, taken away from what is left.
std::span<const float> take(std::span<const float>& left, std::size_t count) {
  if (count > left.size()) throw std::out_of_range("a depth map lacks values");
  const std::span<const float> taken = left.first(count);
  left = left.subspan(count);
  return taken;
}

DepthGrid grid_from(const Json& j, std::span<const float>& left) {
  DepthGrid g{j.at(0).get<int>(),    j.at(1).get<int>(),    j.at(2).get<double>(),
              j.at(3).get<double>(), j.at(4).get<double>(), {}};
  if (g.width < 0 || g.height < 0) throw std::out_of_range("a depth map without a size");
  const auto values =
      take(left, static_cast<std::size_t>(g.width) * static_cast<std::size_t>(g.height));
  g.values.assign(values.begin(), values.end());
  return g;
}

}  // namespace

Json to_json(const FrameStamp& s) { return {s.camera, s.sequence, s.capture_ns, s.stream_ns}; }

FrameStamp stamp_from(const Json& j) {
  return {j.at(0).get<int>(), j.at(1).get<std::uint64_t>(), j.at(2).get<std::int64_t>(),
          j.at(3).get<std::int64_t>()};
}

Json to_json(const Box& b) { return {b.x1, b.y1, b.x2, b.y2}; }

Box box_from(const Json& j) {
  return {float_from(j.at(0)), float_from(j.at(1)), float_from(j.at(2)), float_from(j.at(3))};
}

Json to_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

std::optional<double> number_from(const Json& j) {
  return j.is_null() ? std::nullopt : std::optional(j.get<double>());
}

Json to_json(const Detections& detections) {
  Json items = Json::array();
  for (const Detection& d : detections.items) {
    items.push_back({to_json(d.box), d.score, d.class_id,
                     d.depth ? Json{d.depth->depth_m, d.depth->sigma_relative} : Json()});
  }
  return {{"stamp", to_json(detections.stamp)}, {"items", std::move(items)}};
}

Detections detections_from(const Json& j, const Labels& labels) {
  Detections detections{stamp_from(j.at("stamp")), {}, labels};
  for (const Json& item : j.at("items")) {
    Detection detection{box_from(item.at(0)), float_from(item.at(1)), item.at(2).get<int>()};
    if (const Json& depth = item.at(3); !depth.is_null()) {
      detection.depth = BoxDepth{float_from(depth.at(0)), float_from(depth.at(1))};
    }
    detections.items.push_back(detection);
  }
  return detections;
}

Json to_json(const Track& t) {
  return {t.id,
          t.label,
          static_cast<int>(t.kind),
          to_json(t.box),
          t.score,
          to_json(t.certainty),
          t.observed,
          t.first_seen_ns,
          t.last_seen_ns,
          t.hits,
          t.bearing_deg,
          t.bearing_rate_deg_s,
          t.bearing_rate_sigma_deg_s,
          t.angular_width_deg,
          t.angular_height_deg,
          to_json(t.distance_m),
          t.distance_sigma_m,
          t.closing_speed_mps,
          t.closing_speed_sigma_mps,
          to_json(t.ttc_s)};
}

Track track_from(const Json& j) {
  Track t;
  std::size_t i = 0;
  t.id = j.at(i++).get<int>();
  t.label = j.at(i++).get<std::string>();
  t.kind = static_cast<ObjectKind>(j.at(i++).get<int>());
  t.box = box_from(j.at(i++));
  t.score = float_from(j.at(i++));
  t.certainty = number_from(j.at(i++));
  t.observed = j.at(i++).get<bool>();
  t.first_seen_ns = j.at(i++).get<std::int64_t>();
  t.last_seen_ns = j.at(i++).get<std::int64_t>();
  t.hits = j.at(i++).get<int>();
  t.bearing_deg = double_from(j.at(i++));
  t.bearing_rate_deg_s = double_from(j.at(i++));
  t.bearing_rate_sigma_deg_s = double_from(j.at(i++));
  t.angular_width_deg = double_from(j.at(i++));
  t.angular_height_deg = double_from(j.at(i++));
  t.distance_m = number_from(j.at(i++));
  t.distance_sigma_m = double_from(j.at(i++));
  t.closing_speed_mps = double_from(j.at(i++));
  t.closing_speed_sigma_mps = double_from(j.at(i++));
  t.ttc_s = number_from(j.at(i++));
  return t;
}

Json to_json(const CorridorView& v) {
  const GroundPlane& g = v.ground;
  return {
      {"stamp", to_json(v.stamp)},
      {"ground", {g.down[0], g.down[1], g.down[2], g.height_m, g.sigma_relative, g.share, g.seen}},
      {"obstacle", v.obstacle ? to_json(*v.obstacle) : Json()},
      {"low", v.low ? to_json(*v.low) : Json()},
      {"head", v.head ? to_json(*v.head) : Json()},
      {"drop", v.drop ? Json{v.drop->distance_m, v.drop->depth_m, v.drop->stairs} : Json()},
      {"stairs_up", v.stairs_up ? Json(v.stairs_up->distance_m) : Json()},
      {"clear_m", v.clear_m},
      {"way_round_m", to_json(v.way_round_m)}};
}

CorridorView view_from(const Json& j) {
  CorridorView v;
  v.stamp = stamp_from(j.at("stamp"));
  const Json& g = j.at("ground");
  v.ground = {{double_from(g.at(0)), double_from(g.at(1)), double_from(g.at(2))},
              double_from(g.at(3)),
              double_from(g.at(4)),
              double_from(g.at(5)),
              g.at(6).get<bool>()};
  v.obstacle = some_obstacle(j.at("obstacle"));
  if (const auto low = j.find("low"); low != j.end()) v.low = some_obstacle(*low);
  v.head = some_obstacle(j.at("head"));
  if (const Json& d = j.at("drop"); !d.is_null()) {
    v.drop = Drop{double_from(d.at(0)), double_from(d.at(1)), d.at(2).get<bool>()};
  }
  if (const Json& s = j.at("stairs_up"); !s.is_null()) v.stairs_up = StairsUp{double_from(s)};
  v.clear_m = double_from(j.at("clear_m"));
  v.way_round_m = number_from(j.at("way_round_m"));
  return v;
}

DepthParts parts_of(const Depth& depth) {
  if (const auto* metric = std::get_if<std::shared_ptr<const MetricDepth>>(&depth)) {
    const MetricDepth& d = **metric;
    return {{{"kind", "metric"},
             {"stamp", to_json(d.stamp)},
             {"grid", to_json(d.depth_m)},
             {"sigmas", d.sigma_relative.size()}},
            d.depth_m.values,
            d.sigma_relative};
  }
  if (const auto* relative = std::get_if<std::shared_ptr<const RelativeDepth>>(&depth)) {
    const RelativeDepth& d = **relative;
    return {{{"kind", "relative"}, {"stamp", to_json(d.stamp)}, {"grid", to_json(d.inverse)}},
            d.inverse.values,
            {}};
  }
  return {};
}

Depth depth_from(const Json& j, std::span<const float> numbers) {
  if (j.is_null()) return {};
  if (j.at("kind") == "metric") {
    auto depth = std::make_shared<MetricDepth>();
    depth->stamp = stamp_from(j.at("stamp"));
    depth->depth_m = grid_from(j.at("grid"), numbers);
    const auto sigmas = take(numbers, j.at("sigmas").get<std::size_t>());
    depth->sigma_relative.assign(sigmas.begin(), sigmas.end());
    return std::shared_ptr<const MetricDepth>(std::move(depth));
  }
  auto depth = std::make_shared<RelativeDepth>();
  depth->stamp = stamp_from(j.at("stamp"));
  depth->inverse = grid_from(j.at("grid"), numbers);
  return std::shared_ptr<const RelativeDepth>(std::move(depth));
}

}  // namespace lazarillo
