#pragma once

#include <chrono>
#include <cstdint>

namespace lazarillo {

/// The wall clock of capture and decision times: std::chrono::steady_clock, ns.
[[nodiscard]] inline std::int64_t steady_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace lazarillo
