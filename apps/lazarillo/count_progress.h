#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace lazarillo {

/// Tells on stderr how far long work is: a bar on a terminal, redrawn at most ten times a second,
/// else a line every tenth of it. One thread at a time.
class CountProgress {
 public:
  explicit CountProgress(std::string things);
  /// Leaves the terminal's line clean.
  ~CountProgress();
  CountProgress(const CountProgress&) = delete;
  CountProgress& operator=(const CountProgress&) = delete;

  void update(std::size_t done, std::size_t all);

 private:
  std::string things_;
  std::function<int()> columns_;
  std::chrono::steady_clock::time_point drawn_at_;
  bool drawn_ = false;
};

}  // namespace lazarillo
