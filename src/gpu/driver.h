#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

namespace lazarillo::gpu {

/// A function of the driver's, which is loaded at run time and not linked; null where the driver
/// has none of this name as it was in CUDA `version` (1000 * major + 10 * minor). For what CUDA's
/// runtime does not offer.
template <typename Function>
[[nodiscard]] Function driver_function(const char* name, unsigned version) {
  void* address = nullptr;
  cudaDriverEntryPointQueryResult found{};
  if (cudaGetDriverEntryPointByVersion(name, &address, version, cudaEnableDefault, &found) !=
      cudaSuccess) {
    cudaGetLastError();  // else the next call would report it
    return nullptr;
  }
  return found == cudaDriverEntryPointSuccess ? reinterpret_cast<Function>(address) : nullptr;
}

}  // namespace lazarillo::gpu
