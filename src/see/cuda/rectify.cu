#include <algorithm>

#include "see/cuda/pixels.cuh"
#include "see/cuda/target.cuh"
#include "see/rectify.h"

// A thread makes one pixel of the input from the samples in its quadrilateral: neighbours read what
// is near, which the caches hold. Rounded as rectify_row(), in its order (this file is built
// without fused multiply-add): both give the same levels.

namespace lazarillo::gpu {
namespace {

constexpr int kWide = 32, kHigh = 8;  // pixels of a block: near each other in the picture both ways

__device__ float2 between(const float2& a, const float2& b, float way) {
  return make_float2(a.x + way * (b.x - a.x), a.y + way * (b.y - a.y));
}

__device__ float distance(const float2& a, const float2& b) {
  const float x = b.x - a.x;
  const float y = b.y - a.y;
  return sqrtf(x * x + y * y);
}

/// Samples along a side of this length; not a number: one, which will have no place.
__device__ int samples_along(float length) {
  const float spaces = length / kMostRectifySpacing;
  if (!(spaces > 1)) return 1;
  return static_cast<int>(fminf(ceilf(spaces), static_cast<float>(kMostRectifySamples)));
}

/// Adds the picture's levels at a place to `sums`.
__device__ void add_sample(const Picture& source, const float2& at, float pad, float (&sums)[3]) {
  const float right = static_cast<float>(source.width) - 0.5F;
  const float bottom = static_cast<float>(source.height) - 0.5F;
  if (!(at.x >= -0.5F && at.x <= right && at.y >= -0.5F && at.y <= bottom)) {
    for (float& sum : sums) sum += pad;
    return;
  }
  const float left_of = floorf(at.x);
  const float above = floorf(at.y);
  const float across = at.x - left_of;
  const float down = at.y - above;
  const int x0 = max(static_cast<int>(left_of), 0);
  const int x1 = min(static_cast<int>(left_of) + 1, source.width - 1);
  const int y0 = max(static_cast<int>(above), 0);
  const int y1 = min(static_cast<int>(above) + 1, source.height - 1);
  float a[3], b[3], c[3], d[3];
  read_pixel(source, x0, y0, a);
  read_pixel(source, x1, y0, b);
  read_pixel(source, x0, y1, c);
  read_pixel(source, x1, y1, d);
#pragma unroll
  for (int k = 0; k < 3; ++k) {
    const float top = a[k] + across * (b[k] - a[k]);
    const float under = c[k] + across * (d[k] - c[k]);
    sums[k] += top + down * (under - top);
  }
}

template <typename T>
__global__ void __launch_bounds__(kWide* kHigh)
    rectify_kernel(const PictureBatch* batch, const Target<T> target, float pad) {
  const auto picture = static_cast<int>(blockIdx.z);
  if (picture >= batch->count) return;
  const auto index = static_cast<std::size_t>(picture);
  const auto* corners = reinterpret_cast<const float2*>(batch->corners[index]);
  if (corners == nullptr) return;
  const LetterboxMapping& m = batch->mappings[index];
  const Picture& source = batch->pictures[index];
  const int x = static_cast<int>(blockIdx.x) * kWide + static_cast<int>(threadIdx.x);
  const int y = static_cast<int>(blockIdx.y) * kHigh + static_cast<int>(threadIdx.y);
  if (x >= m.content_width || y >= m.content_height) return;

  const float2* upper = corners + static_cast<std::ptrdiff_t>(y) * (m.content_width + 1) + x;
  const float2* lower = upper + m.content_width + 1;
  const float2 a = __ldg(upper);
  const float2 b = __ldg(upper + 1);
  const float2 c = __ldg(lower);
  const float2 d = __ldg(lower + 1);
  const int across = samples_along(fmaxf(distance(a, b), distance(c, d)));
  const int down = samples_along(fmaxf(distance(a, c), distance(b, d)));
  float sums[3] = {0, 0, 0};
  for (int j = 0; j < down; ++j) {
    const float way = (static_cast<float>(j) + 0.5F) / static_cast<float>(down);
    const float2 from = between(a, c, way);
    const float2 to = between(b, d, way);
    for (int i = 0; i < across; ++i) {
      const float along = (static_cast<float>(i) + 0.5F) / static_cast<float>(across);
      add_sample(source, between(from, to, along), pad, sums);
    }
  }
  const auto samples = static_cast<float>(across * down);
  for (float& sum : sums) sum = whole(sum / samples);
  target.put(target.at(picture, m.offset_x + x, m.offset_y + y), sums);
}

template <typename T>
void launch(const PictureBatch* batch, int most_pictures, const Target<T>& target, float pad_level,
            cudaStream_t stream) {
  // No content is larger than the tensor.
  const auto blocks = [](int length, int of) {
    return static_cast<unsigned>((length + of - 1) / of);
  };
  const dim3 grid(blocks(target.width, kWide), blocks(target.height, kHigh),
                  static_cast<unsigned>(most_pictures));
  const dim3 block(kWide, kHigh);
  rectify_kernel<T><<<grid, block, 0, stream>>>(batch, target, pad_level);
  check_launch("straightening a picture");
}

}  // namespace

void rectify(const PictureBatch* batch, int most_pictures, const InputTensor& tensor,
             cudaStream_t stream) {
  const int most = std::min(most_pictures, PictureBatch::most);
  with_target(tensor,
              [&](const auto& target) { launch(batch, most, target, tensor.pad_level, stream); });
}

}  // namespace lazarillo::gpu
