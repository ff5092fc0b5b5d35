#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "frames.h"

namespace lazarillo::test {

/// A frame of random levels. Rows end in `extra` bytes that belong to no pixel.
inline Frame random_frame(int width, int height, PixelFormat format, int extra = 0) {
  std::mt19937 random(static_cast<std::uint32_t>(width * 10007 + height));
  return make_frame(
      width, height, [&](int, int, int) { return static_cast<int>(random() & 255U); }, extra,
      format);
}

/// The integral of a frame over each of width x height equal rectangles divided by their area: the
/// definition, in double precision. Pixel by pixel, channels interleaved as in the frame.
inline std::vector<double> box_means(const Frame& frame, int width, int height) {
  const int channels = frame.format == PixelFormat::bgr8 ? 3 : 1;
  const double size_x = double(frame.width) / width;
  const double size_y = double(frame.height) / height;
  const auto overlap = [](double size, int cell, int pixel) {
    const double from = std::max<double>(pixel, size * cell);
    return std::max(0.0, std::min<double>(pixel + 1, size * (cell + 1)) - from);
  };
  std::vector<double> means;
  for (int y = 0; y < height; ++y) {
    const int top = static_cast<int>(size_y * y);
    const int bottom = std::min(frame.height, static_cast<int>(std::ceil(size_y * (y + 1))));
    for (int x = 0; x < width; ++x) {
      const int left = static_cast<int>(size_x * x);
      const int right = std::min(frame.width, static_cast<int>(std::ceil(size_x * (x + 1))));
      for (int c = 0; c < channels; ++c) {
        double sum = 0;
        for (int j = top; j < bottom; ++j) {
          const std::uint8_t* row = frame.pixels.get() + j * frame.stride_bytes;
          for (int i = left; i < right; ++i) {
            sum += overlap(size_x, x, i) * overlap(size_y, y, j) * row[i * channels + c];
          }
        }
        means.push_back(sum / (size_x * size_y));
      }
    }
  }
  return means;
}

}  // namespace lazarillo::test
