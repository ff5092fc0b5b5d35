#pragma once

#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "error.h"
#include "gpu/memory.h"

namespace lazarillo::test {

/// A test of kernels: skipped where there is no card to run them.
class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    try {
      (void)gpu_info();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    stream_ = gpu::make_stream(false);
  }

  template <typename T>
  gpu::DeviceBuffer on_device(const std::vector<T>& values) {
    const std::size_t bytes = values.size() * sizeof(T);
    // Kernels may read whole words: nothing of them is left as it was.
    gpu::DeviceBuffer buffer((bytes + 3) / 4 * 4);
    poison(buffer);
    gpu::copy_to_device(buffer.data(), values.data(), bytes, stream_.get());
    wait();
    return buffer;
  }
  template <typename T>
  std::vector<T> on_host(const gpu::DeviceBuffer& buffer) {
    std::vector<T> values(buffer.bytes() / sizeof(T));
    gpu::copy_to_host(values.data(), buffer.data(), buffer.bytes(), stream_.get());
    wait();
    return values;
  }
  /// So many rows of `row` bytes, from an address of the device.
  static std::vector<std::uint8_t> rows(const std::uint8_t* device, int pitch, std::size_t row,
                                        std::size_t count) {
    std::vector<std::uint8_t> host(row * count);
    gpu::check(cudaMemcpy2D(host.data(), row, device, static_cast<std::size_t>(pitch), row, count,
                            cudaMemcpyDeviceToHost),
               "reading back");
    return host;
  }
  /// FP16 or FP32 numbers.
  std::vector<float> numbers_on_host(const gpu::DeviceBuffer& buffer, bool half) {
    if (!half) return on_host<float>(buffer);
    std::vector<float> numbers;
    for (const __half v : on_host<__half>(buffer)) numbers.push_back(__half2float(v));
    return numbers;
  }
  /// What was not written is seen.
  void poison(const gpu::DeviceBuffer& buffer) {
    gpu::check(cudaMemsetAsync(buffer.data(), 0xff, buffer.bytes(), stream_.get()), "poisoning");
  }
  void wait() { gpu::check(cudaStreamSynchronize(stream_.get()), "waiting"); }

  void run(const gpu::GraphExec& graph) {
    gpu::check(cudaGraphLaunch(graph.get(), stream_.get()), "launching");
    wait();
  }
  /// Runs what is queued as a CUDA graph, twice.
  template <typename Queue>
  void as_graph(const Queue& queue) {
    const gpu::GraphExec graph = gpu::capture(stream_.get(), queue);
    run(graph);
    run(graph);
  }
  /// Other contents for the same place.
  template <typename T>
  void overwrite(const gpu::DeviceBuffer& buffer, const std::vector<T>& values) {
    gpu::copy_to_device(buffer.data(), values.data(), values.size() * sizeof(T), stream_.get());
    wait();
  }

  gpu::Stream stream_;
};

}  // namespace lazarillo::test
