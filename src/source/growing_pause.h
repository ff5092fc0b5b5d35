#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace lazarillo {

/// Between attempts to reach what was lost: none before the first, then 0.2 s, 0.4 s, ... 5 s.
/// Private to source/; one thread calls it, a stop may come from any.
class GrowingPause {
 public:
  void begin_again() { next_ = {}; }

  /// False when a stop came first.
  bool wait(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, stop, next_, [] { return false; });
    next_ = std::min(std::max(kFirst, 2 * next_), kLongest);
    return !stop.stop_requested();
  }

 private:
  static constexpr std::chrono::milliseconds kFirst{200};
  static constexpr std::chrono::milliseconds kLongest{5'000};
  std::chrono::milliseconds next_{0};
  std::mutex mutex_;
  std::condition_variable_any stopped_;
};

}  // namespace lazarillo
