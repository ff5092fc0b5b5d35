#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "see/cuda/kernels.h"

// Pictures in the formats that the card takes, and what they become when they are made smaller: in
// doubles, pixel by pixel.

namespace lazarillo::test {

struct Planes {
  std::vector<std::uint8_t> bytes;  // as the card gets them
  std::size_t chroma = 0;           // where NV12's second plane begins
  int pitch = 0;
  std::vector<std::uint8_t> bgr_or_grey;  // as the twin gets them
};

struct Case {
  int width, height;
  gpu::Picture::Format format = gpu::Picture::Format::bgr8;
  bool bt709 = false, full_range = false;
  bool tight = false;  ///< rows end where their pixels do, and begin anywhere
};

/// Blue, green and red, parts of 1 and clamped to it. ITU-R BT.601 and BT.709 as the standards
/// write them: E'Y = Kr R + (1 - Kr - Kb) G + Kb B, and so on.
inline std::array<double, 3> bgr_of(const std::array<double, 3>& luma_cb_cr, const Case& c) {
  const double kr = c.bt709 ? 0.2126 : 0.299;
  const double kb = c.bt709 ? 0.0722 : 0.114;
  double luma = luma_cb_cr[0] / 255;
  double cb = (luma_cb_cr[1] - 128) / 255;
  double cr = (luma_cb_cr[2] - 128) / 255;
  if (!c.full_range) {
    luma = (luma * 255 - 16) / 219;
    cb = cb * 255 / 224;
    cr = cr * 255 / 224;
  }
  const double r = luma + 2 * (1 - kr) * cr;
  const double b = luma + 2 * (1 - kb) * cb;
  const double g = (luma - kr * r - kb * b) / (1 - kr - kb);
  return {std::clamp(b, 0.0, 1.0), std::clamp(g, 0.0, 1.0), std::clamp(r, 0.0, 1.0)};
}

/// Luma, Cb and Cr of a pixel, or blue, green and red.
inline std::array<double, 3> pixel(const Planes& planes, const Case& c, int x, int y) {
  const auto at = [&](std::size_t i) { return double(planes.bytes[i]); };
  const std::size_t row = static_cast<std::size_t>(y) * planes.pitch;
  if (c.format == gpu::Picture::Format::gray8) return {at(row + x), at(row + x), at(row + x)};
  if (c.format == gpu::Picture::Format::bgr8) {
    return {at(row + 3 * x), at(row + 3 * x + 1), at(row + 3 * x + 2)};
  }
  const std::size_t pair =
      planes.chroma + static_cast<std::size_t>(y / 2) * planes.pitch + x / 2 * 2;
  return {at(row + x), at(pair), at(pair + 1)};
}

inline std::vector<std::uint8_t> bgr_of_nv12(const Planes& planes, const Case& c) {
  std::vector<std::uint8_t> bgr;
  for (int y = 0; y < c.height; ++y) {
    for (int x = 0; x < c.width; ++x) {
      for (const double v : bgr_of(pixel(planes, c, x, y), c)) {
        bgr.push_back(static_cast<std::uint8_t>(std::floor(v * 255 + 0.5)));
      }
    }
  }
  return bgr;
}

/// Blue, green and red of a pixel of a smaller picture before they are rounded: what it covers of
/// each pixel of the larger, counted in whole numbers, NV12 averaged before it is converted.
inline std::array<double, 3> average(const Planes& planes, const Case& c, const LetterboxMapping& m,
                                     int x, int y) {
  const auto covered = [](int i, int of, int at, int source) {
    return std::int64_t{std::min((i + 1) * of, (at + 1) * source) - std::max(i * of, at * source)};
  };
  std::array<double, 3> sum{};
  for (int j = y * c.height / m.content_height; j * m.content_height < (y + 1) * c.height; ++j) {
    for (int i = x * c.width / m.content_width; i * m.content_width < (x + 1) * c.width; ++i) {
      const auto weight = double(covered(i, m.content_width, x, c.width) *
                                 covered(j, m.content_height, y, c.height));
      const std::array<double, 3> levels = pixel(planes, c, i, j);
      for (std::size_t k = 0; k < 3; ++k) sum[k] += weight * levels[k];
    }
  }
  for (double& s : sum) s /= double(c.width) * c.height;
  if (c.format != gpu::Picture::Format::nv12) return sum;
  sum = bgr_of(sum, c);
  for (double& s : sum) s *= 255;
  return sum;
}

}  // namespace lazarillo::test
