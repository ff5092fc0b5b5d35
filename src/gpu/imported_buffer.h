#pragma once

#include <cuda.h>

#include <cstddef>

// DMA-BUFs that the card reads. For the folders that run on the GPU; no public header includes it.

namespace lazarillo::gpu {

/// The memory behind a DMA-BUF, as the card sees it, as long as this lives; the descriptor itself
/// may be closed. The processor touches none of its bytes.
///
/// CUDA takes a DMA-BUF as external memory on Jetson Thor and later only (cuda.h of 13.0,
/// cuImportExternalMemory); its runtime's cudaImportExternalMemory() knows descriptors of Vulkan's
/// and no DMA-BUF. Where the driver takes none, the buffer is mapped into this process and the
/// pages are registered: the card then reads them over the bus. That works for buffers the kernel
/// maps page by page (USB cameras, drivers on videobuf2's vmalloc or sg memory), not for those
/// mapped by page frame number (contiguous memory; DMA heaps; udmabuf since Linux 6.11), which is
/// an Error: CUDA's flag for such memory reads past the processor's caches and could show old
/// pixels.
class ImportedBuffer {
 public:
  /// `bytes`: all of the buffer. Reading begins and ends with DmaBufAccess
  /// (source/dma_buf_picture.h). Throws Error(source) that says why neither way went.
  ImportedBuffer(int fd, std::size_t bytes);
  ~ImportedBuffer();
  ImportedBuffer(const ImportedBuffer&) = delete;
  ImportedBuffer& operator=(const ImportedBuffer&) = delete;

  /// An address of the device.
  [[nodiscard]] const void* data() const { return data_; }
  /// The bytes lie in the host's memory: reading them is traffic over the bus.
  [[nodiscard]] bool over_the_bus() const { return mapping_ != nullptr; }

 private:
  bool import(int fd);
  void map_and_register(int fd);

  const std::size_t bytes_;
  const void* data_ = nullptr;
  CUexternalMemory external_ = nullptr;
  void* mapping_ = nullptr;
};

}  // namespace lazarillo::gpu
