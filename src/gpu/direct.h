#pragma once

#include <cstddef>
#include <string>

namespace lazarillo {

/// What the card and its driver say of memory shared with other devices. GPUDirect RDMA and
/// exporting let another device reach into the card's memory; importing lets the card reach into a
/// buffer of somebody else's, say a camera's.
struct GpuDirect {
  bool rdma = false;             ///< CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED
  bool exports_dma_buf = false;  ///< CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED
  /// CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED: the card can read memory of the host that was not
  /// its own from the start. How DMA-BUFs are imported where CUDA takes none
  /// (gpu/imported_buffer.h).
  bool registers_host_memory = false;
};

/// Throws Error(model) as gpu_info() does.
[[nodiscard]] GpuDirect gpu_direct();

/// Tries to import a DMA-BUF of `bytes` bytes and says how the card reads it: "as CUDA's external
/// memory" or "registered with CUDA, over the bus" (gpu/imported_buffer.h). Throws Error(model) as
/// gpu_info() does; Error(source): not at all, and why.
[[nodiscard]] std::string way_to_import(int fd, std::size_t bytes);

}  // namespace lazarillo
