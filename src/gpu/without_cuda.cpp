#include "error.h"
#include "gpu/device.h"
#include "gpu/direct.h"

// What gpu/ is where no CUDA compiler was found.

namespace lazarillo {

GpuInfo gpu_info() {
  throw Error(ExitCode::model,
              "no NVIDIA card can be used: this lazarillo was built without CUDA (docs/nvidia.md)");
}

GpuDirect gpu_direct() {
  (void)gpu_info();
  return {};
}

std::string way_to_import(int /*fd*/, std::size_t /*bytes*/) { return gpu_info().name; }

void limit_gpu_memory(std::uint64_t /*bytes*/) {}

bool gpu_lost() { return false; }

std::uint64_t gpu_memory_in_use() { return 0; }

GpuTraffic gpu_traffic() { return {}; }

}  // namespace lazarillo
