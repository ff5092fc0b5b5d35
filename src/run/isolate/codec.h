#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "ring/layout.h"
#include "run/isolate/known_cameras.h"
#include "run/values.h"
#include "show/overlay.h"

// Values as they stand in a ring's slot: a CBOR object (RFC 8949) behind its length (u32), then the
// numbers of depth maps (f32). Frames are raw pixels (picture_codec.h); everything else about them
// is in the record. A moment of several cameras has the record of the frame that carries it; those
// of its other pictures stand in the object. Encoding writes into the slot itself. Decoding trusts
// the writer: both are this program.

namespace lazarillo {

/// Kinds of internal values (SlotRecord::kind).
enum class InternalKind : std::uint32_t { seen = 16, depth, scene, foresight, sound };

/// The record of a frame; without payload_bytes.
[[nodiscard]] SlotRecord record_of(const Frame& frame);
/// A frame without pixels, of several cameras with Frame::set; `others`: the records of the other
/// pictures of its moment.
[[nodiscard]] Frame frame_of(const SlotRecord& record, std::span<const SlotRecord> others,
                             KnownCameras& cameras);

/// Each returns the bytes written; nullopt when the slot is too small.
std::optional<std::size_t> encode(const Seen& seen, std::span<std::byte> slot);
std::optional<std::size_t> encode(const DepthSighting& depth, std::span<std::byte> slot);
/// `with_depth`: the reader does not know this depth map yet. Scene::beside stays behind: nobody
/// shows it.
std::optional<std::size_t> encode(const Scene& scene, bool with_depth, std::span<std::byte> slot);

/// What has no place in the record are the boxes; those beyond the slot are left out.
std::size_t encode(const Foresight& foresight, SlotRecord& record, std::span<std::byte> slot);

[[nodiscard]] Foresight decode_foresight(const SlotRecord& record,
                                         std::span<const std::byte> bytes);
/// `labels` are the detector's; they do not travel.
[[nodiscard]] Seen decode_seen(const SlotRecord& record, std::span<const std::byte> bytes,
                               const Labels& labels, KnownCameras& cameras);
[[nodiscard]] DepthSighting decode_depth(std::span<const std::byte> bytes);
/// The frame comes without pixels, and without depth when it was not sent along.
[[nodiscard]] Scene decode_scene(const SlotRecord& record, std::span<const std::byte> bytes,
                                 const Labels& labels, KnownCameras& cameras);

/// Bytes that hold what was found in one picture, with a depth map of so many cells.
[[nodiscard]] std::uint64_t value_bytes(std::uint64_t depth_cells);

}  // namespace lazarillo
