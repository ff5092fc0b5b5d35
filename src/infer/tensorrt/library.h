#pragma once

#include <NvInfer.h>

#include <memory>
#include <mutex>
#include <string>

// What both building and running need of TensorRT. Private to tensorrt/. The same sources are built
// with TensorRT 8.6, 10, 11 and TensorRT for RTX: what differs stands here.

namespace lazarillo::tensorrt {

#ifdef NV_TENSORRT_MAJOR
inline constexpr int kMajor = NV_TENSORRT_MAJOR;
#else
inline constexpr int kMajor = 0;  // TensorRT for RTX, which counts from 1 anew
#endif

/// Keeps the last complaint, which is the cause of what fails next. Thread-safe.
class Complaints final : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char* message) noexcept override {
    if (severity > Severity::kERROR) return;
    const std::lock_guard lock(mutex_);
    try {
      last_ = message;
    } catch (...) {
      last_.clear();
    }
  }
  /// In one line; empties it.
  [[nodiscard]] std::string take();

 private:
  std::mutex mutex_;
  std::string last_;
};

/// One for the process: TensorRT keeps the first it is given.
[[nodiscard]] Complaints& complaints();

/// Device memory within the process's limit.
class Memory final : public nvinfer1::IGpuAllocator {
 public:
  void* allocate(std::uint64_t size, std::uint64_t alignment,
                 nvinfer1::AllocatorFlags flags) noexcept override;
  bool deallocate(void* memory) noexcept override;
#if defined(NV_TENSORRT_MAJOR) && NV_TENSORRT_MAJOR == 8
  void free(void* memory) noexcept override { deallocate(memory); }
#endif
};
[[nodiscard]] Memory& memory();

/// Deserialises plans. One for the process.
[[nodiscard]] nvinfer1::IRuntime& runtime();

}  // namespace lazarillo::tensorrt
