#include "run/processor.h"

#include <algorithm>
#include <fstream>
#include <thread>

namespace lazarillo {

std::string cpuinfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string text; std::getline(file, text);) {
    const auto colon = text.find(": ");
    if (text.starts_with(key) && colon != std::string::npos) return text.substr(colon + 2);
  }
  return "";
}

int core_count() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

std::string processor_name() {
  const std::string model = cpuinfo("model name");
  return (model.empty() ? "unknown processor" : model) + ", " + std::to_string(core_count()) +
         " threads";
}

}  // namespace lazarillo
