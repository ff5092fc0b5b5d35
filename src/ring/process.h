#pragma once

#include <cstdint>

namespace lazarillo {

/// A process that cannot be mistaken for a later one with the same number.
struct ProcessId {
  std::uint32_t pid = 0;
  std::uint64_t start = 0;  ///< field 22 of /proc/PID/stat: clock ticks after boot
};

[[nodiscard]] ProcessId this_process();

/// False when it has ended, also when nobody has waited for it yet. In doubt (its /proc is hidden
/// from us) it is alive. Both must be of the same pid namespace.
[[nodiscard]] bool is_alive(const ProcessId& process);

}  // namespace lazarillo
