#pragma once

#include "see/cuda/kernels.h"

// How pictures of each format are read: as levels 0 to 255 in floats, channels in the order B, G,
// R.

namespace lazarillo::gpu {

/// What of BT.601 or BT.709, full or video range, a pixel of NV12 is converted with: parts of 255.
struct Nv12Matrix {
  float luma;
  float blue_cb, green_cb, green_cr, red_cr;
  float blue, green, red;  ///< what the black level and the middle of chroma take away
};

/// ITU-R BT.601 and BT.709: E'Y = Kr R + Kg G + Kb B, C'b and C'r the scaled differences of B and R
/// from it.
constexpr Nv12Matrix nv12_matrix(double kr, double kb, bool full_range) {
  const double kg = 1 - kr - kb;
  const double luma = 1 / (full_range ? 255.0 : 219.0);
  const double chroma = 1 / (full_range ? 255.0 : 224.0);
  const double black = full_range ? 0 : 16;
  const double blue_cb = 2 * (1 - kb) * chroma;
  const double red_cr = 2 * (1 - kr) * chroma;
  const double green_cb = -blue_cb * kb / kg;
  const double green_cr = -red_cr * kr / kg;
  const auto f = [](double v) { return static_cast<float>(v); };
  return {f(luma),
          f(blue_cb),
          f(green_cb),
          f(green_cr),
          f(red_cr),
          f(-black * luma - 128 * blue_cb),
          f(-black * luma - 128 * (green_cb + green_cr)),
          f(-black * luma - 128 * red_cr)};
}

__constant__ const Nv12Matrix kNv12Matrices[2][2] = {
    {nv12_matrix(0.299, 0.114, false), nv12_matrix(0.299, 0.114, true)},
    {nv12_matrix(0.2126, 0.0722, false), nv12_matrix(0.2126, 0.0722, true)}};

__device__ inline const Nv12Matrix& nv12_matrix_of(const Picture& picture) {
  return kNv12Matrices[picture.bt709 ? 1 : 0][picture.full_range ? 1 : 0];
}

/// A whole level from a part of 255, as a picture in BGR would hold it.
__device__ inline float level_of_part(float part) {
  constexpr float kWhole = 12582912.0F;  // 1.5 * 2^23: floats from here on are whole numbers
  return __fmaf_rn(__saturatef(part), 255.0F, kWhole) - kWhole;
}

/// Blue, green and red, as whole levels.
__device__ inline void convert(const Nv12Matrix& m, float luma, float cb, float cr,
                               float (&level)[3]) {
  const float colour[3] = {__fmaf_rn(cb, m.blue_cb, m.blue),
                           __fmaf_rn(cb, m.green_cb, __fmaf_rn(cr, m.green_cr, m.green)),
                           __fmaf_rn(cr, m.red_cr, m.red)};
  for (int c = 0; c < 3; ++c) level[c] = level_of_part(__fmaf_rn(luma, m.luma, colour[c]));
}

/// One pixel, wherever it lies.
__device__ inline void read_pixel(const Picture& picture, int x, int y, float (&level)[3]) {
  const std::uint8_t* row = picture.pixels + static_cast<std::ptrdiff_t>(y) * picture.pitch;
  if (picture.format == Picture::Format::gray8) {
    level[0] = level[1] = level[2] = static_cast<float>(__ldg(row + x));
  } else if (picture.format == Picture::Format::bgr8) {
    for (int c = 0; c < 3; ++c) level[c] = static_cast<float>(__ldg(row + 3 * x + c));
  } else {
    const std::uint8_t* pair =
        picture.chroma + static_cast<std::ptrdiff_t>(y / 2) * picture.chroma_pitch + x / 2 * 2;
    convert(nv12_matrix_of(picture), static_cast<float>(__ldg(row + x)),
            static_cast<float>(__ldg(pair)), static_cast<float>(__ldg(pair + 1)), level);
  }
}

}  // namespace lazarillo::gpu
