#pragma once

#include <atomic>
#include <cstdint>

namespace lazarillo {

/// Counts copies of whole frames: each costs memory bandwidth and is a decision, not an accident.
/// Everything that copies the pixels of a frame or of a picture made of it says so here; `bench`
/// and a test watch the number. Thread-safe.
class FrameCopies {
 public:
  static void add() { count_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] static std::uint64_t count() { return count_.load(std::memory_order_relaxed); }

 private:
  static inline std::atomic<std::uint64_t> count_ = 0;
};

}  // namespace lazarillo
