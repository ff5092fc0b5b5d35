#include "infer/tensorrt/library.h"

#include <algorithm>

#include "error.h"
#include "gpu/memory.h"
#include "infer/tensorrt/tensorrt.h"

namespace lazarillo {
namespace tensorrt {

std::string Complaints::take() {
  const std::lock_guard lock(mutex_);
  std::string line = std::exchange(last_, {});
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line.empty() ? "TensorRT does not say why" : line;
}

Complaints& complaints() {
  static Complaints only;
  return only;
}

// cudaMalloc aligns to 256 bytes, which is the most that TensorRT asks for.
void* Memory::allocate(std::uint64_t size, std::uint64_t /*alignment*/,
                       nvinfer1::AllocatorFlags /*flags*/) noexcept {
  return gpu::allocate(size);
}

bool Memory::deallocate(void* memory) noexcept {
  gpu::release(memory);
  return true;
}

Memory& memory() {
  static Memory only;
  return only;
}

nvinfer1::IRuntime& runtime() {
  static const std::unique_ptr<nvinfer1::IRuntime> only(nvinfer1::createInferRuntime(complaints()));
  if (!only) throw Error(ExitCode::model, "TensorRT does not start: " + complaints().take());
  only->setGpuAllocator(&memory());
  return *only;
}

}  // namespace tensorrt

std::string tensorrt_version() {
  // 8600 for 8.6.0 until TensorRT 8, 101600 for 10.16.0 since.
  const int number = getInferLibVersion();
  const int thousand = number >= 10000 ? 10000 : 1000;
  return std::string(tensorrt::kMajor == 0 ? "TensorRT for RTX " : "TensorRT ") +
         std::to_string(number / thousand) + '.' + std::to_string(number % thousand / 100) + '.' +
         std::to_string(number % 100);
}

}  // namespace lazarillo
