#include "gpu/device.h"

#include <cuda_runtime_api.h>

#include "error.h"
#include "gpu/memory.h"

namespace lazarillo {
namespace {

std::string version(int number) {
  return std::to_string(number / 1000) + '.' + std::to_string(number % 1000 / 10);
}

[[noreturn]] void unusable(const std::string& why) {
  throw Error(ExitCode::model, "no NVIDIA card can be used: " + why);
}

}  // namespace

GpuInfo gpu_info() {
  int driver = 0;
  // 0 where no driver is installed.
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    unusable("no driver is installed; install NVIDIA's, or use see.engine = \"openvino\"");
  }
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaErrorInsufficientDriver || driver / 1000 < CUDART_VERSION / 1000) {
    unusable("the driver runs CUDA " + version(driver) + ", this program needs CUDA " +
             std::to_string(CUDART_VERSION / 1000) + ": update the driver");
  }
  if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0)) {
    unusable("the driver shows none (is it plugged in, and CUDA_VISIBLE_DEVICES right?)");
  }
  if (error != cudaSuccess) unusable(cudaGetErrorString(error));
  cudaDeviceProp properties{};
  gpu::check(cudaGetDeviceProperties(&properties, 0), "asking for the card's properties");
  return {properties.name,           properties.major,
          properties.minor,          properties.multiProcessorCount,
          properties.totalGlobalMem, version(driver)};
}

}  // namespace lazarillo
