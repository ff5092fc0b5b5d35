#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

#include "run/port.h"
#include "run/values.h"

namespace lazarillo {

/// Holds the newest foresight for whoever asks. Thread-safe.
class ForesightBoard final : public Sink<Foresight> {
 public:
  bool push(Foresight foresight) override {
    {
      const std::lock_guard lock(mutex_);
      newest_ = std::move(foresight);
      any_ = true;
    }
    changed_.notify_all();
    return true;
  }

  [[nodiscard]] Foresight newest() const {
    const std::lock_guard lock(mutex_);
    return newest_;
  }

  /// Waits until the frame `sequence` or a later one was decided on, or close().
  Foresight await(std::uint64_t sequence) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || (any_ && newest_.sequence >= sequence); });
    return newest_;
  }

  /// Nobody decides any more: waiting ends.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Foresight newest_;
  bool any_ = false;
  bool closed_ = false;
};

}  // namespace lazarillo
