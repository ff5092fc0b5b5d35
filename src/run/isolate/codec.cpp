#include "run/isolate/codec.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "run/value_json.h"

namespace lazarillo {
namespace {

using Json = nlohmann::json;
using lazarillo::to_json;

// Detections and tracks are capped far below this (see/decode.h): a crowd of 500 is 100 KiB.
constexpr std::uint64_t kTextBytes = std::uint64_t{1} << 19;

RingPixelFormat ring_format(PixelFormat format) {
  switch (format) {
    case PixelFormat::bgr8:
      return RingPixelFormat::bgr8;
    case PixelFormat::gray8:
      return RingPixelFormat::gray8;
    case PixelFormat::nv12:
      return RingPixelFormat::nv12_on_card;
  }
  return RingPixelFormat::bgr8;
}

PixelFormat format_of(RingPixelFormat format) {
  if (format == RingPixelFormat::nv12_on_card) return PixelFormat::nv12;
  return format == RingPixelFormat::bgr8 ? PixelFormat::bgr8 : PixelFormat::gray8;
}

Json to_json(const Cue& c) {
  Json parts = Json::array();
  for (const Cue& part : c.parts) parts.push_back(to_json(part));
  return {static_cast<int>(c.kind),
          static_cast<int>(c.priority),
          to_json(c.stamp),
          c.track,
          c.label,
          c.maybe,
          c.bearing_deg,
          static_cast<int>(c.side),
          c.clock_hour,
          to_json(c.distance_m),
          c.distance_sigma_m,
          to_json(c.ttc_s),
          c.way_round ? static_cast<int>(*c.way_round) : -1,
          Json(c.others),
          std::move(parts)};
}

Cue cue_from(const Json& j) {
  Cue c;
  std::size_t i = 0;
  c.kind = static_cast<CueKind>(j[i++].get<int>());
  c.priority = static_cast<Priority>(j[i++].get<int>());
  c.stamp = stamp_from(j[i++]);
  c.track = j[i++].get<int>();
  c.label = j[i++].get<std::string>();
  c.maybe = j[i++].get<bool>();
  c.bearing_deg = j[i++].get<double>();
  c.side = static_cast<Side>(j[i++].get<int>());
  c.clock_hour = j[i++].get<int>();
  c.distance_m = number_from(j[i++]);
  c.distance_sigma_m = j[i++].get<double>();
  c.ttc_s = number_from(j[i++]);
  const int way = j[i++].get<int>();
  if (way >= 0) c.way_round = static_cast<Side>(way);
  c.others = j[i++].get<std::vector<int>>();
  for (const Json& part : j[i++]) c.parts.push_back(cue_from(part));
  return c;
}

std::size_t aligned(std::size_t bytes) { return (bytes + 3) / 4 * 4; }

std::optional<std::size_t> write(const Json& object, std::span<const DepthParts> maps,
                                 std::span<std::byte> slot) {
  const std::vector<std::uint8_t> text = Json::to_cbor(object);
  const std::size_t numbers_at = aligned(4 + text.size());
  std::size_t total = numbers_at;
  for (const DepthParts& depth : maps) {
    total += depth.values.size_bytes() + depth.sigmas.size_bytes();
  }
  if (total > slot.size()) return std::nullopt;
  const auto length = static_cast<std::uint32_t>(text.size());
  std::memcpy(slot.data(), &length, 4);
  std::memcpy(slot.data() + 4, text.data(), text.size());
  std::byte* at = slot.data() + numbers_at;
  for (const DepthParts& depth : maps) {
    for (const std::span<const float> numbers : {depth.values, depth.sigmas}) {
      if (!numbers.empty()) std::memcpy(at, numbers.data(), numbers.size_bytes());
      at += numbers.size_bytes();
    }
  }
  return total;
}

struct Read {
  Json object;
  std::span<const float> numbers;
};

Read read(std::span<const std::byte> bytes) {
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data(), 4);
  const auto* text = reinterpret_cast<const std::uint8_t*>(bytes.data()) + 4;
  const std::span<const std::byte> rest = bytes.subspan(aligned(4 + length));
  return {Json::from_cbor(text, text + length),
          {reinterpret_cast<const float*>(rest.data()), rest.size() / sizeof(float)}};
}

/// What was found in one picture; `at`: how many numbers of other maps stand before its own.
Json to_json(const Sighting& s, const DepthParts& depth, std::size_t at) {
  return {{"fault", s.fault},
          {"detections", to_json(s.detections)},
          {"depth", depth.description},
          {"at", at}};
}

Sighting sighting_from(const Json& j, std::span<const float> numbers, const Labels& labels) {
  Sighting s;
  s.fault = j["fault"].get<std::string>();
  s.detections = detections_from(j["detections"], labels);
  s.depth = depth_from(j["depth"], numbers.subspan(j["at"].get<std::size_t>()));
  return s;
}

/// The records of the other pictures of a moment, byte for byte.
Json others_of(const Frame& frame) {
  std::vector<std::uint8_t> bytes;
  if (frame.set) {
    for (const Frame& other : frame.set->others) {
      const SlotRecord record = record_of(other);
      const auto* from = reinterpret_cast<const std::uint8_t*>(&record);
      bytes.insert(bytes.end(), from, from + sizeof record);
    }
  }
  return Json::binary(std::move(bytes));
}

std::vector<SlotRecord> others_from(const Json& j) {
  const std::vector<std::uint8_t>& bytes = j.get_binary();
  std::vector<SlotRecord> records(bytes.size() / sizeof(SlotRecord));
  if (!records.empty()) std::memcpy(records.data(), bytes.data(), bytes.size());
  return records;
}

/// A frame without pixels; of several cameras without the others of its moment.
Frame picture_of(const SlotRecord& record, KnownCameras& cameras) {
  Frame frame;
  frame.stamp = {static_cast<int>(record.camera), record.frame_sequence, record.capture_ns,
                 record.stream_ns};
  frame.width = static_cast<int>(record.width);
  frame.height = static_cast<int>(record.height);
  frame.stride_bytes = record.stride_bytes;
  frame.format = format_of(record.pixel_format);
  frame.lens = cameras.of(frame.stamp.camera, frame.width, frame.height).lens;
  frame.intrinsics = {record.fx,
                      record.fy,
                      record.cx,
                      record.cy,
                      frame.lens ? frame.lens->upright_width() : frame.width,
                      frame.lens ? frame.lens->upright_height() : frame.height,
                      (record.flags & kIntrinsicsAssumed) != 0};
  frame.state = static_cast<PictureState>(std::min(record.picture_state, 5U));
  if ((record.flags & kTurnKnown) != 0) {
    frame.turned = CameraTurn{record.turned_right_deg, record.turned_up_deg};
  }
  if ((record.flags & kHeadKnown) != 0) {
    const std::uint32_t gait = record.flags >> kGaitShift & kGaitMask;
    frame.head =
        HeadMotion{record.gravity_pitch_deg, record.gravity_roll_deg, record.gravity_deviation_deg,
                   static_cast<Gait>(std::min(gait, 2U)), record.steps_per_min};
  }
  return frame;
}

}  // namespace

