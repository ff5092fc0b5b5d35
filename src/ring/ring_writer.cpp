#include "ring/ring_writer.h"

#include <unistd.h>

#include <string>
#include <utility>

#include "clock.h"
#include "error.h"
#include "ring/futex.h"
#include "ring/process.h"

namespace lazarillo {

RingWriter::RingWriter(Ring ring) : ring_(std::move(ring)), sequences_(ring_.geometry().slots) {
  const SetupLock lock(ring_);
  RingHeader& header = ring_.header();
  const ProcessId other{header.writer_pid.load(), header.writer_start.load()};
  if (other.pid != 0 && is_alive(other)) {
    throw Error(ExitCode::source, "process " + std::to_string(other.pid) + " writes to the ring '" +
                                      ring_.name() + "' already: end it first");
  }
  const ProcessId self = this_process();
  pid_ = self.pid;
  header.writer_pid.store(0);  // so that no half of a new identity meets a half of the old one
  header.writer_start.store(self.start);
  header.writer_pid.store(self.pid);
  adopt_what_is_there();
  header.closed.store(0);
  beat();
  header.writer_epoch.fetch_add(1);
}

RingWriter::~RingWriter() {
  if (static_cast<std::uint32_t>(::getpid()) == pid_) ring_.header().writer_pid.store(0);
}

void RingWriter::adopt_what_is_there() {
  for (std::uint32_t slot = 0; slot < ring_.geometry().slots; ++slot) {
    std::atomic<std::uint64_t>& sequence = ring_.slot(slot).sequence;
    // A writer that died while it asked for this slot has not touched it yet.
    sequences_[slot] = sequence.load() & ~kClaimed;
    sequence.store(sequences_[slot]);
    if (sequences_[slot] > last_) {
      last_ = sequences_[slot];
      newest_slot_ = slot;
    }
  }
  // It may also have died after a value was whole and before it was announced.
  if (newest_slot_) ring_.header().newest.store(last_ << 8 | *newest_slot_);
}

RingWriter::SlotSet RingWriter::pinned() const noexcept {
  SlotSet slots;
  for (std::uint32_t r = 0; r < ring_.geometry().readers; ++r) {
    for (std::uint32_t p = 0; p < ring_.geometry().pins; ++p) {
      const std::uint32_t pin = ring_.pin(r, p).load();
      if (pin >= 1 && pin <= ring_.geometry().slots) slots.set(pin - 1);
    }
  }
  return slots;
}

std::uint32_t RingWriter::oldest(const SlotSet& claimed, const SlotSet& pinned) const noexcept {
  std::optional<std::uint32_t> best;
  for (std::uint32_t slot = 0; slot < ring_.geometry().slots; ++slot) {
    if (claimed[slot] || slot == newest_slot_) continue;
    if (!best ||
        std::pair(pinned[slot], sequences_[slot]) < std::pair(pinned[*best], sequences_[*best])) {
      best = slot;
    }
  }
  return *best;
}

// A slot is ours when it was claimed before the pins were read and no pin names it: a reader that
// pins it later finds it claimed and lets go (docs/ring.md). Each pin word names one slot, so among
// readers * pins + 1 claimed slots one reading of the pins must leave one free: the loop ends,
// whatever the readers do meanwhile, and mostly in its first round.
std::uint32_t RingWriter::claim() noexcept {
  SlotSet claimed;
  SlotSet in_use = pinned();
  SlotSet free;
  while (free.none()) {
    const std::uint32_t slot = oldest(claimed, in_use);
    ring_.slot(slot).sequence.store(sequences_[slot] | kClaimed);
    claimed.set(slot);
    in_use = pinned();
    free = claimed & ~in_use;
  }
  std::optional<std::uint32_t> taken;
  for (std::uint32_t slot = 0; slot < ring_.geometry().slots; ++slot) {
    if (!claimed[slot]) continue;
    if (!taken && free[slot]) {
      taken = slot;
    } else {
      ring_.slot(slot).sequence.store(sequences_[slot]);
    }
  }
  // An exchange, not a store: what we write into the slot must not become visible before it.
  ring_.slot(*taken).sequence.exchange(0);
  sequences_[*taken] = 0;
  return *taken;
}

std::span<std::byte> RingWriter::begin() noexcept {
  if (!open_slot_) open_slot_ = claim();
  return {ring_.payload(*open_slot_), ring_.geometry().slot_bytes};
}

std::uint64_t RingWriter::publish(const SlotRecord& record) noexcept {
  if (!open_slot_ || record.payload_bytes > ring_.geometry().slot_bytes) return 0;
  const std::uint32_t index = *std::exchange(open_slot_, std::nullopt);
  RingSlot& slot = ring_.slot(index);
  RingHeader& header = ring_.header();
  slot.record = record;
  ++last_;
  sequences_[index] = last_;
  newest_slot_ = index;
  slot.sequence.store(last_, std::memory_order_release);
  header.newest.store(last_ << 8 | index);
  header.published.fetch_add(1);
  beat();
  for (std::uint32_t r = 0; r < ring_.geometry().readers; ++r) {
    if (ring_.reader(r).waiting.load() != 0) {
      futex_wake_all(header.published);
      break;
    }
  }
  return last_;
}

void RingWriter::beat() noexcept {
  ring_.header().heartbeat_ns.store(steady_now_ns(), std::memory_order_release);
}

void RingWriter::close() noexcept {
  ring_.header().closed.store(1);
  ring_.header().published.fetch_add(1);
  futex_wake_all(ring_.header().published);
}

std::uint32_t RingWriter::reclaim() {
  const SetupLock lock(ring_);
  return reclaim_dead_readers(ring_);
}

}  // namespace lazarillo
