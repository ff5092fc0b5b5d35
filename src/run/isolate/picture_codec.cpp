#include "run/isolate/picture_codec.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "source/frame_copies.h"

namespace lazarillo {
namespace {

constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

/// One picture's pixels, and where they are in its record; false when there is no room.
bool copy_pixels(const Frame& frame, SlotRecord& record, std::span<std::byte> room) {
  const std::size_t channels = frame.format == PixelFormat::bgr8 ? 3 : 1;
  const std::size_t row = channels * record.width;
  const std::size_t stride = aligned(row);
  const std::size_t size = stride * record.height;
  if (!frame.pixels || size > room.size()) return false;
  for (std::uint32_t y = 0; y < record.height; ++y) {
    std::memcpy(room.data() + y * stride, frame.pixels.get() + y * frame.stride_bytes, row);
  }
  record.stride_bytes = static_cast<std::uint32_t>(stride);
  record.payload_bytes = size;
  FrameCopies::add();
  return true;
}

}  // namespace

std::size_t picture_bytes(int width, int height) {
  return aligned(sizeof(SlotRecord)) + aligned(std::size_t{3} * static_cast<std::size_t>(width)) *
                                           static_cast<std::size_t>(height);
}

bool encode_pictures(const Frame& frame, SlotRecord& record, std::span<std::byte> slot) {
  if (!copy_pixels(frame, record, slot)) return false;
  if (!frame.set) return true;
  std::size_t at = aligned(record.payload_bytes);
  for (const Frame& other : frame.set->others) {
    SlotRecord own = record_of(other);
    const std::size_t pixels_at = at + aligned(sizeof own);
    if (pixels_at > slot.size() || !copy_pixels(other, own, slot.subspan(pixels_at))) return false;
    std::memcpy(slot.data() + at, &own, sizeof own);
    at = pixels_at + aligned(own.payload_bytes);
  }
  record.payload_bytes = std::min(at, slot.size());
  return true;
}

Frame decode_pictures(const SlotRecord& record, std::span<const std::byte> bytes,
                      const std::shared_ptr<const void>& held, KnownCameras& cameras) {
  std::vector<SlotRecord> others;
  std::vector<std::size_t> pixels_at;
  if (cameras.rig()) {
    std::size_t at = aligned(std::size_t{record.stride_bytes} * record.height);
    while (at + aligned(sizeof(SlotRecord)) < bytes.size()) {
      std::memcpy(&others.emplace_back(), bytes.data() + at, sizeof(SlotRecord));
      pixels_at.push_back(at + aligned(sizeof(SlotRecord)));
      at = pixels_at.back() + aligned(others.back().payload_bytes);
    }
  }
  Frame frame = frame_of(record, others, cameras);
  if (!held) return frame;
  const auto* pixels = reinterpret_cast<const std::uint8_t*>(bytes.data());
  frame.pixels = {held, pixels};
  if (others.empty()) return frame;
  auto set = std::make_shared<FrameSet>(*frame.set);
  for (std::size_t i = 0; i < set->others.size(); ++i) {
    set->others[i].pixels = {held, pixels + pixels_at[i]};
  }
  frame.set = std::move(set);
  return frame;
}

}  // namespace lazarillo
