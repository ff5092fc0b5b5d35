#include "run/isolate/links.h"

#include <algorithm>
#include <cstring>

#include "run/isolate/picture_codec.h"
#include "source/frame_copies.h"

namespace lazarillo {
namespace {

ValueKind kind(InternalKind kind) { return static_cast<ValueKind>(kind); }

std::uint64_t depth_sequence_of(const Depth& depth) {
  if (const auto* metric = std::get_if<std::shared_ptr<const MetricDepth>>(&depth)) {
    return (*metric)->stamp.sequence;
  }
  if (const auto* relative = std::get_if<std::shared_ptr<const RelativeDepth>>(&depth)) {
    return (*relative)->stamp.sequence;
  }
  return UINT64_MAX;
}

}  // namespace

bool FrameLink::push(Frame frame) {
  SlotRecord record = record_of(frame);
  record.payload_bytes = 0;
  const std::span<std::byte> slot = writer_.begin();
  if (frame.device) {
    describe_on_card(frame, slot, record);
  } else if (!encode_pictures(frame, record, slot)) {
    record.payload_bytes = 0;
  }
  if (record.payload_bytes == 0) {
    metrics_.drop("frame_larger_than_the_first");
    return true;
  }
  writer_.publish(record);
  return true;
}

void FrameLink::describe_on_card(const Frame& frame, std::span<std::byte> slot,
                                 SlotRecord& record) {
  if (!on_card_ || !on_card_->fits(frame) || slot.size() < sizeof(SharedPicture)) return;
  // A slot has a place of its own there: what nobody may overwrite here is safe there, too.
  const auto known = std::find(places_.begin(), places_.end(), slot.data());
  const auto place = static_cast<std::size_t>(known - places_.begin());
  if (known == places_.end()) places_.push_back(slot.data());
  const SharedPicture shared = on_card_->copy(frame, place);
  FrameCopies::add();
  std::memcpy(slot.data(), &shared, sizeof shared);
  record.payload_bytes = sizeof shared;
}

bool SeenLink::push(GuideInput value) {
  const std::lock_guard lock(mutex_);
  SlotRecord record;
  std::optional<std::size_t> size;
  const std::span<std::byte> slot = writer_.begin();
  if (const Seen* seen = std::get_if<Seen>(&value)) {
    record = record_of(seen->frame);
    record.kind = kind(InternalKind::seen);
    size = encode(*seen, slot);
  } else if (const auto* depth = std::get_if<DepthSighting>(&value)) {
    record.kind = kind(InternalKind::depth);
    record.frame_sequence = depth->stamp.sequence;
    size = encode(*depth, slot);
  } else {
    return true;
  }
  if (!size) {
    metrics_.drop("value_larger_than_its_slot");
    return true;
  }
  record.payload_bytes = *size;
  writer_.publish(record);
  return true;
}

void SeenLink::close() {
  const std::lock_guard lock(mutex_);
  writer_.close();
}

bool SceneLink::push(Scene scene) {
  int last = state_.last_track;
  for (const Track& track : scene.tracks.items) last = std::max(last, track.id);
  state_.last_track = last;
  state_.last_frame = static_cast<std::int64_t>(scene.frame.stamp.sequence);
  const std::uint64_t depth = depth_sequence_of(scene.sighting.depth);
  SlotRecord record = record_of(scene.frame);
  record.kind = kind(InternalKind::scene);
  const auto size = encode(scene, depth != depth_sequence_, writer_.begin());
  if (!size) {
    metrics_.drop("value_larger_than_its_slot");
    return true;
  }
  depth_sequence_ = depth;
  record.payload_bytes = *size;
  writer_.publish(record);
  return true;
}

bool ForesightLink::push(Foresight foresight) {
  SlotRecord record;
  record.kind = kind(InternalKind::foresight);
  record.payload_bytes = encode(foresight, record, writer_.begin());
  writer_.publish(record);
  return true;
}

void SoundLink::push(std::span<const float> samples) {
  while (!samples.empty()) {
    const std::span<const float> block = samples.first(std::min(samples.size(), 2 * kBlockFrames));
    SlotRecord record;
    record.kind = kind(InternalKind::sound);
    record.stream_ns = next_frame_;
    record.payload_bytes = block.size_bytes();
    std::memcpy(writer_.begin().data(), block.data(), block.size_bytes());
    writer_.publish(record);
    next_frame_ += static_cast<std::int64_t>(block.size() / 2);
    samples = samples.subspan(block.size());
  }
}

}  // namespace lazarillo
