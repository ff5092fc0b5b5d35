#pragma once

#include <map>
#include <string>

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

/// Cores in use between two moments, by thread name: processor time over wall time.
[[nodiscard]] std::map<std::string, double> cores_between(const Usage& before, const Usage& after,
                                                          double wall_s);

}  // namespace lazarillo
