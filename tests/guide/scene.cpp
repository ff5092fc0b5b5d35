#include "scene.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

#include "guide/guide.h"
#include "track/tracker.h"

namespace lazarillo::testing {
namespace {

constexpr int kWidth = 640;
constexpr int kHeight = 480;
constexpr double kCameraHeight = 1.5;
constexpr double kBoxJitter = 0.01;
constexpr double kDepthSigma = 0.12;

bool within(const std::vector<Interval>& intervals, double t) {
  return std::any_of(intervals.begin(), intervals.end(),
                     [t](const Interval& i) { return t >= i.first && t < i.second; });
}

std::vector<Interval> intervals(const toml::table& table, const char* key) {
  std::vector<Interval> result;
  if (const toml::array* list = table[key].as_array()) {
    for (const toml::node& each : *list) {
      const toml::array& pair = *each.as_array();
      result.emplace_back(pair.get(0)->value<double>().value(),
                          pair.get(1)->value<double>().value());
    }
  }
  return result;
}

/// The box of an upright block, cut by the picture; nullopt when out of view or behind.
std::optional<Box> project(const Actor& actor, double t, const Intrinsics& camera) {
  const double z = actor.z + actor.vz * t;
  const double x = actor.x + actor.vx * t;
  if (z < 0.3) return std::nullopt;
  const auto column = [&](double at) { return camera.cx + camera.fx * at / z; };
  const auto row = [&](double height) {
    return camera.cy + camera.fy * (kCameraHeight - height) / z;
  };
  const Box whole{static_cast<float>(column(x - actor.width / 2)),
                  static_cast<float>(row(actor.bottom + actor.height)),
                  static_cast<float>(column(x + actor.width / 2)),
                  static_cast<float>(row(actor.bottom))};
  const Box cut{std::max(whole.x1, 0.0F), std::max(whole.y1, 0.0F),
                std::min(whole.x2, static_cast<float>(kWidth)),
                std::min(whole.y2, static_cast<float>(kHeight))};
  if (cut.width() < 0.3F * whole.width() || cut.height() < 4) return std::nullopt;
  return cut;
}

void paint(MetricDepth& depth, const Box& box, double z) {
  DepthGrid& grid = depth.depth_m;
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) {
      const double px = (x - grid.offset_x) / grid.scale;
      const double py = (y - grid.offset_y) / grid.scale;
      if (px < box.x1 || px > box.x2 || py < box.y1 || py > box.y2) continue;
      float& cell = grid.values[static_cast<std::size_t>(y * grid.width + x)];
      cell = std::min(cell, static_cast<float>(z));
    }
  }
}

CuePattern pattern(const toml::table& table) {
  CuePattern p;
  p.priority = table["priority"].value_or(std::string{});
  p.label = table["label"].value_or(std::string{});
  p.side = table["side"].value_or(std::string{});
  p.kind = table["kind"].value_or(std::string{});
  p.from = table["from"].value_or(0.0);
  p.until = table["until"].value_or(1e9);
  p.distance_m = table["distance"].value<double>();
  p.maybe = table["maybe"].value<bool>();
  p.count = table["count"].value<int>();
  if (const auto hour = table["clock"].value<int64_t>()) p.clock = static_cast<int>(*hour);
  return p;
}

}  // namespace

bool CuePattern::matches(const Cue& cue) const {
  const double t = static_cast<double>(cue.stamp.stream_ns) / 1e9;
  if (t < from || t > until) return false;
  if (!priority.empty() && priority != to_string(cue.priority)) return false;
  if (!label.empty() && label != cue.label) return false;
  if (!side.empty() && side != to_string(cue.side)) return false;
  if (!kind.empty() && kind != to_string(cue.kind)) return false;
  if (maybe && *maybe != cue.maybe) return false;
  if (count && *count != count_of(cue)) return false;
  if (clock && *clock != cue.clock_hour) return false;
  return !distance_m || (cue.distance_m && std::abs(*cue.distance_m / *distance_m - 1) <= 0.25);
}

