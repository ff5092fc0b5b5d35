#include "gpu/device.h"

namespace lazarillo {

std::string GpuInfo::title() const {
  return name + ", compute capability " + std::to_string(major) + '.' + std::to_string(minor);
}

}  // namespace lazarillo
