#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "clock.h"
#include "show/report.h"
#include "source/frame.h"

namespace lazarillo {

/// What a run did, cost and dropped. Thread-safe: every stage adds to it.
class Metrics {
 public:
  void begin() { begin_ns_ = steady_now_ns(); }
  void time(const std::string& stage, double milliseconds) {
    const std::lock_guard lock(mutex_);
    times_[stage].add(milliseconds);
  }
  void drop(const std::string& reason, std::uint64_t count) {
    const std::lock_guard lock(mutex_);
    if (count > 0) drops_[reason] += count;
  }
  /// A frame that could not be seen.
  void fault(const std::string& line) {
    const std::lock_guard lock(mutex_);
    if (faults_++ == 0) first_fault_ = line;
  }
  void cue(const std::string& priority) {
    const std::lock_guard lock(mutex_);
    ++cues_[priority];
  }
  /// A frame decided on; `last_track` is the highest track id in it.
  void frame(std::int64_t stream_ns, int last_track) {
    const std::lock_guard lock(mutex_);
    ++frames_;
    stream_ns_ = stream_ns;
    tracks_ = std::max(tracks_, last_track);
  }

  /// Frames decided on per second of wall time since begin().
  [[nodiscard]] double fps() const;
  [[nodiscard]] std::uint64_t frames() const {
    const std::lock_guard lock(mutex_);
    return frames_;
  }
  [[nodiscard]] std::uint64_t faults() const {
    const std::lock_guard lock(mutex_);
    return faults_;
  }
  [[nodiscard]] std::string first_fault() const {
    const std::lock_guard lock(mutex_);
    return first_fault_;
  }

  /// Copies the numbers into a report; the wall time ends now.
  void fill(Report& report) const;

 private:
  mutable std::mutex mutex_;
  std::int64_t begin_ns_ = 0;  ///< written before the stages start
  std::map<std::string, LatencyHistogram> times_;
  std::map<std::string, std::uint64_t> drops_;
  std::map<std::string, std::uint64_t> cues_;
  std::uint64_t frames_ = 0;
  std::uint64_t faults_ = 0;
  std::int64_t stream_ns_ = 0;
  int tracks_ = 0;
  std::string first_fault_;
};

/// Times its own life into a stage's histogram.
class StageTimer {
 public:
  StageTimer(Metrics& metrics, const char* stage)
      : metrics_(metrics), stage_(stage), begin_ns_(steady_now_ns()) {}
  ~StageTimer() { metrics_.time(stage_, static_cast<double>(steady_now_ns() - begin_ns_) / 1e6); }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  Metrics& metrics_;
  const char* stage_;
  std::int64_t begin_ns_;
};

}  // namespace lazarillo
