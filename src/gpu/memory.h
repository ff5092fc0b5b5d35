#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "gpu/device.h"

// Device memory, streams and graphs that free themselves. For the folders that run on the GPU; no
// public header includes this one.

namespace lazarillo::gpu {

/// Throws Error(vision), "the GPU failed while `doing`: ...", when a call did not succeed. Out of
/// memory is Error(model) that says how much is free.
void check(cudaError_t error, const char* doing);

/// Device memory within the process's limit; null when it, or the card, is full. Thread-safe.
[[nodiscard]] void* allocate(std::size_t bytes) noexcept;
void release(void* memory);

/// Bytes of the last allocation that was refused, and forgets it; 0: none since. Libraries that are
/// given our memory say of a full card only that they failed. Thread-safe.
[[nodiscard]] std::size_t take_refused() noexcept;

/// Throws Error(model): how much was wanted and how much is free.
[[noreturn]] void refuse_memory(std::size_t bytes);

/// Notes that so many bytes cross between host and device. Copies below note themselves; a graph's
/// are noted by who launches it.
void note_traffic(const GpuTraffic& moved);

inline void destroy(cudaEvent_t event) { cudaEventDestroy(event); }
inline void destroy(cudaStream_t stream) { cudaStreamDestroy(stream); }
inline void destroy(cudaGraphExec_t graph) { cudaGraphExecDestroy(graph); }
inline void free_pinned(void* memory) { cudaFreeHost(memory); }

/// Owns what `Free` gives back.
template <typename Handle, void (*Free)(Handle)>
class Owner {
 public:
  Owner() = default;
  explicit Owner(Handle handle) : handle_(handle) {}
  Owner(Owner&& other) noexcept : handle_(std::exchange(other.handle_, Handle{})) {}
  Owner& operator=(Owner&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() {
    if (handle_ != Handle{}) Free(handle_);
  }
  [[nodiscard]] Handle get() const { return handle_; }
  explicit operator bool() const { return handle_ != Handle{}; }

 private:
  Handle handle_{};
};

using Event = Owner<cudaEvent_t, destroy>;
using Stream = Owner<cudaStream_t, destroy>;
using GraphExec = Owner<cudaGraphExec_t, destroy>;

/// Does not wait for the default stream. An urgent stream's work goes before others' on the card.
[[nodiscard]] Stream make_stream(bool urgent);
/// To order streams; a thread that waits for it sleeps. Timed: two of them give the time between.
[[nodiscard]] Event make_event(bool timed = false);

/// What `queue` queues on the stream, as a graph that does all of it at once. Nothing runs yet.
[[nodiscard]] GraphExec capture(cudaStream_t stream, const std::function<void()>& queue);

/// Memory of the device, not initialised.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::size_t bytes);
  [[nodiscard]] void* data() const { return memory_.get(); }
  template <typename T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(memory_.get());
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  Owner<void*, release> memory_;
  std::size_t bytes_ = 0;
};

/// Memory of the host that the device copies from and to without the processor's help.
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  explicit PinnedBuffer(std::size_t bytes);
  template <typename T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(memory_.get());
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  Owner<void*, free_pinned> memory_;
  std::size_t bytes_ = 0;
};

/// Queue copies and note them.
void copy_to_device(void* to, const void* from, std::size_t bytes, cudaStream_t stream);
void copy_to_host(void* to, const void* from, std::size_t bytes, cudaStream_t stream);
/// The first `bytes` of each of `rows` rows that begin `pitch` bytes apart, here as there.
void copy_rows_to_host(void* to, const void* from, std::size_t pitch, std::size_t bytes,
                       std::size_t rows, cudaStream_t stream);

}  // namespace lazarillo::gpu
