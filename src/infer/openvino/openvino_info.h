#pragma once

#include <string>
#include <vector>

namespace lazarillo {

struct EngineDevice {
  std::string name;       ///< "CPU", "GPU.0"
  std::string full_name;  ///< "Intel(R) Core(TM) ..."
};

/// The devices OpenVINO finds on this machine. Throws Error(model) when it does not start.
[[nodiscard]] std::vector<EngineDevice> openvino_devices();

/// "2026.4.1-..."
[[nodiscard]] std::string openvino_version();

}  // namespace lazarillo
