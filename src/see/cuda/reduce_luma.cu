#include "see/cuda/device_code.cuh"
#include "see/cuda/motion.h"
#include "see/cuda/pixels.cuh"

// The small picture that motion is measured in, as motion.cpp makes it: the same levels.

namespace lazarillo::gpu {
namespace {

constexpr int kWidth = SmallPicture::width;
constexpr int kHeight = SmallPicture::height;
constexpr int kPixels = kWidth * kHeight;
constexpr int kTileWide = 32, kTileHigh = 8;  // small pixels of a block

/// Where sample i of n stands, in the middle of the i-th n-th of the picture.
__device__ int sample_at(int i, int n, int length) { return (2 * i + 1) * length / (2 * n); }

__device__ int samples_of(int length, int small_length) {
  return min(max(length / small_length, 1), 4);
}

__device__ float mean_luma(const LumaPicture& picture, int x, int y) {
  const int across = samples_of(picture.width, kWidth);
  const int down = samples_of(picture.height, kHeight);
  float sum = 0;  // of whole levels: exact
  for (int j = 0; j < down; ++j) {
    const std::uint8_t* row =
        picture.luma + static_cast<std::ptrdiff_t>(picture.pitch) *
                           sample_at(y * down + j, kHeight * down, picture.height);
    for (int i = 0; i < across; ++i) {
      const auto luma = static_cast<float>(
          __ldg(row + sample_at(x * across + i, kWidth * across, picture.width)));
      sum += picture.full_range ? luma : level_of_part((luma - 16) / 219);
    }
  }
  return sum * (1.0F / static_cast<float>(across * down));
}

__global__ void __launch_bounds__(kTileWide* kTileHigh)
    reduce_kernel(const LumaPicture picture, float* small) {
  __shared__ float raw[kTileHigh + 2][kTileWide + 2];  // with the neighbours that smoothing needs
  __shared__ float line[kTileHigh + 2][kTileWide];
  __shared__ float fine[kTileHigh][kTileWide];
  __shared__ float half[kTileHigh / 2][kTileWide / 2];
  const auto thread = static_cast<int>(threadIdx.x);
  const int x0 = static_cast<int>(blockIdx.x) * kTileWide;
  const int y0 = static_cast<int>(blockIdx.y) * kTileHigh;
  constexpr int threads = kTileWide * kTileHigh;
  for (int i = thread; i < (kTileHigh + 2) * (kTileWide + 2); i += threads) {
    const int x = i % (kTileWide + 2);
    const int y = i / (kTileWide + 2);
    raw[y][x] = mean_luma(picture, min(max(x0 + x - 1, 0), kWidth - 1),
                          min(max(y0 + y - 1, 0), kHeight - 1));
  }
  __syncthreads();
  for (int i = thread; i < (kTileHigh + 2) * kTileWide; i += threads) {
    const int x = i % kTileWide;
    const float* in = &raw[i / kTileWide][x + 1];
    float smooth = (in[-1] + 2 * in[0] + in[1]) / 4;
    if (x0 + x == 0) smooth = (3 * in[0] + in[1]) / 4;
    if (x0 + x == kWidth - 1) smooth = (in[-1] + 3 * in[0]) / 4;
    line[i / kTileWide][x] = smooth;
  }
  __syncthreads();
  const int x = thread % kTileWide;
  const int y = thread / kTileWide;
  fine[y][x] = (line[y][x] + 2 * line[y + 1][x] + line[y + 2][x]) / 4;
  small[(y0 + y) * kWidth + x0 + x] = fine[y][x];
  __syncthreads();
  float* plane = small + kPixels;
  if (thread < threads / 4) {
    const int hx = thread % (kTileWide / 2);
    const int hy = thread / (kTileWide / 2);
    half[hy][hx] = (fine[2 * hy][2 * hx] + fine[2 * hy][2 * hx + 1] + fine[2 * hy + 1][2 * hx] +
                    fine[2 * hy + 1][2 * hx + 1]) /
                   4;
    plane[(y0 / 2 + hy) * (kWidth / 2) + x0 / 2 + hx] = half[hy][hx];
  }
  __syncthreads();
  plane += kPixels / 4;
  if (thread < threads / 16) {
    const int qx = thread % (kTileWide / 4);
    const int qy = thread / (kTileWide / 4);
    plane[(y0 / 4 + qy) * (kWidth / 4) + x0 / 4 + qx] =
        (half[2 * qy][2 * qx] + half[2 * qy][2 * qx + 1] + half[2 * qy + 1][2 * qx] +
         half[2 * qy + 1][2 * qx + 1]) /
        4;
  }
}

}  // namespace

void reduce_luma(const LumaPicture& picture, float* small, cudaStream_t stream) {
  const dim3 grid(kWidth / kTileWide, kHeight / kTileHigh);
  reduce_kernel<<<grid, kTileWide * kTileHigh, 0, stream>>>(picture, small);
  check_launch("reducing a picture");
}

}  // namespace lazarillo::gpu
