#include <gst/video/video.h>

#include <utility>

#include "source/card.h"
#include "source/decode_chain.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;

/// Keeps a decoded sample mapped as long as anybody holds its pixels.
struct MappedSample {
  MappedSample(Ptr<GstSample> s, GstMapFlags flags) : sample(std::move(s)) {
    GstVideoInfo info;
    GstCaps* caps = gst_sample_get_caps(sample.get());
    GstBuffer* buffer = gst_sample_get_buffer(sample.get());
    mapped = caps != nullptr && buffer != nullptr &&
             gst_video_info_from_caps(&info, caps) != FALSE &&
             gst_video_frame_map(&frame, &info, buffer, flags) != FALSE;
  }
  ~MappedSample() {
    if (mapped) gst_video_frame_unmap(&frame);
  }
  MappedSample(const MappedSample&) = delete;
  MappedSample& operator=(const MappedSample&) = delete;

  Ptr<GstSample> sample;
  GstVideoFrame frame{};
  bool mapped = false;
};

std::shared_ptr<const DevicePicture> device_picture(std::shared_ptr<MappedSample> mapped) {
  const GstVideoFrame& frame = mapped->frame;
  const GstVideoColorimetry& colours = GST_VIDEO_INFO_COLORIMETRY(&frame.info);
  DevicePicture picture;
  picture.luma = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
  picture.chroma = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 1));
  picture.luma_pitch = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
  picture.chroma_pitch = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 1);
  picture.bt709 = colours.matrix == GST_VIDEO_COLOR_MATRIX_BT709;
  picture.full_range = colours.range == GST_VIDEO_COLOR_RANGE_0_255;
  picture.owner = std::move(mapped);
  return std::make_shared<const DevicePicture>(std::move(picture));
}

}  // namespace

std::optional<DecodedPicture> decoded_picture(PipelinePicture decoded, bool on_card) {
  DecodedPicture picture;
  if (decoded.jpeg.picture) {
    picture.width = decoded.jpeg.width;
    picture.height = decoded.jpeg.height;
    picture.device = std::move(decoded.jpeg.picture);
    return picture;
  }
  const auto mapped = std::make_shared<MappedSample>(std::move(decoded.sample),
                                                     on_card ? card::kMapFlags : GST_MAP_READ);
  if (!mapped->mapped) return std::nullopt;
  const GstVideoFrame& frame = mapped->frame;
  picture.width = GST_VIDEO_FRAME_WIDTH(&frame);
  picture.height = GST_VIDEO_FRAME_HEIGHT(&frame);
  if (on_card) {
    picture.device = device_picture(mapped);
    return picture;
  }
  picture.stride_bytes = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
  picture.pixels = {mapped,
                    static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0))};
  return picture;
}

}  // namespace lazarillo
