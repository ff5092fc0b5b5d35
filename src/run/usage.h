#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lazarillo {

/// What this process used of the machine up to now.
struct Usage {
  /// Processor time of the living threads, seconds, added up by thread name; "all" is the
  /// process's own sum, which holds the ended ones too.
  std::map<std::string, double> cpu_s;
  double rss_mib = 0;  ///< resident memory

  static constexpr const char* kAll = "all";
};

/// Reads /proc/self. Thread-safe. What cannot be read is left out.
[[nodiscard]] Usage usage_now();

/// Resident memory alone, MiB; 0 when it cannot be read.
[[nodiscard]] double resident_mib();

/// Whether resident memory grows in the long run. It swings while a run is level, so the lowest value
/// of the first tenth of the time is compared with the lowest of the last. Not thread-safe.
class MemoryTrend {
 public:
  /// A value is wanted: the last one is a second old.
  [[nodiscard]] bool due(std::int64_t now_ns) const { return now_ns - last_ns_ >= 1'000'000'000; }
  /// Times go forward.
  void add(std::int64_t now_ns, double mib);
  /// MiB; with fewer than 20 values the last against the first.
  [[nodiscard]] double growth_mib() const;

 private:
  std::int64_t last_ns_ = INT64_MIN / 2;
  std::vector<float> values_;
};

/// Cores in use between two moments, by thread name: processor time over wall time.
[[nodiscard]] std::map<std::string, double> cores_between(const Usage& before, const Usage& after,
                                                          double wall_s);

}  // namespace lazarillo