Scenario load_scenario(const std::filesystem::path& file) {
  const toml::table document = toml::parse_file(file.string());
  Scenario s;
  s.title = document["title"].value<std::string>().value();
  s.seconds = document["seconds"].value_or(6.0);
  s.fps = document["fps"].value_or(15.0);
  s.hfov_deg = document["hfov_deg"].value_or(70.0);
  s.calibrated = document["calibrated"].value_or(false);
  s.depth = document["depth"].value_or(true);
  s.blind = intervals(document, "blind");
  s.stands = intervals(document, "stands");
  if (const auto most = document["at_most"].value<int64_t>())
    s.at_most = static_cast<std::size_t>(*most);
  const auto each = [&](const char* key, auto&& use) {
    if (const toml::array* list = document[key].as_array()) {
      for (const toml::node& node : *list) use(*node.as_table());
    }
  };
  each("object", [&](const toml::table& t) {
    Actor a;
    a.label = t["label"].value<std::string>().value();
    a.x = t["x"].value_or(0.0);
    a.z = t["z"].value_or(5.0);
    a.vx = t["vx"].value_or(0.0);
    a.vz = t["vz"].value_or(0.0);
    a.bottom = t["bottom"].value_or(0.0);
    a.height = t["height"].value_or(1.7);
    a.width = t["width"].value_or(0.5);
    a.from = t["from"].value_or(0.0);
    a.until = t["until"].value_or(1e9);
    a.score = t["score"].value_or(0.8);
    a.hidden = intervals(t, "hidden");
    s.actors.push_back(a);
  });
  each("expect", [&](const toml::table& t) { s.expect.push_back(pattern(t)); });
  each("never", [&](const toml::table& t) { s.never.push_back(pattern(t)); });
  return s;
}

std::vector<Cue> play(const Scenario& scenario) {
  const Intrinsics camera = Intrinsics::from_hfov(scenario.hfov_deg, kWidth, kHeight, false);
  Tracker tracker({.calibrated = scenario.calibrated},
                  ObjectCatalog::load(LZ_SOURCE_DIR "/data/objects.toml"));
  Guide guide({});
  auto labels = std::make_shared<std::vector<std::string>>();
  for (const Actor& actor : scenario.actors) labels->push_back(actor.label);
  std::mt19937 random(1);
  std::normal_distribution<double> jitter(0, kBoxJitter);

  std::vector<Cue> said;
  Vision vision;
  const int frames = static_cast<int>(std::lround(scenario.seconds * scenario.fps));
  for (int i = 0; i < frames; ++i) {
    const double t = i / scenario.fps;
    Detections detections;
    detections.labels = labels;
    detections.stamp.sequence = static_cast<std::uint64_t>(i);
    detections.stamp.stream_ns = std::llround(t * 1e9);
    auto depth = std::make_shared<MetricDepth>();
    depth->stamp = detections.stamp;
    depth->depth_m = {kWidth / 4, kHeight / 4, 0.25, -0.375, -0.375, {}};
    depth->depth_m.values.assign(static_cast<std::size_t>(kWidth / 4) * (kHeight / 4), 90.0F);
    depth->sigma_relative.assign(depth->depth_m.values.size(), static_cast<float>(kDepthSigma));
    const bool sees = !within(scenario.blind, t);
    for (std::size_t k = 0; sees && k < scenario.actors.size(); ++k) {
      const Actor& actor = scenario.actors[k];
      if (t < actor.from || t >= actor.until) continue;
      const auto box = project(actor, t, camera);
      if (!box) continue;
      paint(*depth, *box, actor.z + actor.vz * t);
      const auto dx = static_cast<float>(jitter(random) * box->width());
      const auto dy = static_cast<float>(jitter(random) * box->height());
      if (within(actor.hidden, t)) continue;
      detections.items.push_back({{box->x1 + dx, box->y1 + dy, box->x2 + dx, box->y2 - dy},
                                  static_cast<float>(actor.score),
                                  static_cast<int>(k)});
    }
    const Depth seen = scenario.depth ? Depth(std::shared_ptr<const MetricDepth>(depth)) : Depth();
    if (sees) vision.last_seen_ns = detections.stamp.stream_ns;
    if (!scenario.stands.empty()) {
      guide.walk(within(scenario.stands, t) ? Gait::standing : Gait::walking,
                 detections.stamp.stream_ns);
    }
    for (const Cue& cue : guide.update(tracker.update(detections, seen, camera), vision)) {
      said.push_back(cue);
    }
  }
  return said;
}

}  // namespace lazarillo::testing
