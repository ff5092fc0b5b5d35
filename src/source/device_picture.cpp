#include "source/device_picture.h"

#include <cuda_runtime_api.h>

#include <memory>
#include <vector>

#include "gpu/memory.h"
#include "source/frame_copies.h"

namespace lazarillo {
namespace {

std::uint8_t level(double value) {
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
}

}  // namespace

Frame in_host_memory(const Frame& frame) {
  if (!frame.device) return frame;
  const DevicePicture& picture = *frame.device;
  const auto width = static_cast<std::size_t>(frame.width);
  const auto height = static_cast<std::size_t>(frame.height);
  const std::size_t pairs = (width + 1) / 2;
  const std::size_t half_rows = (height + 1) / 2;
  std::vector<std::uint8_t> luma(width * height);
  std::vector<std::uint8_t> chroma(2 * pairs * half_rows);
  const auto bring = [](std::vector<std::uint8_t>& to, const std::uint8_t* from, int pitch,
                        std::size_t row, std::size_t rows) {
    gpu::check(cudaMemcpy2D(to.data(), row, from, static_cast<std::size_t>(pitch), row, rows,
                            cudaMemcpyDeviceToHost),
               "bringing a picture to be shown");
    gpu::note_traffic({0, row * rows});
  };
  bring(luma, picture.luma, picture.luma_pitch, width, height);
  bring(chroma, picture.chroma, picture.chroma_pitch, 2 * pairs, half_rows);

  // ITU-R BT.601 and BT.709: luma's weights of red and blue.
  const double red = picture.bt709 ? 0.2126 : 0.299;
  const double blue = picture.bt709 ? 0.0722 : 0.114;
  const double green = 1 - red - blue;
  const double luma_gain = picture.full_range ? 1.0 : 255.0 / 219;
  const double chroma_gain = picture.full_range ? 1.0 : 255.0 / 224;
  const double black = picture.full_range ? 0 : 16;
  const std::shared_ptr<std::uint8_t> pixels(new std::uint8_t[3 * width * height],
                                             std::default_delete<std::uint8_t[]>());
  std::uint8_t* out = pixels.get();
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const std::uint8_t* c = chroma.data() + 2 * (y / 2 * pairs + x / 2);
      const double l = luma_gain * (luma[y * width + x] - black);
      const double cb = chroma_gain * (c[0] - 128.0);
      const double cr = chroma_gain * (c[1] - 128.0);
      const double b = l + 2 * (1 - blue) * cb;
      const double r = l + 2 * (1 - red) * cr;
      *out++ = level(b);
      *out++ = level((l - red * r - blue * b) / green);
      *out++ = level(r);
    }
  }
  FrameCopies::add();
  Frame host = frame;
  host.device.reset();
  host.format = PixelFormat::bgr8;
  host.stride_bytes = static_cast<std::ptrdiff_t>(3 * width);
  host.pixels = pixels;
  return host;
}

}  // namespace lazarillo
