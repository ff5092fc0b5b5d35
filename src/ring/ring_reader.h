#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "ring/ring.h"

namespace lazarillo {

/// A reader's entry in the ring's table; freed when the reader and its last pin are gone.
class RingSignIn;

/// Holds one value: until it is released, it is whole, in place and nobody changes it. Move-only.
/// It may outlive its reader, be handed to another thread and be released there; a forked child
/// must not destroy it.
class Pin {
 public:
  Pin(Pin&& other) noexcept = default;
  Pin& operator=(Pin&& other) noexcept;
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin() { release(); }

  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] const SlotRecord& record() const { return *record_; }
  /// record().payload_bytes bytes, 64-byte aligned.
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

  /// Lets go; record() and bytes() must not be used any more. Does nothing the second time.
  void release() noexcept;

 private:
  friend class RingReader;
  Pin(std::shared_ptr<const RingSignIn> sign_in, std::uint32_t index, std::uint32_t slot,
      std::uint64_t sequence);

  std::shared_ptr<const RingSignIn> sign_in_;  ///< null once released
  std::uint32_t index_;
  std::uint64_t sequence_;
  const SlotRecord* record_;
  std::span<const std::byte> bytes_;
};

/// Reads values from a ring. One thread uses it; a forked child must not. It starts before the
/// oldest value still there.
class RingReader {
 public:
  /// Signs in, in the place of a dead reader if need be. Throws Error(source) when all entries are
  /// taken by living readers.
  explicit RingReader(Ring ring);

  /// The newest value, when it is newer than position(); the ones skipped count as dropped. nullopt
  /// also while all pins are in use (see can_pin()).
  [[nodiscard]] std::optional<Pin> newest() noexcept;

  /// The oldest value still there after position(); the ones overwritten count as dropped. nullopt
  /// as newest(). Values keep their order; one the writer was about to overwrite is skipped.
  [[nodiscard]] std::optional<Pin> next() noexcept;

  /// Sleeps until there is a value after position(), the ring is closed, or time is over; true in
  /// the first case.
  [[nodiscard]] bool wait(std::chrono::nanoseconds timeout) noexcept;

  /// False while as many values are held as this reader may.
  [[nodiscard]] bool can_pin() const noexcept { return free_pin().has_value(); }

  /// Sequence of the last value taken, 0 before the first.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  /// Values published since this reader signed in, up to position(), that it did not take.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  [[nodiscard]] const Ring& ring() const;

 private:
  [[nodiscard]] std::optional<std::uint32_t> free_pin() const noexcept;
  [[nodiscard]] std::optional<Pin> take(std::uint32_t pin, std::uint32_t slot,
                                        std::uint64_t sequence) noexcept;

  std::shared_ptr<const RingSignIn> sign_in_;
  std::uint64_t position_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace lazarillo