std::uint64_t value_bytes(std::uint64_t depth_cells) { return kTextBytes + 8 * depth_cells; }

SlotRecord record_of(const Frame& frame) {
  SlotRecord record;
  record.kind = ValueKind::frame;
  record.camera = static_cast<std::uint32_t>(frame.stamp.camera);
  record.frame_sequence = frame.stamp.sequence;
  record.capture_ns = frame.stamp.capture_ns;
  record.stream_ns = frame.stamp.stream_ns;
  record.width = static_cast<std::uint32_t>(frame.width);
  record.height = static_cast<std::uint32_t>(frame.height);
  record.stride_bytes = static_cast<std::uint32_t>(frame.stride_bytes);
  record.pixel_format = ring_format(frame.format);
  record.fx = frame.intrinsics.fx;
  record.fy = frame.intrinsics.fy;
  record.cx = frame.intrinsics.cx;
  record.cy = frame.intrinsics.cy;
  record.flags =
      (frame.intrinsics.assumed ? kIntrinsicsAssumed : 0) | (frame.turned ? kTurnKnown : 0);
  record.picture_state = static_cast<std::uint32_t>(frame.state);
  if (frame.turned) {
    record.turned_right_deg = static_cast<float>(frame.turned->right_deg);
    record.turned_up_deg = static_cast<float>(frame.turned->up_deg);
  }
  if (frame.head) {
    record.flags |= kHeadKnown | static_cast<std::uint32_t>(frame.head->gait) << kGaitShift;
    record.gravity_pitch_deg = frame.head->pitch_deg;
    record.gravity_roll_deg = frame.head->roll_deg;
    record.gravity_deviation_deg = frame.head->deviation_deg;
    record.steps_per_min = frame.head->steps_per_min;
  }
  return record;
}

Frame frame_of(const SlotRecord& record, std::span<const SlotRecord> others,
               KnownCameras& cameras) {
  Frame frame = picture_of(record, cameras);
  if (!cameras.rig()) return frame;
  auto set = std::make_shared<FrameSet>();
  set->rig = cameras.rig();
  for (const SlotRecord& other : others) set->others.push_back(picture_of(other, cameras));
  frame.set = std::move(set);
  return frame;
}

