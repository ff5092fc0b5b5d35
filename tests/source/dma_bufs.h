#pragma once

#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// Buffers for tests: shared memory that stands in for a camera's, and DMA-BUFs of the kernel's own
// where it makes some.

namespace lazarillo::test {

/// A file descriptor that closes itself; -1: none.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// Writes through a mapping, as a camera's driver does.
inline bool fill(int fd, const std::vector<std::uint8_t>& bytes) {
  void* to = mmap(nullptr, bytes.size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (to == MAP_FAILED) return false;
  std::copy(bytes.begin(), bytes.end(), static_cast<std::uint8_t*>(to));
  munmap(to, bytes.size());
  return true;
}

/// Shared memory of whole pages that holds the bytes. No DMA-BUF, but mapped page by page as those
/// of USB cameras are.
inline Descriptor shared_memory(const std::vector<std::uint8_t>& bytes) {
  Descriptor memory(memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t size = (bytes.size() + page - 1) / page * page;
  if (memory.get() < 0 || ftruncate(memory.get(), static_cast<off_t>(size)) != 0 ||
      !fill(memory.get(), bytes)) {
    return Descriptor();
  }
  return memory;
}

/// A DMA-BUF that holds the bytes and how it was made; without one the text says why not.
struct KernelBuffer {
  Descriptor fd;
  std::string what;
};

inline KernelBuffer udmabuf(const std::vector<std::uint8_t>& bytes) {
  const Descriptor maker(open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
  if (maker.get() < 0) return {Descriptor(), "this kernel offers no /dev/udmabuf"};
  const Descriptor memory = shared_memory(bytes);
  fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK);
  udmabuf_create request{};
  request.memfd = static_cast<__u32>(memory.get());
  request.flags = UDMABUF_FLAGS_CLOEXEC;
  request.size = static_cast<__u64>(lseek(memory.get(), 0, SEEK_END));
  return {Descriptor(ioctl(maker.get(), UDMABUF_CREATE, &request)), "/dev/udmabuf"};
}

inline KernelBuffer from_heap(const std::vector<std::uint8_t>& bytes) {
  const Descriptor heap(open("/dev/dma_heap/system", O_RDONLY | O_CLOEXEC));
  if (heap.get() < 0) return {Descriptor(), "this kernel offers no /dev/dma_heap/system"};
  dma_heap_allocation_data request{};
  request.len = bytes.size();
  request.fd_flags = O_RDWR | O_CLOEXEC;
  if (ioctl(heap.get(), DMA_HEAP_IOCTL_ALLOC, &request) != 0)
    return {Descriptor(), "a heap that is full"};
  Descriptor buffer(static_cast<int>(request.fd));
  fill(buffer.get(), bytes);
  return {std::move(buffer), "/dev/dma_heap/system"};
}

/// NV12 with rows of `pitch` bytes and chroma from `chroma` on, every byte of the picture different
/// from its neighbours, 255 in between.
inline std::vector<std::uint8_t> padded_nv12(int width, int height, int pitch, std::size_t chroma) {
  const auto stride = static_cast<std::size_t>(pitch);
  std::vector<std::uint8_t> bytes(chroma + stride * static_cast<std::size_t>((height + 1) / 2),
                                  255);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto at = static_cast<std::size_t>(y) * stride + static_cast<std::size_t>(x);
      bytes[at] = static_cast<std::uint8_t>((7 * x + 31 * y) % 251);
      if (y % 2 == 0)
        bytes[chroma + at - static_cast<std::size_t>(y / 2) * stride] =
            static_cast<std::uint8_t>((13 * x + 5 * y) % 241);
    }
  }
  return bytes;
}

}  // namespace lazarillo::test
