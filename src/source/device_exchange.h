#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "source/device_picture.h"

// Pictures in the NVIDIA card's memory, passed from process to process without touching the host:
// CUDA IPC ("CUDA C++ Programming Guide", Interprocess Communication). What travels is a description
// of where the picture lies.

namespace lazarillo {

/// Trivially copyable: it is what stands in a ring's slot in place of pixels.
struct SharedPicture {
  std::array<std::byte, 64> memory{};  ///< handle of the exporter's memory (cudaIpcMemHandle_t)
  std::uint64_t offset = 0;            ///< of the luma plane in it, bytes; chroma follows
  std::uint64_t chroma_offset = 0;
  std::uint32_t pitch = 0;  ///< bytes from row to row, of both planes
  std::uint8_t bt709 = 0;
  std::uint8_t full_range = 0;
};

/// Keeps pictures where other processes can read them. One thread uses it. The memory is the
/// process's: it goes with it, also when the process is killed.
class DevicePictureExporter {
 public:
  /// `places`: pictures that are kept at once; `width` x `height`: of the largest. Throws
  /// Error(source) where the card or its system cannot share memory, Error(model) when it is full.
  DevicePictureExporter(std::size_t places, int width, int height);
  ~DevicePictureExporter();
  DevicePictureExporter(const DevicePictureExporter&) = delete;
  DevicePictureExporter& operator=(const DevicePictureExporter&) = delete;

  [[nodiscard]] bool fits(const Frame& frame) const;

  /// Copies the picture of a frame that fits, on the card, over the one that was in this place:
  /// nobody may read that any more. It is there when this returns. Throws Error(vision).
  [[nodiscard]] SharedPicture copy(const Frame& frame, std::size_t place);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The picture that another process exported; `owner` is kept as long as anybody holds it. The
/// exporter's memory is mapped once, as long as pictures in it are held or new ones come. Throws
/// Error(source) when the exporter is gone. Thread-safe. Not in the process that exported it.
[[nodiscard]] std::shared_ptr<const DevicePicture> import_picture(const SharedPicture& picture,
                                                                  std::shared_ptr<const void> owner);

}  // namespace lazarillo
