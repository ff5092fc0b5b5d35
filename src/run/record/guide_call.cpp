#include "run/record/guide_call.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "run/value_json.h"
#include "source/lens.h"

namespace lazarillo {
namespace {

using Json = nlohmann::json;

Frame slim(Frame frame) {
  frame.pixels.reset();
  frame.device.reset();
  frame.set.reset();
  return frame;
}

/// That there is a map, and whose: the numbers are read by those whose findings are recorded.
Depth without_numbers(const Depth& depth) {
  if (const auto* metric = std::get_if<std::shared_ptr<const MetricDepth>>(&depth)) {
    auto empty = std::make_shared<MetricDepth>();
    empty->stamp = (*metric)->stamp;
    return std::shared_ptr<const MetricDepth>(std::move(empty));
  }
  if (const auto* relative = std::get_if<std::shared_ptr<const RelativeDepth>>(&depth)) {
    auto empty = std::make_shared<RelativeDepth>();
    empty->stamp = (*relative)->stamp;
    return std::shared_ptr<const RelativeDepth>(std::move(empty));
  }
  return {};
}

Json head_json(const HeadMotion& h) {
  return {h.pitch_deg, h.roll_deg, h.deviation_deg, static_cast<int>(h.gait), h.steps_per_min};
}

HeadMotion head_of(const Json& j) {
  const int gait = j.at(3).get<int>();
  if (gait < 0 || gait > static_cast<int>(Gait::walking)) {
    throw std::out_of_range("how somebody goes is not known");
  }
  return {j.at(0).get<float>(), j.at(1).get<float>(), j.at(2).get<float>(), static_cast<Gait>(gait),
          j.at(4).get<float>()};
}

Json frame_json(const Frame& f) {
  const Intrinsics& k = f.intrinsics;
  return {{"stamp", to_json(f.stamp)},
          {"size", {f.width, f.height}},
          {"camera", {k.fx, k.fy, k.cx, k.cy, k.width, k.height, k.assumed}},
          {"lens", f.lens != nullptr},
          {"state", static_cast<int>(f.state)},
          {"turned", f.turned ? Json{f.turned->right_deg, f.turned->up_deg} : Json()},
          {"head", f.head ? head_json(*f.head) : Json()}};
}

/// A guide asks no more of a lens than whether there is one.
const std::shared_ptr<const Lens>& some_lens() {
  static const auto lens = std::make_shared<const Lens>(
      Intrinsics{.fx = 1, .fy = 1, .width = 2, .height = 2}, LensModel{KannalaBrandt{}});
  return lens;
}

Frame frame_of(const Json& j) {
  Frame f;
  f.stamp = stamp_from(j.at("stamp"));
  f.width = j.at("size").at(0).get<int>();
  f.height = j.at("size").at(1).get<int>();
  const Json& k = j.at("camera");
  f.intrinsics = {k.at(0).get<double>(), k.at(1).get<double>(), k.at(2).get<double>(),
                  k.at(3).get<double>(), k.at(4).get<int>(),    k.at(5).get<int>(),
                  k.at(6).get<bool>()};
  if (j.at("lens").get<bool>()) f.lens = some_lens();
  const int state = j.at("state").get<int>();
  if (state < 0 || state > static_cast<int>(PictureState::blurred)) {
    throw std::out_of_range("a picture's state is none");
  }
  f.state = static_cast<PictureState>(state);
  if (const Json& turned = j.at("turned"); !turned.is_null()) {
    f.turned = CameraTurn{turned.at(0).get<double>(), turned.at(1).get<double>()};
  }
  // Recordings made before it was known have none.
  if (const Json head = j.value("head", Json()); !head.is_null()) f.head = head_of(head);
  return f;
}

struct Writer {
  Json& line;
  void operator()(const Frame& frame) const {
    line["kind"] = "frame";
    line["frame"] = frame_json(frame);
  }
  void operator()(const Seen& seen) const {
    line["kind"] = "seen";
    line["frame"] = frame_json(seen.frame);
    line["outcome"] = static_cast<int>(seen.outcome);
    line["fault"] = seen.sighting.fault;
    line["detections"] = to_json(seen.sighting.detections);
    line["depth"] = parts_of(seen.sighting.depth).description;
  }
  void operator()(const DepthSighting& depth) const {
    line["kind"] = "depth";
    line["stamp"] = to_json(depth.stamp);
    line["fault"] = depth.fault;
    line["depth"] = parts_of(depth.depth).description;
  }
  void operator()(const VisionBreak& vision) const {
    line["kind"] = "break";
    line["broken"] = vision.broken;
  }
  void operator()(const Command& command) const {
    line["kind"] = "command";
    line["command"] = to_string(command);
  }
  void operator()(const GuideIdle&) const { line["kind"] = "idle"; }
  void operator()(const GuideEnd&) const { line["kind"] = "end"; }
};

Seen seen_of(const Json& line, const Labels& labels) {
  Seen seen;
  seen.frame = frame_of(line.at("frame"));
  const int outcome = line.at("outcome").get<int>();
  if (outcome < 0 || outcome > static_cast<int>(Seen::Outcome::late)) {
    throw std::out_of_range("what came of a frame is not known");
  }
  seen.outcome = static_cast<Seen::Outcome>(outcome);
  seen.sighting.fault = line.at("fault").get<std::string>();
  seen.sighting.detections = detections_from(line.at("detections"), labels);
  for (const Detection& d : seen.sighting.detections.items) {
    if (d.class_id < 0 || static_cast<std::size_t>(d.class_id) >= labels->size()) {
      throw std::out_of_range("a detection of a class that is not known");
    }
  }
  seen.sighting.depth = depth_from(line.at("depth"), {});
  return seen;
}

GuideCall value_of(const Json& line, const Labels& labels) {
  const std::string kind = line.at("kind").get<std::string>();
  if (kind == "frame") return frame_of(line.at("frame"));
  if (kind == "seen") return seen_of(line, labels);
  if (kind == "depth") {
    DepthSighting depth;
    depth.stamp = stamp_from(line.at("stamp"));
    depth.fault = line.at("fault").get<std::string>();
    depth.depth = depth_from(line.at("depth"), {});
    return depth;
  }
  if (kind == "break") return VisionBreak{line.at("broken").get<bool>()};
  if (kind == "command") {
    const auto command = command_of(line.at("command").get<std::string>());
    if (!command) throw std::out_of_range("a command that is not known");
    return *command;
  }
  if (kind == "idle") return GuideIdle{};
  if (kind == "end") return GuideEnd{};
  throw std::out_of_range("what was given is of no known kind");
}

}  // namespace

void call(GuideStage& stage, GuideCall value) {
  std::visit(
      [&stage](auto& v) {
        using T = std::remove_cvref_t<decltype(v)>;
        if constexpr (std::is_same_v<T, GuideIdle>) {
          stage.idle();
        } else if constexpr (std::is_same_v<T, GuideEnd>) {
          stage.finish();
        } else {
          stage.process(std::move(v));
        }
      },
      value);
}

GuideCall widened(GuideInput input) {
  return std::visit([](auto& v) -> GuideCall { return std::move(v); }, input);
}

GuideCall without_pixels(const GuideCall& value) {
  if (const auto* frame = std::get_if<Frame>(&value)) return slim(*frame);
  GuideCall copy = value;
  if (auto* seen = std::get_if<Seen>(&copy)) {
    seen->frame = slim(std::move(seen->frame));
    seen->sighting.depth = without_numbers(seen->sighting.depth);
  } else if (auto* depth = std::get_if<DepthSighting>(&copy)) {
    depth->depth = without_numbers(depth->depth);
  }
  return copy;
}

std::string line_of(const RecordedCall& call) {
  Json line = {{"type", "given"}, {"n", call.number}, {"clock", call.clock}};
  if (call.said) line["said"] = {call.said->text, call.said->bearing_deg};
  for (const Tracks& tracks : call.tracks) {
    Json items = Json::array();
    for (const Track& track : tracks.items) items.push_back(to_json(track));
    line["tracks"].push_back({{"stamp", to_json(tracks.stamp)}, {"items", std::move(items)}});
  }
  for (const CorridorView& view : call.views) line["path"].push_back(to_json(view));
  std::visit(Writer{line}, call.value);
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

RecordedCall recorded_call(const Json& line, const Labels& labels) {
  RecordedCall call;
  call.number = line.at("n").get<std::uint64_t>();
  call.clock = line.at("clock").get<std::vector<std::int64_t>>();
  if (line.contains("said")) {
    call.said =
        LastSaid{line.at("said").at(0).get<std::string>(), line.at("said").at(1).get<double>()};
  }
  for (const Json& tracks : line.value("tracks", Json::array())) {
    Tracks& one = call.tracks.emplace_back();
    one.stamp = stamp_from(tracks.at("stamp"));
    for (const Json& track : tracks.at("items")) one.items.push_back(track_from(track));
  }
  for (const Json& view : line.value("path", Json::array())) call.views.push_back(view_from(view));
  call.value = value_of(line, labels);
  return call;
}

std::size_t bytes_of(const RecordedCall& call) {
  constexpr std::size_t kCall = 1024;
  std::size_t bytes = kCall + call.views.size() * sizeof(CorridorView);
  if (const auto* seen = std::get_if<Seen>(&call.value)) {
    bytes += seen->sighting.detections.items.size() * sizeof(Detection);
  }
  for (const Tracks& tracks : call.tracks) bytes += tracks.items.size() * sizeof(Track);
  return bytes;
}

}  // namespace lazarillo
