#pragma once

#include <cstdint>
#include <string>

namespace lazarillo {

/// The NVIDIA card that networks run on: the first that the driver shows (CUDA_VISIBLE_DEVICES
/// chooses another).
struct GpuInfo {
  std::string name;          ///< "NVIDIA GeForce RTX 2060"
  int major = 0, minor = 0;  ///< compute capability: 7.5
  int multiprocessors = 0;
  std::uint64_t memory_bytes = 0;
  std::string driver;  ///< the newest CUDA that the driver runs: "13.0"

  /// "NVIDIA GeForce RTX 2060, compute capability 7.5".
  [[nodiscard]] std::string title() const;
};

/// Throws Error(model) with one line that says why no card can be used here, and what to do: built
/// without CUDA, no driver, a driver too old, no card. Never waits.
[[nodiscard]] GpuInfo gpu_info();

/// Device memory that this process may take, all of it together; 0: no limit. What is beyond is
/// refused as a full card is. Thread-safe.
void limit_gpu_memory(std::uint64_t bytes);

/// Device memory in use now, by this and all other programs; 0 where no card was used yet.
/// Thread-safe.
[[nodiscard]] std::uint64_t gpu_memory_in_use();

/// True once a call failed in a way after which this process can do nothing more with the card: a
/// kernel crashed, or the card itself is gone. A new process may. Thread-safe.
[[nodiscard]] bool gpu_lost();

/// Bytes that this process moved between the host and the device so far. Thread-safe.
struct GpuTraffic {
  std::uint64_t to_device = 0;
  std::uint64_t to_host = 0;
};
[[nodiscard]] GpuTraffic gpu_traffic();

}  // namespace lazarillo
