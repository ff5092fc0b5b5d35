#include "gpu/imported_buffer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

#include "error.h"
#include "gpu/driver.h"

namespace lazarillo::gpu {
namespace {

/// CU_EXTERNAL_MEMORY_HANDLE_TYPE_DMABUF_FD, which headers before CUDA 13 do not have.
constexpr auto kDmaBuf = static_cast<CUexternalMemoryHandleType>(9);

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ExitCode::source, "the NVIDIA card cannot read the camera's buffers: " + why);
}

}  // namespace

ImportedBuffer::ImportedBuffer(int fd, std::size_t bytes) : bytes_(bytes) {
  if (!import(fd)) map_and_register(fd);
}

ImportedBuffer::~ImportedBuffer() {
  if (mapping_ != nullptr) {
    cudaHostUnregister(mapping_);
    munmap(mapping_, bytes_);
  }
  if (external_ == nullptr) return;
  cudaFree(nullptr);  // the driver works in the thread's context: this makes it CUDA's own
  using FreeMemory = CUresult (*)(CUdeviceptr);
  using Destroy = CUresult (*)(CUexternalMemory);
  const auto free_memory = driver_function<FreeMemory>("cuMemFree", 12000);
  const auto destroy = driver_function<Destroy>("cuDestroyExternalMemory", 12000);
  if (free_memory != nullptr) free_memory(reinterpret_cast<CUdeviceptr>(data_));
  if (destroy != nullptr) destroy(external_);
}

/// False where the driver takes no DMA-BUF, or not this one.
bool ImportedBuffer::import(int fd) {
  using Import = CUresult (*)(CUexternalMemory*, const CUDA_EXTERNAL_MEMORY_HANDLE_DESC*);
  using Map = CUresult (*)(CUdeviceptr*, CUexternalMemory, const CUDA_EXTERNAL_MEMORY_BUFFER_DESC*);
  using Destroy = CUresult (*)(CUexternalMemory);
  const auto take = driver_function<Import>("cuImportExternalMemory", 12000);
  const auto map = driver_function<Map>("cuExternalMemoryGetMappedBuffer", 12000);
  const auto destroy = driver_function<Destroy>("cuDestroyExternalMemory", 12000);
  cudaFree(nullptr);  // the driver works in the thread's context: this makes it CUDA's own
  if (take == nullptr || map == nullptr || destroy == nullptr) return false;
  CUDA_EXTERNAL_MEMORY_HANDLE_DESC handle{};
  handle.type = kDmaBuf;
  handle.handle.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);  // the driver keeps what it takes
  handle.size = bytes_;
  if (handle.handle.fd < 0) return false;
  if (take(&external_, &handle) != CUDA_SUCCESS) {
    external_ = nullptr;
    close(handle.handle.fd);
    return false;
  }
  CUDA_EXTERNAL_MEMORY_BUFFER_DESC range{};
  range.size = bytes_;
  CUdeviceptr address = 0;
  if (map(&address, external_, &range) != CUDA_SUCCESS) {
    destroy(external_);
    external_ = nullptr;
    return false;
  }
  data_ = std::bit_cast<const void*>(address);  // the driver gives it as a number
  return true;
}

void ImportedBuffer::map_and_register(int fd) {
  // Writable, though nobody writes: that is how the driver pins pages.
  void* mapping = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapping == MAP_FAILED) {
    refuse(std::string("the kernel does not map them: ") + std::strerror(errno));
  }
  const cudaError_t error = cudaHostRegister(mapping, bytes_, cudaHostRegisterMapped);
  void* address = nullptr;
  if (error == cudaSuccess && cudaHostGetDevicePointer(&address, mapping, 0) == cudaSuccess) {
    mapping_ = mapping;
    data_ = address;
    return;
  }
  if (error == cudaSuccess) cudaHostUnregister(mapping);
  cudaGetLastError();  // else the next call would report it
  munmap(mapping, bytes_);
  refuse(std::string("CUDA takes them neither as external memory nor registered (") +
         cudaGetErrorString(error) +
         "): their driver maps memory that is contiguous or a device's own (docs/nvidia.md)");
}

}  // namespace lazarillo::gpu
