#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "clock.h"
#include "gpu/device.h"
#include "run/usage.h"
#include "show/report.h"
#include "source/frame.h"

namespace lazarillo {

/// What a run did, cost and dropped. Thread-safe: every stage adds to it.
class Metrics {
 public:
  /// Forgets everything and begins anew: what follows is the steady state.
  void begin();
  /// What is still worked off from here on does not count as time.
  void end();
  void time(const std::string& stage, double milliseconds);
  void drop(const std::string& reason, std::uint64_t count = 1) {
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
  /// A frame given out with its tracks; `last_track` is the highest track id in it. `waited_ms`:
  /// from capture until then.
  void frame(std::int64_t stream_ns, int last_track, double waited_ms);
  /// A detection that led to a decision; `took_ms`: from the capture of its frame until then.
  void detection(double took_ms);
  /// A depth map that came in.
  void depth() {
    const std::lock_guard lock(mutex_);
    ++depths_;
  }

  /// Frames given out per second of wall time since begin().
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
  std::int64_t begin_ns_ = steady_now_ns();
  std::int64_t end_ns_ = 0;  ///< 0: runs
  Usage begin_usage_ = usage_now();
  Usage end_usage_;
  MemoryTrend memory_;
  std::int64_t begin_stream_ns_ = -1;  ///< of the first frame; -1: none yet
  std::uint64_t begin_copies_ = 0;
  GpuTraffic begin_traffic_;
  std::map<std::string, LatencyHistogram> times_;
  std::map<std::string, std::uint64_t> drops_;
  std::map<std::string, std::uint64_t> cues_;
  LatencyHistogram capture_to_decision_;
  LatencyHistogram capture_to_output_;
  std::uint64_t frames_ = 0;
  std::uint64_t detections_ = 0;
  std::uint64_t depths_ = 0;
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
