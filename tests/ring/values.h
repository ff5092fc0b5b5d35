#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "ring/ring_reader.h"
#include "ring/ring_writer.h"

namespace lazarillo::test {

/// Word i of the value with this sequence: any mixture of two values is found.
inline std::uint64_t word_of(std::uint64_t sequence, std::uint64_t i) {
  return (sequence * 0x9E3779B97F4A7C15U) ^ (i * 0xC2B2AE3D27D4EB4FU);
}

inline void fill(std::span<std::byte> bytes, std::uint64_t sequence) {
  for (std::uint64_t i = 0; i < bytes.size() / 8; ++i) {
    const std::uint64_t word = word_of(sequence, i);
    std::memcpy(bytes.data() + 8 * i, &word, 8);
  }
}

/// Publishes the value whose every part follows from its sequence; returns the sequence.
inline std::uint64_t write_value(RingWriter& writer, std::uint64_t sequence, std::uint64_t bytes) {
  fill(writer.begin().first(bytes), sequence);
  SlotRecord record;
  record.kind = ValueKind::internal;
  record.frame_sequence = sequence;
  record.payload_bytes = bytes;
  return writer.publish(record);
}

/// Whether a pinned value is what write_value wrote under its sequence.
inline bool is_whole(const Pin& pin) {
  if (pin.record().frame_sequence != pin.sequence()) return false;
  for (std::uint64_t i = 0; i < pin.bytes().size() / 8; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, pin.bytes().data() + 8 * i, 8);
    if (word != word_of(pin.sequence(), i)) return false;
  }
  return true;
}

}  // namespace lazarillo::test
