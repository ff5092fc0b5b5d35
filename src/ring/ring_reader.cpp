#include "ring/ring_reader.h"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "error.h"
#include "ring/futex.h"
#include "ring/process.h"

namespace lazarillo {
namespace {

// A year: "for ever" must not overflow the clock.
constexpr std::chrono::nanoseconds kLongest = std::chrono::hours(24 * 365);

}  // namespace

class RingSignIn {
 public:
  explicit RingSignIn(Ring ring) : ring_(std::move(ring)) {
    const SetupLock lock(ring_);
    auto free = free_entry();
    if (!free && reclaim_dead_readers(ring_) > 0) free = free_entry();
    if (!free) {
      throw Error(ExitCode::source, "the ring '" + ring_.name() + "' has " +
                                        std::to_string(ring_.geometry().readers) +
                                        " readers already: end one, or make it for more");
    }
    index_ = *free;
    const ProcessId self = this_process();
    pid_ = self.pid;
    RingReaderEntry& entry = this->entry();
    clear_pins();
    entry.waiting.store(0);
    entry.start.store(self.start);
    entry.position.store(0);
    entry.dropped.store(0);
    newest_then_ = ring_.newest_sequence();
    entry.pid.store(self.pid);
  }
  ~RingSignIn() {
    if (static_cast<std::uint32_t>(::getpid()) != pid_) return;
    clear_pins();
    entry().pid.store(0);
  }
  RingSignIn(const RingSignIn&) = delete;
  RingSignIn& operator=(const RingSignIn&) = delete;

  [[nodiscard]] const Ring& ring() const { return ring_; }
  /// The newest value before anybody could see our entry.
  [[nodiscard]] std::uint64_t newest_then() const { return newest_then_; }
  [[nodiscard]] RingReaderEntry& entry() const { return ring_.reader(index_); }
  [[nodiscard]] std::atomic<std::uint32_t>& pin(std::uint32_t pin) const {
    return ring_.pin(index_, pin);
  }

 private:
  [[nodiscard]] std::optional<std::uint32_t> free_entry() const {
    for (std::uint32_t i = 0; i < ring_.geometry().readers; ++i) {
      if (ring_.reader(i).pid.load() == 0) return i;
    }
    return std::nullopt;
  }
  void clear_pins() const {
    for (std::uint32_t p = 0; p < ring_.geometry().pins; ++p) pin(p).store(0);
  }

  Ring ring_;
  std::uint32_t index_ = 0;
  std::uint32_t pid_ = 0;
  std::uint64_t newest_then_ = 0;
};

Pin::Pin(std::shared_ptr<const RingSignIn> sign_in, std::uint32_t index, std::uint32_t slot,
         std::uint64_t sequence)
    : sign_in_(std::move(sign_in)),
      index_(index),
      sequence_(sequence),
      record_(&sign_in_->ring().slot(slot).record),
      bytes_(sign_in_->ring().payload(slot), record_->payload_bytes) {}

Pin& Pin::operator=(Pin&& other) noexcept {
  release();
  sign_in_ = std::move(other.sign_in_);
  index_ = other.index_;
  sequence_ = other.sequence_;
  record_ = other.record_;
  bytes_ = other.bytes_;
  return *this;
}

void Pin::release() noexcept {
  if (!sign_in_) return;
  sign_in_->pin(index_).store(0, std::memory_order_release);
  sign_in_.reset();
}

RingReader::RingReader(Ring ring) : sign_in_(std::make_shared<const RingSignIn>(std::move(ring))) {}

const Ring& RingReader::ring() const { return sign_in_->ring(); }

std::optional<std::uint32_t> RingReader::free_pin() const noexcept {
  for (std::uint32_t p = 0; p < ring().geometry().pins; ++p) {
    // Acquire: another thread may have released it, and its reading must be over.
    if (sign_in_->pin(p).load(std::memory_order_acquire) == 0) return p;
  }
  return std::nullopt;
}

std::optional<Pin> RingReader::take(std::uint32_t pin, std::uint32_t slot,
                                    std::uint64_t sequence) noexcept {
  // Sequentially consistent, both: either the writer sees the pin, or we see its claim.
  sign_in_->pin(pin).store(slot + 1);
  if (ring().slot(slot).sequence.load() != sequence) {
    sign_in_->pin(pin).store(0, std::memory_order_release);
    return std::nullopt;
  }
  const bool fits = ring().slot(slot).record.payload_bytes <= ring().geometry().slot_bytes;
  if (!fits) sign_in_->pin(pin).store(0, std::memory_order_release);
  const std::uint64_t before = std::max(position_, sign_in_->newest_then());
  if (sequence > before) dropped_ += sequence - before - (fits ? 1 : 0);
  position_ = sequence;
  sign_in_->entry().position.store(position_, std::memory_order_relaxed);
  sign_in_->entry().dropped.store(dropped_, std::memory_order_relaxed);
  if (!fits) return std::nullopt;  // a faulty writer; what it claims is not in the slot
  return Pin(sign_in_, pin, slot, sequence);
}

std::optional<Pin> RingReader::newest() noexcept {
  const auto pin = free_pin();
  if (!pin) return std::nullopt;
  // The newest value is never overwritten: when it cannot be had, there is a newer one already, or
  // the ring is damaged and `newest` stays as it is.
  for (std::uint64_t previous = 0;;) {
    const std::uint64_t word = ring().header().newest.load();
    const auto slot = static_cast<std::uint32_t>(word & 0xff);
    if (word == previous || word >> 8 <= position_ || slot >= ring().geometry().slots) {
      return std::nullopt;
    }
    if (auto taken = take(*pin, slot, word >> 8)) return taken;
    previous = word;
  }
}

std::optional<Pin> RingReader::next() noexcept {
  const auto pin = free_pin();
  if (!pin) return std::nullopt;
  // Between two values the writer claims each slot at most once: so often an attempt can fail while
  // the newest value stays the same, and no oftener unless the ring is damaged.
  std::uint64_t previous = 0;
  for (std::uint32_t failed = 0; failed <= ring().geometry().slots;) {
    // Values published while we look may be seen in any order: only those up to here count.
    const std::uint64_t last = ring().newest_sequence();
    if (last <= position_) return std::nullopt;
    failed = last == previous ? failed + 1 : 0;
    previous = last;
    std::uint64_t smallest = last + 1;
    std::uint32_t slot = 0;
    for (std::uint32_t s = 0; s < ring().geometry().slots; ++s) {
      const std::uint64_t sequence = ring().slot(s).sequence.load();
      if (sequence > position_ && sequence < smallest) {
        smallest = sequence;
        slot = s;
      }
    }
    if (smallest <= last) {
      if (auto taken = take(*pin, slot, smallest)) return taken;
    }
  }
  return std::nullopt;
}

bool RingReader::wait(std::chrono::nanoseconds timeout) noexcept {
  const auto deadline = std::chrono::steady_clock::now() + std::min(timeout, kLongest);
  const RingHeader& header = ring().header();
  std::atomic<std::uint32_t>& waiting = sign_in_->entry().waiting;
  const auto is_newer = [&] { return ring().newest_sequence() > position_; };
  if (is_newer()) return true;
  waiting.store(1);
  while (!is_newer() && !ring().closed()) {
    const std::uint32_t seen = header.published.load();
    // Again: it may have come before we looked at the word we sleep on.
    if (is_newer() || ring().closed()) break;
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds::zero()) break;
    futex_wait(header.published, seen, left);
  }
  waiting.store(0);
  return is_newer();
}

}  // namespace lazarillo
