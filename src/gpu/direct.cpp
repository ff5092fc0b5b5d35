#include "gpu/direct.h"

#include "gpu/device.h"
#include "gpu/driver.h"
#include "gpu/imported_buffer.h"

namespace lazarillo {

GpuDirect gpu_direct() {
  (void)gpu_info();
  // The runtime has no name for one of these attributes: all are asked of the driver.
  const auto ask = gpu::driver_function<CUresult (*)(int*, CUdevice_attribute, CUdevice)>(
      "cuDeviceGetAttribute", 12000);
  const auto has = [&](CUdevice_attribute attribute) {
    int value = 0;
    return ask != nullptr && ask(&value, attribute, 0) == CUDA_SUCCESS && value != 0;
  };
  return {has(CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED),
          has(CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED),
          has(CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED)};
}

std::string way_to_import(int fd, std::size_t bytes) {
  (void)gpu_info();
  return gpu::ImportedBuffer(fd, bytes).over_the_bus() ? "registered with CUDA, over the bus"
                                                       : "as CUDA's external memory";
}

}  // namespace lazarillo
