#pragma once

#include <gst/gst.h>

#include <cstddef>

// Pictures whose bytes lie in a DMA-BUF, as GStreamer's v4l2src gives them. Private to source/.

namespace lazarillo {

/// Where in a DMA-BUF a picture lies: NV12, or grey, which is NV12's luma alone. The descriptor is
/// the sample's.
struct DmaBufPicture {
  int fd = -1;
  std::size_t bytes = 0;  ///< of the whole buffer
  int width = 0, height = 0;
  std::size_t luma = 0, chroma = 0;      ///< first bytes, from the buffer's beginning
  int luma_pitch = 0, chroma_pitch = 0;  ///< bytes from row to row; chroma_pitch is 0: grey
  bool bt709 = false;                    ///< as in DevicePicture
  bool full_range = false;
};

/// Throws Error(source): not in one DMA-BUF, neither NV12 nor grey, or planes that reach beyond the
/// buffer.
[[nodiscard]] DmaBufPicture dma_buf_picture(GstSample* sample);

/// While this lives, what a device wrote into a DMA-BUF may be read through a mapping of it, by the
/// processor or by a card that reads through the processor's caches (DMA_BUF_IOCTL_SYNC): it waits
/// for writers that are not done and makes their bytes visible. Throws Error(source) where that
/// fails, e.g. for a descriptor that is no DMA-BUF.
class DmaBufAccess {
 public:
  explicit DmaBufAccess(int fd);
  ~DmaBufAccess();
  DmaBufAccess(const DmaBufAccess&) = delete;
  DmaBufAccess& operator=(const DmaBufAccess&) = delete;

 private:
  const int fd_;
};

}  // namespace lazarillo
