#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ring/ring.h"

namespace lazarillo {

/// Writes values into a ring. It never waits for a reader, and a value somebody holds is never
/// touched. One thread uses it; a forked child must not. A ring has one writer: when its process
/// dies, the next RingWriter goes on where it stopped.
class RingWriter {
 public:
  /// Signs in. Throws Error(source) while another living process (or another RingWriter of this
  /// one) writes.
  explicit RingWriter(Ring ring);
  ~RingWriter();
  RingWriter(const RingWriter&) = delete;
  RingWriter& operator=(const RingWriter&) = delete;

  /// Where to write the next value: all of a slot's capacity, 64-byte aligned, its content
  /// undefined. The same again until publish().
  [[nodiscard]] std::span<std::byte> begin() noexcept;

  /// Hands the value written since begin() to the readers and returns its sequence (1, 2, ...).
  /// Publishes nothing and returns 0 when there was no begin() or payload_bytes exceeds the slot.
  std::uint64_t publish(const SlotRecord& record) noexcept;

  /// Says that the writer lives when it has nothing to publish. publish() says so too.
  void beat() noexcept;

  /// Nothing will come any more. The readers still get what is there.
  void close() noexcept;

  /// Frees the entries of dead readers, returns how many. Not needed for writing: it makes room for
  /// new readers, and old values the dead ones held go back into use. Throws as the constructor.
  std::uint32_t reclaim();

  [[nodiscard]] const Ring& ring() const { return ring_; }

 private:
  using SlotSet = std::bitset<kMaxRingSlots>;

  void adopt_what_is_there();
  [[nodiscard]] SlotSet pinned() const noexcept;
  [[nodiscard]] std::uint32_t oldest(const SlotSet& claimed, const SlotSet& pinned) const noexcept;
  [[nodiscard]] std::uint32_t claim() noexcept;

  Ring ring_;
  std::uint32_t pid_;
  std::vector<std::uint64_t> sequences_;  ///< of each slot; only we change them
  std::uint64_t last_ = 0;                ///< sequence published last
  std::optional<std::uint32_t> newest_slot_;
  std::optional<std::uint32_t> open_slot_;  ///< between begin() and publish()
};

}  // namespace lazarillo