std::optional<std::size_t> encode(const Seen& seen, std::span<std::byte> slot) {
  std::vector<DepthParts> maps;
  Json sightings = Json::array();
  std::size_t numbers = 0;
  const auto add = [&](const Sighting& sighting) {
    const DepthParts& depth = maps.emplace_back(parts_of(sighting.depth));
    sightings.push_back(to_json(sighting, depth, numbers));
    numbers += depth.values.size() + depth.sigmas.size();
  };
  add(seen.sighting);
  for (const Sighting& sighting : seen.beside) add(sighting);
  return write({{"outcome", static_cast<int>(seen.outcome)},
                {"sightings", std::move(sightings)},
                {"others", others_of(seen.frame)}},
               maps, slot);
}

std::optional<std::size_t> encode(const DepthSighting& sighting, std::span<std::byte> slot) {
  const DepthParts depth = parts_of(sighting.depth);
  return write(
      {{"stamp", to_json(sighting.stamp)}, {"fault", sighting.fault}, {"depth", depth.description}},
      {&depth, 1}, slot);
}

std::optional<std::size_t> encode(const Scene& scene, bool with_depth, std::span<std::byte> slot) {
  Json tracks = Json::array();
  for (const Track& track : scene.tracks.items) tracks.push_back(to_json(track));
  Json cues = Json::array();
  for (const Cue& cue : scene.cues) cues.push_back(to_json(cue));
  const DepthParts depth = with_depth ? parts_of(scene.sighting.depth) : DepthParts{};
  return write({{"look", static_cast<int>(scene.look)},
                {"sighting", to_json(scene.sighting, depth, 0)},
                {"others", others_of(scene.frame)},
                {"tracks", std::move(tracks)},
                {"cues", std::move(cues)},
                {"caption", scene.caption},
                {"caption_track", scene.caption_track},
                {"fps", scene.fps},
                {"latency_ms", scene.latency_ms}},
               {&depth, 1}, slot);
}

std::size_t encode(const Foresight& foresight, SlotRecord& record, std::span<std::byte> slot) {
  using Object = Foresight::Object;
  record.frame_sequence = foresight.sequence;
  record.stream_ns = foresight.holds_until_ns;
  const std::size_t count = std::min(foresight.objects.size(), slot.size() / sizeof(Object));
  // Without all the boxes the prediction would explain less than it foresees: that only costs a
  // look more.
  if (count > 0) std::memcpy(slot.data(), foresight.objects.data(), count * sizeof(Object));
  return count * sizeof(Object);
}

Foresight decode_foresight(const SlotRecord& record, std::span<const std::byte> bytes) {
  Foresight foresight{record.frame_sequence, record.stream_ns, {}};
  foresight.objects.resize(bytes.size() / sizeof(Foresight::Object));
  if (!bytes.empty()) std::memcpy(foresight.objects.data(), bytes.data(), bytes.size());
  return foresight;
}

Seen decode_seen(const SlotRecord& record, std::span<const std::byte> bytes, const Labels& labels,
                 KnownCameras& cameras) {
  const auto [object, numbers] = read(bytes);
  Seen seen;
  seen.frame = frame_of(record, others_from(object["others"]), cameras);
  seen.outcome = static_cast<Seen::Outcome>(object["outcome"].get<int>());
  const Json& sightings = object["sightings"];
  seen.sighting = sighting_from(sightings.at(0), numbers, labels);
  for (std::size_t i = 1; i < sightings.size(); ++i) {
    seen.beside.push_back(sighting_from(sightings[i], numbers, labels));
  }
  return seen;
}

DepthSighting decode_depth(std::span<const std::byte> bytes) {
  const auto [object, numbers] = read(bytes);
  DepthSighting sighting;
  sighting.stamp = stamp_from(object["stamp"]);
  sighting.fault = object["fault"].get<std::string>();
  sighting.depth = depth_from(object["depth"], numbers);
  return sighting;
}

Scene decode_scene(const SlotRecord& record, std::span<const std::byte> bytes, const Labels& labels,
                   KnownCameras& cameras) {
  const auto [object, numbers] = read(bytes);
  Scene scene;
  scene.frame = frame_of(record, others_from(object["others"]), cameras);
  scene.look = static_cast<Look>(object["look"].get<int>());
  scene.sighting = sighting_from(object["sighting"], numbers, labels);
  scene.tracks.stamp = scene.frame.stamp;
  for (const Json& track : object["tracks"]) scene.tracks.items.push_back(track_from(track));
  for (const Json& cue : object["cues"]) scene.cues.push_back(cue_from(cue));
  scene.caption = object["caption"].get<std::string>();
  scene.caption_track = object["caption_track"].get<int>();
  scene.fps = object["fps"].get<double>();
  scene.latency_ms = object["latency_ms"].get<double>();
  return scene;
}

}  // namespace lazarillo
