#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

namespace lazarillo {

/// What a port does with a value that comes while it is full.
struct PortPolicy {
  std::size_t capacity;
  bool drop_oldest;

  /// The giver waits: nothing is lost (replay).
  static constexpr PortPolicy block(std::size_t capacity) { return {capacity, false}; }
  /// The oldest goes, counted: the newest frame wins (live).
  static constexpr PortPolicy bounded(std::size_t capacity) { return {capacity, true}; }
  static constexpr PortPolicy latest() { return bounded(1); }
};

/// Where a stage gives its values: the port of the next stage, or a way into another process.
template <class T>
class Sink {
 public:
  virtual ~Sink() = default;
  /// Hands a value over. False when nobody will take it any more. Thread-safe.
  virtual bool push(T value) = 0;
};

/// The input of a stage: a queue with a declared policy. Thread-safe; any number of givers and
/// takers.
template <class T>
class Port final : public Sink<T> {
 public:
  /// `on_drop` is told of each value lost to the policy; it must not use the port.
  explicit Port(PortPolicy policy, std::function<void()> on_drop = {})
      : policy_(policy), on_drop_(std::move(on_drop)) {}
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  bool push(T value) override {
    std::unique_lock lock(mutex_);
    if (policy_.drop_oldest) {
      while (!closed_ && values_.size() >= policy_.capacity) {
        values_.pop_front();
        ++dropped_;
        if (on_drop_) on_drop_();
      }
    } else {
      changed_.wait(lock, [&] { return closed_ || values_.size() < policy_.capacity; });
    }
    if (closed_) return false;
    values_.push_back(std::move(value));
    changed_.notify_all();
    return true;
  }

  /// The next value, waiting for it; nullopt once the port is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !values_.empty(); });
    return take();
  }

  /// The same, but waits no longer than `patience`: nullopt then too; over() tells which it was.
  std::optional<T> pop_for(std::chrono::nanoseconds patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return closed_ || !values_.empty(); });
    return take();
  }

  /// A value that is there already; never waits.
  std::optional<T> try_pop() {
    const std::lock_guard lock(mutex_);
    return take();
  }

  /// Closed and empty.
  [[nodiscard]] bool over() const {
    const std::lock_guard lock(mutex_);
    return closed_ && values_.empty();
  }

  /// No more values will come. What is inside can still be taken.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  /// Values lost to the policy so far.
  [[nodiscard]] std::uint64_t dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  std::optional<T> take() {
    if (values_.empty()) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    changed_.notify_all();
    return value;
  }

  const PortPolicy policy_;
  const std::function<void()> on_drop_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
  std::uint64_t dropped_ = 0;
  bool closed_ = false;
};

}  // namespace lazarillo
