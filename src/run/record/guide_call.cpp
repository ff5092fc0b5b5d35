#include "run/record/guide_call.h"

#include <glib.h>

#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
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
  return frame;
}

std::string to_base64(std::span<const float> numbers) {
  gchar* raw =
      g_base64_encode(reinterpret_cast<const guchar*>(numbers.data()), numbers.size_bytes());
  std::string text(raw);
  g_free(raw);
  return text;
}

std::vector<float> from_base64(const std::string& text) {
  gsize size = 0;
  guchar* raw = g_base64_decode(text.c_str(), &size);
  std::vector<float> numbers(size / sizeof(float));
  if (!numbers.empty()) std::memcpy(numbers.data(), raw, numbers.size() * sizeof(float));
  g_free(raw);
  return numbers;
}

Json depth_json(const Depth& depth) {
  DepthParts parts = parts_of(depth);
  if (parts.description.is_null()) return {};
  std::vector<float> numbers(parts.values.begin(), parts.values.end());
  numbers.insert(numbers.end(), parts.sigmas.begin(), parts.sigmas.end());
  parts.description["f32"] = to_base64(numbers);
  return std::move(parts.description);
}

Depth depth_of(const Json& j) {
  if (j.is_null()) return {};
  return depth_from(j, from_base64(j.at("f32").get<std::string>()));
}

Json frame_json(const Frame& f) {
  const Intrinsics& k = f.intrinsics;
  return {{"stamp", to_json(f.stamp)},
          {"size", {f.width, f.height}},
          {"camera", {k.fx, k.fy, k.cx, k.cy, k.width, k.height, k.assumed}},
          {"lens", f.lens != nullptr},
          {"state", static_cast<int>(f.state)},
          {"turned", f.turned ? Json{f.turned->right_deg, f.turned->up_deg} : Json()}};
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
  if (state < 0 || state > static_cast<int>(PictureState::repeated)) {
    throw std::out_of_range("a picture's state is none");
  }
  f.state = static_cast<PictureState>(state);
  if (const Json& turned = j.at("turned"); !turned.is_null()) {
    f.turned = CameraTurn{turned.at(0).get<double>(), turned.at(1).get<double>()};
  }
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
    line["depth"] = depth_json(seen.sighting.depth);
  }
  void operator()(const DepthSighting& depth) const {
    line["kind"] = "depth";
    line["stamp"] = to_json(depth.stamp);
    line["fault"] = depth.fault;
    line["depth"] = depth_json(depth.depth);
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
  seen.sighting.depth = depth_of(line.at("depth"));
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
    depth.depth = depth_of(line.at("depth"));
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

std::size_t cells(const Depth& depth) {
  const DepthParts parts = parts_of(depth);
  return parts.values.size() + parts.sigmas.size();
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
  if (auto* seen = std::get_if<Seen>(&copy)) seen->frame = slim(std::move(seen->frame));
  return copy;
}

std::string line_of(const RecordedCall& call) {
  Json line = {{"type", "given"}, {"n", call.number}, {"clock", call.clock}};
  if (call.again) line["again"] = {call.again->text, call.again->bearing_deg};
  std::visit(Writer{line}, call.value);
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

RecordedCall recorded_call(const Json& line, const Labels& labels) {
  RecordedCall call;
  call.number = line.at("n").get<std::uint64_t>();
  call.clock = line.at("clock").get<std::vector<std::int64_t>>();
  if (line.contains("again")) {
    call.again =
        LastSaid{line.at("again").at(0).get<std::string>(), line.at("again").at(1).get<double>()};
  }
  call.value = value_of(line, labels);
  return call;
}

std::size_t bytes_of(const RecordedCall& call) {
  constexpr std::size_t kCall = 1024;
  std::size_t bytes = kCall;
  if (const auto* seen = std::get_if<Seen>(&call.value)) {
    bytes += seen->sighting.detections.items.size() * sizeof(Detection) +
             cells(seen->sighting.depth) * sizeof(float);
  } else if (const auto* depth = std::get_if<DepthSighting>(&call.value)) {
    bytes += cells(depth->depth) * sizeof(float);
  }
  return bytes;
}

}  // namespace lazarillo
