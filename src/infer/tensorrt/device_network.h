#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace lazarillo::gpu {

/// A compiled network whose tensors lie in device memory. For what runs on the GPU around it; no
/// public header includes this one. Not thread-safe.
class DeviceNetwork {
 public:
  struct Tensor {
    std::string name;
    std::vector<std::int64_t> shape;           ///< of the largest batch
    bool half = false;                         ///< FP16; else FP32
    void* data = nullptr;                      ///< stays in place
    [[nodiscard]] std::size_t values() const;  ///< of the largest batch
    [[nodiscard]] std::size_t bytes() const { return values() * (half ? 2 : 4); }
  };

  /// Throws Error(model): damaged, of another card or version, no memory left.
  explicit DeviceNetwork(const std::filesystem::path& plan);
  ~DeviceNetwork();

  [[nodiscard]] int most_batch() const;
  [[nodiscard]] const std::vector<Tensor>& inputs() const;
  [[nodiscard]] const std::vector<Tensor>& outputs() const;

  /// Prepares calls with so many pictures; enqueue() with as many then only queues.
  void prepare(int batch, cudaStream_t stream);
  /// Can be captured into a CUDA graph after prepare(). Throws Error(vision).
  void enqueue(int batch, cudaStream_t stream);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo::gpu
