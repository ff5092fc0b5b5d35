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
