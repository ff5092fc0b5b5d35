#include "infer/openvino/openvino_info.h"

#include <openvino/openvino.hpp>

#include "error.h"

namespace lazarillo {

std::vector<EngineDevice> openvino_devices() try {
  ov::Core core;
  std::vector<EngineDevice> devices;
  for (const std::string& name : core.get_available_devices()) {
    devices.push_back({name, core.get_property(name, ov::device::full_name)});
  }
  return devices;
} catch (const ov::Exception& e) {
  const std::string what = e.what();
  throw Error(ExitCode::model, "OpenVINO does not start: " + what.substr(0, what.find('\n')));
}

std::string openvino_version() { return ov::get_openvino_version().buildNumber; }

}  // namespace lazarillo
