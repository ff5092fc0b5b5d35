#include "source/dma_buf_picture.h"

#include <gst/allocators/allocators.h>
#include <gst/video/video.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "error.h"

namespace lazarillo {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ExitCode::source, "the camera gave a picture " + why);
}

/// 0, or the error's number.
int sync(int fd, std::uint64_t flags) {
  dma_buf_sync request{flags};
  int result = -1;
  do result = ioctl(fd, DMA_BUF_IOCTL_SYNC, &request);
  while (result < 0 && (errno == EINTR || errno == EAGAIN));
  return result < 0 ? errno : 0;
}

/// The last byte of a plane lies in the buffer.
bool fits(std::size_t at, int pitch, int row, int rows, std::size_t bytes) {
  const auto stride = static_cast<std::size_t>(pitch);
  const auto last = static_cast<std::size_t>(rows - 1) * stride + static_cast<std::size_t>(row);
  return pitch >= row && at <= bytes && last <= bytes - at;
}

}  // namespace

DmaBufPicture dma_buf_picture(GstSample* sample) {
  GstBuffer* buffer = gst_sample_get_buffer(sample);
  GstCaps* caps = gst_sample_get_caps(sample);
  GstVideoInfo info;
  if (buffer == nullptr || caps == nullptr || gst_video_info_from_caps(&info, caps) == FALSE) {
    refuse("that cannot be read");
  }
  const GstVideoFormat format = GST_VIDEO_INFO_FORMAT(&info);
  const bool grey = format == GST_VIDEO_FORMAT_GRAY8;
  if (!grey && format != GST_VIDEO_FORMAT_NV12) {
    refuse(std::string("in ") + gst_video_format_to_string(format) + ", not NV12 or grey");
  }
  GstMemory* memory =
      gst_buffer_n_memory(buffer) == 1 ? gst_buffer_peek_memory(buffer, 0) : nullptr;
  if (memory == nullptr || gst_is_dmabuf_memory(memory) == FALSE) {
    refuse("that does not lie in one DMA-BUF");
  }
  DmaBufPicture picture;
  picture.fd = gst_dmabuf_memory_get_fd(memory);
  const off_t end = lseek(picture.fd, 0, SEEK_END);
  picture.bytes = end < 0 ? 0 : static_cast<std::size_t>(end);
  picture.width = GST_VIDEO_INFO_WIDTH(&info);
  picture.height = GST_VIDEO_INFO_HEIGHT(&info);
  // The driver's own layout, where it is not the usual one.
  const GstVideoMeta* meta = gst_buffer_get_video_meta(buffer);
  const auto offset = [&](int plane) {
    return memory->offset +
           (meta != nullptr ? meta->offset[plane] : GST_VIDEO_INFO_PLANE_OFFSET(&info, plane));
  };
  const auto pitch = [&](int plane) {
    return meta != nullptr ? meta->stride[plane] : GST_VIDEO_INFO_PLANE_STRIDE(&info, plane);
  };
  picture.luma = offset(0);
  picture.luma_pitch = pitch(0);
  bool inside =
      fits(picture.luma, picture.luma_pitch, picture.width, picture.height, picture.bytes);
  if (!grey) {
    picture.chroma = offset(1);
    picture.chroma_pitch = pitch(1);
    inside = inside && fits(picture.chroma, picture.chroma_pitch, (picture.width + 1) / 2 * 2,
                            (picture.height + 1) / 2, picture.bytes);
  }
  if (!inside) refuse("that is larger than its buffer");
  const GstVideoColorimetry& colours = GST_VIDEO_INFO_COLORIMETRY(&info);
  picture.bt709 = colours.matrix == GST_VIDEO_COLOR_MATRIX_BT709;
  picture.full_range = grey ? colours.range != GST_VIDEO_COLOR_RANGE_16_235
                            : colours.range == GST_VIDEO_COLOR_RANGE_0_255;
  return picture;
}

DmaBufAccess::DmaBufAccess(int fd) : fd_(fd) {
  const int error = sync(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
  if (error != 0) {
    throw Error(ExitCode::source,
                std::string("a camera's DMA-BUF cannot be read: ") + std::strerror(error));
  }
}

DmaBufAccess::~DmaBufAccess() { sync(fd_, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ); }

}  // namespace lazarillo
