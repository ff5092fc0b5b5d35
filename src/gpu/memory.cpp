#include "gpu/memory.h"

#include <atomic>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "error.h"

namespace lazarillo {
namespace {

/// What this process holds of the device's memory.
struct Ledger {
  std::mutex mutex;
  std::unordered_map<void*, std::size_t> sizes;
  std::uint64_t held = 0;
  std::uint64_t limit = 0;  // 0: none
  std::size_t refused = 0;  // bytes of the last allocation that was
};
Ledger& ledger() {
  // Never destroyed: buffers of static lifetime may outlive any order of destruction.
  static Ledger& only = *new Ledger;
  return only;
}

std::atomic<std::uint64_t> bytes_to_device{0};
std::atomic<std::uint64_t> bytes_to_host{0};

std::atomic<bool> lost{false};

std::string megabytes(std::uint64_t bytes) { return std::to_string((bytes + (1U << 19)) >> 20); }

}  // namespace

void limit_gpu_memory(std::uint64_t bytes) {
  const std::lock_guard lock(ledger().mutex);
  ledger().limit = bytes;
}

bool gpu_lost() { return lost; }

std::uint64_t gpu_memory_in_use() {
  {
    const std::lock_guard lock(ledger().mutex);
    if (ledger().held == 0) return 0;  // asking would wake the card
  }
  std::size_t free = 0;
  std::size_t all = 0;
  if (cudaMemGetInfo(&free, &all) != cudaSuccess) {
    cudaGetLastError();
    return 0;
  }
  return all - free;
}

GpuTraffic gpu_traffic() { return {bytes_to_device.load(), bytes_to_host.load()}; }

namespace gpu {

void check(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return;
  if (error == cudaErrorMemoryAllocation) refuse_memory(0);
  std::string line = std::string("the GPU failed while ") + doing + ": " + cudaGetErrorString(error);
  // What the next call says, too, is not this call's alone: the process has lost the card.
  cudaGetLastError();
  if (lost || cudaFree(nullptr) != cudaSuccess) {
    lost = true;
    line += " (nothing is seen until lazarillo is started anew)";
  }
  throw Error(ExitCode::vision, line);
}

void* allocate(std::size_t bytes) noexcept {
  if (bytes == 0) return nullptr;
  Ledger& book = ledger();
  const std::lock_guard lock(book.mutex);
  void* memory = nullptr;
  if ((book.limit > 0 && book.held + bytes > book.limit) ||
      cudaMalloc(&memory, bytes) != cudaSuccess) {
    cudaGetLastError();  // else the next call would report it
    book.refused = bytes;
    return nullptr;
  }
  try {
    book.sizes.emplace(memory, bytes);
  } catch (...) {
    cudaFree(memory);
    return nullptr;
  }
  book.held += bytes;
  return memory;
}

std::size_t take_refused() noexcept {
  const std::lock_guard lock(ledger().mutex);
  return std::exchange(ledger().refused, 0);
}

void release(void* memory) {
  if (memory == nullptr) return;
  Ledger& book = ledger();
  const std::lock_guard lock(book.mutex);
  const auto known = book.sizes.find(memory);
  if (known == book.sizes.end()) return;
  book.held -= known->second;
  book.sizes.erase(known);
  cudaFree(memory);
}

void refuse_memory(std::size_t bytes) {
  std::size_t free = 0;
  std::size_t all = 0;
  if (cudaMemGetInfo(&free, &all) != cudaSuccess) cudaGetLastError();
  std::uint64_t held = 0;
  std::uint64_t limit = 0;
  {
    const std::lock_guard lock(ledger().mutex);
    held = ledger().held;
    limit = ledger().limit;
  }
  std::string line = "the GPU's memory is full: ";
  if (bytes > 0) line += megabytes(bytes) + " MiB more are needed, ";
  line +=
      megabytes(free) + " of " + megabytes(all) + " MiB are free, " + megabytes(held) + " are ours";
  if (limit > 0) line += " (see.gpu_memory_mb allows " + megabytes(limit) + ")";
  throw Error(ExitCode::model, line + ": close other programs, or see with a smaller network");
}

void note_traffic(const GpuTraffic& moved) {
  bytes_to_device += moved.to_device;
  bytes_to_host += moved.to_host;
}

Stream make_stream(bool urgent) {
  int least = 0;
  int greatest = 0;
  check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "asking for priorities");
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, urgent ? greatest : least),
        "making a stream");
  return Stream(stream);
}

Event make_event(bool timed) {
  cudaEvent_t event = nullptr;
  const unsigned flags = timed ? 0U : cudaEventDisableTiming;
  check(cudaEventCreateWithFlags(&event, flags | cudaEventBlockingSync), "making an event");
  return Event(event);
}

GraphExec capture(cudaStream_t stream, const std::function<void()>& queue) {
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "beginning a graph");
  cudaGraph_t graph = nullptr;
  try {
    queue();
  } catch (...) {
    cudaStreamEndCapture(stream, &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    throw;
  }
  check(cudaStreamEndCapture(stream, &graph), "ending a graph");
  cudaGraphExec_t exec = nullptr;
  const cudaError_t made = cudaGraphInstantiate(&exec, graph, 0);
  cudaGraphDestroy(graph);
  check(made, "making a graph");
  return GraphExec(exec);
}

DeviceBuffer::DeviceBuffer(std::size_t bytes) : memory_(allocate(bytes)), bytes_(bytes) {
  if (bytes > 0 && !memory_) refuse_memory(bytes);
}

PinnedBuffer::PinnedBuffer(std::size_t bytes) : bytes_(bytes) {
  void* memory = nullptr;
  if (bytes > 0) check(cudaMallocHost(&memory, bytes), "taking pinned memory");
  memory_ = decltype(memory_)(memory);
}

void copy_to_device(void* to, const void* from, std::size_t bytes, cudaStream_t stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream), "copying to it");
  note_traffic({bytes, 0});
}

void copy_to_host(void* to, const void* from, std::size_t bytes, cudaStream_t stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream), "copying from it");
  note_traffic({0, bytes});
}

void copy_rows_to_host(void* to, const void* from, std::size_t pitch, std::size_t bytes,
                       std::size_t rows, cudaStream_t stream) {
  check(cudaMemcpy2DAsync(to, pitch, from, pitch, bytes, rows, cudaMemcpyDeviceToHost, stream),
        "copying from it");
  note_traffic({0, bytes * rows});
}

}  // namespace gpu
}  // namespace lazarillo
