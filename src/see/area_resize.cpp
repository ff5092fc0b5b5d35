#include "see/area_resize.h"

#include <algorithm>
#include <cstring>
#include <utility>

// Compiles a function a second time for AVX2; the loader picks one. A sanitizer is not ready yet
// when it does, so that sanitized builds go without.
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LZ_SIMD_CLONES [[gnu::target_clones("avx2", "default")]]
#else
#define LZ_SIMD_CLONES
#endif

namespace lazarillo {
namespace {

/// Four neighbouring floats: a pixel of three channels and one value that is not used.
using Pixel [[gnu::vector_size(16)]] = float;
using Whole [[gnu::vector_size(16)]] = int;

template <typename T>
inline T load(const float* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline void store(const Pixel& pixel, float* to) { std::memcpy(to, &pixel, sizeof pixel); }

/// The nearest whole level, of a half the upper.
inline Pixel rounded(const Pixel& level) {
  return __builtin_convertvector(__builtin_convertvector(level + 0.5F, Whole), Pixel);
}

/// sums[i] = sum over the rows of weight * row[i].
LZ_SIMD_CLONES void weigh_rows(const std::uint8_t* pixels, std::ptrdiff_t stride,
                               const float* weights, int rows, int count, float* __restrict sums) {
  const auto level = [](std::uint8_t byte) { return static_cast<float>(byte); };
  const auto row = [&](int i) { return pixels + i * stride; };
  // Up to three rows are read at once: factors up to 2 need no more.
  int done = 1;
  if (rows >= 3) {
    const std::uint8_t *a = row(0), *b = row(1), *c = row(2);
    for (int i = 0; i < count; ++i) {
      sums[i] = level(a[i]) * weights[0] + level(b[i]) * weights[1] + level(c[i]) * weights[2];
    }
    done = 3;
  } else if (rows == 2) {
    const std::uint8_t *a = row(0), *b = row(1);
    for (int i = 0; i < count; ++i) sums[i] = level(a[i]) * weights[0] + level(b[i]) * weights[1];
    done = 2;
  } else {
    const std::uint8_t* a = row(0);
    for (int i = 0; i < count; ++i) sums[i] = level(a[i]) * weights[0];
  }
  for (; done + 2 <= rows; done += 2) {
    const std::uint8_t *a = row(done), *b = row(done + 1);
    for (int i = 0; i < count; ++i) {
      sums[i] += level(a[i]) * weights[done] + level(b[i]) * weights[done + 1];
    }
  }
  if (done < rows) {
    const std::uint8_t* a = row(done);
    for (int i = 0; i < count; ++i) sums[i] += level(a[i]) * weights[done];
  }
}

// What the compiled-twice functions call must be inlined into them to be compiled twice as well.

/// Weighted sum of `taps` values of type T, `channels` floats apart.
template <typename T>
[[gnu::always_inline]] inline T weigh(const float* from, int channels, const float* weights,
                                      int taps) {
  T sum = load<T>(from) * weights[0];
  for (int k = 1; k < taps; ++k) sum += load<T>(from + std::ptrdiff_t{k} * channels) * weights[k];
  return sum;
}

/// Where to find the source pixels of a row's pixels: see AreaResizer::Axis.
struct Taps {
  const int* first;
  const float* weights;
  int width;
};

[[gnu::always_inline]] inline void weigh_bgr(const float* row, const Taps& t, int taps,
                                             float* __restrict levels) {
  const auto mean = [&](int x) {
    return weigh<Pixel>(row + 3 * std::ptrdiff_t{t.first[x]}, 3,
                        t.weights + std::ptrdiff_t{x} * taps, taps);
  };
  float* blue = levels;
  float* green = blue + t.width;
  float* red = green + t.width;
  int x = 0;
  for (; x + 4 <= t.width; x += 4) {
    const Pixel p0 = mean(x), p1 = mean(x + 1), p2 = mean(x + 2), p3 = mean(x + 3);
    const Pixel bg01 = __builtin_shufflevector(p0, p1, 0, 4, 1, 5);
    const Pixel bg23 = __builtin_shufflevector(p2, p3, 0, 4, 1, 5);
    const Pixel r01 = __builtin_shufflevector(p0, p1, 2, 6, 3, 7);
    const Pixel r23 = __builtin_shufflevector(p2, p3, 2, 6, 3, 7);
    store(rounded(__builtin_shufflevector(bg01, bg23, 0, 1, 4, 5)), blue + x);
    store(rounded(__builtin_shufflevector(bg01, bg23, 2, 3, 6, 7)), green + x);
    store(rounded(__builtin_shufflevector(r01, r23, 0, 1, 4, 5)), red + x);
  }
  for (; x < t.width; ++x) {
    const Pixel pixel = rounded(mean(x));
    blue[x] = pixel[0];
    green[x] = pixel[1];
    red[x] = pixel[2];
  }
}

[[gnu::always_inline]] inline void weigh_grey(const float* row, const Taps& t, int taps,
                                              float* __restrict levels) {
  const auto mean = [&](int x) {
    return weigh<float>(row + t.first[x], 1, t.weights + std::ptrdiff_t{x} * taps, taps);
  };
  int x = 0;
  for (; x + 4 <= t.width; x += 4) {
    store(rounded(Pixel{mean(x), mean(x + 1), mean(x + 2), mean(x + 3)}), levels + x);
  }
  for (; x < t.width; ++x) levels[x] = rounded(Pixel{mean(x)})[0];
}

[[gnu::always_inline]] inline void weigh_pixels(const float* row, const Taps& t, int taps,
                                                int channels, float* levels) {
  channels == 3 ? weigh_bgr(row, t, taps, levels) : weigh_grey(row, t, taps, levels);
}

/// A row of the result from the weighed source rows, in whole levels.
LZ_SIMD_CLONES void weigh_columns(const float* row, const Taps& t, int taps, int channels,
                                  float* levels) {
  // A known number of taps unrolls: factors up to 2 have two or three.
  switch (taps) {
    case 2:
      weigh_pixels(row, t, 2, channels, levels);
      break;
    case 3:
      weigh_pixels(row, t, 3, channels, levels);
      break;
    default:
      weigh_pixels(row, t, taps, channels, levels);
  }
}

}  // namespace

void AreaResizer::Axis::set(int new_source_length, int new_length) {
  if (source_length == new_source_length && length == new_length) return;
  source_length = new_source_length;
  length = new_length;
  // Counted in 1/length of a source pixel all edges are whole numbers: source pixel i covers
  // [i * length, (i + 1) * length), pixel x of the result [x * source_length, ...).
  const auto covers = [this](std::int64_t x) {
    const std::int64_t from = x * source_length;
    const std::int64_t end = from + source_length;
    return std::pair{from / length, (end + length - 1) / length};
  };
  taps = 0;
  for (int x = 0; x < length; ++x) {
    const auto [from, end] = covers(x);
    taps = std::max(taps, static_cast<int>(end - from));
  }
  first.assign(static_cast<std::size_t>(length), 0);
  weights.assign(static_cast<std::size_t>(length) * static_cast<std::size_t>(taps), 0);
  auto weight = weights.begin();
  for (std::int64_t x = 0; x < length; ++x, weight += taps) {
    const auto [from, end] = covers(x);
    first[static_cast<std::size_t>(x)] = static_cast<int>(from);
    for (std::int64_t i = from; i < end; ++i) {
      const std::int64_t covered = std::min((i + 1) * length, (x + 1) * source_length) -
                                   std::max(i * length, x * source_length);
      weight[i - from] = static_cast<float>(double(covered) / source_length);
    }
  }
}

void AreaResizer::set_sizes(int source_width, int source_height, int channels, int width,
                            int height) {
  channels_ = channels;
  x_.set(source_width, width);
  y_.set(source_height, height);
  // The last pixel may be read with all its taps, and as four values.
  const std::ptrdiff_t count = std::ptrdiff_t{channels} * (source_width + x_.taps) + 4;
  sums_.resize(static_cast<std::size_t>(count));
  levels_.resize(static_cast<std::size_t>(channels) * static_cast<std::size_t>(width));
}

const float* AreaResizer::row(const std::uint8_t* pixels, std::ptrdiff_t stride, int y) {
  const std::ptrdiff_t first = y_.first[static_cast<std::size_t>(y)];
  const float* weights = y_.weights.data() + std::ptrdiff_t{y} * y_.taps;
  int rows = y_.taps;
  while (weights[rows - 1] == 0) --rows;
  weigh_rows(pixels + first * stride, stride, weights, rows, channels_ * x_.source_length,
             sums_.data());
  weigh_columns(sums_.data(), {x_.first.data(), x_.weights.data(), x_.length}, x_.taps, channels_,
                levels_.data());
  return levels_.data();
}

}  // namespace lazarillo
