#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "run/isolate/codec.h"

// Pictures in host memory as they stand in a slot of the ring of frames: the pixels of the frame,
// their place and size in the slot's record; of a moment of several cameras each of its other
// pictures behind that, from an address that is a multiple of 64: its record (SlotRecord), whose
// payload_bytes are its pixels', and its pixels.

namespace lazarillo {

/// What a camera's picture takes in a slot at most, bytes.
[[nodiscard]] std::size_t picture_bytes(int width, int height);

/// Copies the pixels of a frame, of a moment those of all its pictures; fills the record's
/// stride_bytes and payload_bytes. False, and nothing is said of the slot, when it is too small.
[[nodiscard]] bool encode_pictures(const Frame& frame, SlotRecord& record,
                                   std::span<std::byte> slot);

/// The frame, its pixels in place: `held` keeps them. null: without pixels.
[[nodiscard]] Frame decode_pictures(const SlotRecord& record, std::span<const std::byte> bytes,
                                    const std::shared_ptr<const void>& held, KnownCameras& cameras);

}  // namespace lazarillo
