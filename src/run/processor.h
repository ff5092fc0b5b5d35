#pragma once

#include <string>

namespace lazarillo {

/// The first value of a key in /proc/cpuinfo ("model name", "flags"); empty where there is none.
[[nodiscard]] std::string cpuinfo(const std::string& key);

/// Processor threads this process may use; at least 1.
[[nodiscard]] int core_count();

/// "AMD EPYC 7543, 2 threads": what a measured setting holds for.
[[nodiscard]] std::string processor_name();

}  // namespace lazarillo
