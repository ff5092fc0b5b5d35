#pragma once

#include "see/cuda/kernels.h"

// How pictures of each format are read: as levels 0 to 255 in floats, channels in the order B, G,
// R.

namespace lazarillo::gpu {

constexpr int kGroup = 4;  ///< neighbouring pixels that a thread reads at once: 12 bytes of BGR

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

/// A whole level from a part of 255. A picture in BGR would hold whole levels within a byte here:
/// rounding and clamping each pixel before it is averaged is what makes NV12 and BGR the same to a
/// network.
__device__ inline float level_of_part(float part) {
  constexpr float kWhole = 12582912.0F;  // 1.5 * 2^23: floats from here on are whole numbers
  return __fmaf_rn(__saturatef(part), 255.0F, kWhole) - kWhole;
}

/// Byte k of a word as a level. As float(byte), in instructions that run four times as often.
__device__ inline float byte_level(unsigned word, unsigned k) {
  return __uint_as_float(__byte_perm(word, 0x4B000000U, 0x7650U | k)) - 8388608.0F;
}

/// 4 * count neighbouring bytes of a row, wherever they begin: read as whole words, of which none
/// lies beyond the words that hold the row.
template <int count>
class Words {
 public:
  /// `left`: bytes from here to the row's end, at least one.
  __device__ void fetch(const std::uint8_t* from, int left) {
    const auto address = reinterpret_cast<std::size_t>(from);
    const auto before = static_cast<unsigned>(address & 3);
    const auto* words = reinterpret_cast<const unsigned*>(address - before);
    left += static_cast<int>(before);
    shift_ = 8 * before;
#pragma unroll
    for (int i = 0; i < count; ++i) word_[i] = 4 * i < left ? __ldg(words + i) : 0;
    word_[count] = before > 0 && 4 * count < left ? __ldg(words + count) : 0;
  }
  __device__ unsigned operator[](int i) const {
    return __funnelshift_r(word_[i], word_[i + 1], shift_);
  }

 private:
  unsigned word_[count + 1];
  unsigned shift_;
};

/// The part of a plane's rows that a thread reads, from `row` on.
template <int count>
class PlaneRows {
 public:
  __device__ PlaneRows(const std::uint8_t* plane, int pitch, int at, int row_bytes, int row)
      : next_(plane + static_cast<std::ptrdiff_t>(row) * pitch + at),
        pitch_(pitch),
        left_(row_bytes - at) {}
  __device__ void fetch() {
    words_.fetch(next_, left_);
    next_ += pitch_;
  }
  __device__ float level(int i) const { return byte_level(words_[i / 4], i % 4); }

 private:
  const std::uint8_t* next_;
  int pitch_, left_;
  Words<count> words_;
};

// A reader of rows, one a format. A thread has one for the group of pixels that begins at x, a
// multiple of kGroup. It fetches one row after the other from `row` on, and reads levels of the row
// it fetched last, so that the next row is on its way while this one is worked on. level[c][i]:
// channel c of pixel x + i.

class BgrRows {
 public:
  static constexpr int channels = 3;
  __device__ BgrRows(const Picture& picture, int x, int row)
      : rows_(picture.pixels, picture.pitch, 3 * x, 3 * picture.width, row) {}
  __device__ void fetch() { rows_.fetch(); }
  __device__ void read(float (&level)[channels][kGroup]) {
#pragma unroll
    for (int i = 0; i < 3 * kGroup; ++i) level[i % 3][i / 3] = rows_.level(i);
  }

 private:
  PlaneRows<3> rows_;
};

class GreyRows {
 public:
  static constexpr int channels = 1;
  __device__ GreyRows(const Picture& picture, int x, int row)
      : rows_(picture.pixels, picture.pitch, x, picture.width, row) {}
  __device__ void fetch() { rows_.fetch(); }
  __device__ void read(float (&level)[channels][kGroup]) {
#pragma unroll
    for (int i = 0; i < kGroup; ++i) level[0][i] = rows_.level(i);
  }

 private:
  PlaneRows<1> rows_;
};

/// What a camera's chroma says of four pixels is taken for each of them (nearest): interpolating it
/// moves no edge that a network sees at half the size.
class Nv12Rows {
 public:
  static constexpr int channels = 3;
  __device__ Nv12Rows(const Picture& picture, int x, int row)
      : matrix_(nv12_matrix_of(picture)),
        row_(row - 1),
        luma_(picture.pixels, picture.pitch, x, picture.width, row),
        chroma_(picture.chroma, picture.chroma_pitch, x, (picture.width + 1) / 2 * 2, row / 2) {}
  __device__ void fetch() {
    luma_.fetch();
    // Two rows have the same chroma; where a run begins with the second, it is new all the same.
    new_chroma_ = ++row_ % 2 == 0 || first_;
    first_ = false;
    if (new_chroma_) chroma_.fetch();
  }
  __device__ void read(float (&level)[channels][kGroup]) {
    if (new_chroma_) {  // the same for all threads
#pragma unroll
      for (int pair = 0; pair < kGroup / 2; ++pair) {
        const float cb = chroma_.level(2 * pair);
        const float cr = chroma_.level(2 * pair + 1);
        colour_[0][pair] = __fmaf_rn(cb, matrix_.blue_cb, matrix_.blue);
        colour_[1][pair] =
            __fmaf_rn(cb, matrix_.green_cb, __fmaf_rn(cr, matrix_.green_cr, matrix_.green));
        colour_[2][pair] = __fmaf_rn(cr, matrix_.red_cr, matrix_.red);
      }
    }
#pragma unroll
    for (int i = 0; i < kGroup; ++i) {
      const float luma = luma_.level(i);
#pragma unroll
      for (int c = 0; c < channels; ++c) {
        level[c][i] = level_of_part(__fmaf_rn(luma, matrix_.luma, colour_[c][i / 2]));
      }
    }
  }

 private:
  const Nv12Matrix& matrix_;
  int row_;  // fetched last
  bool first_ = true, new_chroma_ = false;
  float colour_[3][kGroup / 2];  // what chroma adds to a pixel's luma
  PlaneRows<1> luma_, chroma_;
};

/// One pixel, wherever it lies.
__device__ inline void read_pixel(const Picture& picture, int x, int y, float (&level)[3]) {
  const std::uint8_t* row = picture.pixels + static_cast<std::ptrdiff_t>(y) * picture.pitch;
  if (picture.format == Picture::Format::gray8) {
    level[0] = level[1] = level[2] = static_cast<float>(__ldg(row + x));
  } else if (picture.format == Picture::Format::bgr8) {
    for (int c = 0; c < 3; ++c) level[c] = static_cast<float>(__ldg(row + 3 * x + c));
  } else {
    const Nv12Matrix& m = nv12_matrix_of(picture);
    const std::uint8_t* pair =
        picture.chroma + static_cast<std::ptrdiff_t>(y / 2) * picture.chroma_pitch + x / 2 * 2;
    const auto luma = static_cast<float>(__ldg(row + x));
    const auto cb = static_cast<float>(__ldg(pair));
    const auto cr = static_cast<float>(__ldg(pair + 1));
    const float colour[3] = {__fmaf_rn(cb, m.blue_cb, m.blue),
                             __fmaf_rn(cb, m.green_cb, __fmaf_rn(cr, m.green_cr, m.green)),
                             __fmaf_rn(cr, m.red_cr, m.red)};
    for (int c = 0; c < 3; ++c) level[c] = level_of_part(__fmaf_rn(luma, m.luma, colour[c]));
  }
}

}  // namespace lazarillo::gpu
