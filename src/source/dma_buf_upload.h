#pragma once

#include <memory>

#include "source/device_picture.h"
#include "source/dma_buf_picture.h"

namespace lazarillo {

/// Brings pictures that lie in DMA-BUFs into the card's memory. The card fetches them by itself
/// (gpu/imported_buffer.h): the processor touches no pixel. They are copied, not read in place: a
/// camera has few buffers and needs them back, while pictures wait their turn behind; and two
/// networks would read them over the bus twice. Private to source/; one thread calls it.
class DmaBufUpload {
 public:
  /// Throws Error(model) when there is no card.
  DmaBufUpload();
  ~DmaBufUpload();
  DmaBufUpload(const DmaBufUpload&) = delete;
  DmaBufUpload& operator=(const DmaBufUpload&) = delete;

  /// Returns when the picture is there; the buffer may then be written again. A grey one gets
  /// chroma without colour. The first pictures in each buffer take a little longer. Throws Error.
  [[nodiscard]] std::shared_ptr<const DevicePicture> bring(const DmaBufPicture& picture);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
