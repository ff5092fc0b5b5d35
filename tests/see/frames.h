#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "source/frame.h"

namespace lazarillo::test {

/// A BGR frame from a function of x, y and channel (0 blue, 1 green, 2 red). Rows end in `extra`
/// bytes of 255 that belong to no pixel.
inline Frame make_frame(int width, int height,
                        const std::function<int(int x, int y, int channel)>& level, int extra = 0,
                        PixelFormat format = PixelFormat::bgr8) {
  const int channels = format == PixelFormat::bgr8 ? 3 : 1;
  Frame frame;
  frame.width = width;
  frame.height = height;
  frame.format = format;
  frame.stride_bytes = std::ptrdiff_t{width} * channels + extra;
  frame.intrinsics = {double(width), double(width), width / 2.0, height / 2.0, width, height, true};
  const auto bytes = static_cast<std::size_t>(frame.stride_bytes * height);
  std::shared_ptr<std::uint8_t> pixels(new std::uint8_t[bytes],
                                       std::default_delete<std::uint8_t[]>());
  std::fill(pixels.get(), pixels.get() + bytes, std::uint8_t{255});
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        pixels.get()[y * frame.stride_bytes + std::ptrdiff_t{x} * channels + c] =
            static_cast<std::uint8_t>(level(x, y, c));
      }
    }
  }
  frame.pixels = pixels;
  return frame;
}

inline Frame grey_frame(int width, int height, int level) {
  return make_frame(width, height, [level](int, int, int) { return level; });
}

}  // namespace lazarillo::test
