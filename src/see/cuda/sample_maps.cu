#include "see/cuda/device_code.cuh"

namespace lazarillo::gpu {
namespace {

constexpr int kThreads = 256;

template <typename T>
__global__ void __launch_bounds__(kThreads)
    sample_kernel(const MapSample* samples, const T* depth, const T* sigma, int width, int height,
                  int most_cells, __half* to) {
  const auto picture = static_cast<std::size_t>(blockIdx.y);
  const MapSample sample = samples[picture];
  const int cell = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (cell >= min(sample.columns * sample.rows, most_cells)) return;
  const int column = sample.left + cell % sample.columns * sample.step;
  const int row = sample.top + cell / sample.columns * sample.step;
  const std::size_t at =
      (picture * static_cast<std::size_t>(height) + static_cast<std::size_t>(row)) *
          static_cast<std::size_t>(width) +
      static_cast<std::size_t>(column);
  const auto most = static_cast<std::size_t>(most_cells);
  const int planes = sigma != nullptr ? 2 : 1;
  __half* plane = to + picture * static_cast<std::size_t>(planes) * most;
  plane[cell] = __float2half(static_cast<float>(depth[at]));
  if (sigma != nullptr)
    plane[most + static_cast<std::size_t>(cell)] = __float2half(static_cast<float>(sigma[at]));
}

}  // namespace

void sample_maps(const MapSample* samples, int pictures, int most_cells, const DepthOutput& output,
                 void* to, cudaStream_t stream) {
  const auto launch = [&](const auto* depth, const auto* sigma) {
    const dim3 blocks(static_cast<unsigned>((most_cells + kThreads - 1) / kThreads),
                      static_cast<unsigned>(pictures));
    sample_kernel<<<blocks, kThreads, 0, stream>>>(
        samples, depth, sigma, output.width, output.height, most_cells, static_cast<__half*>(to));
    check_launch("sampling depth maps");
  };
  if (output.number == Number::f16) {
    launch(static_cast<const __half*>(output.depth), static_cast<const __half*>(output.sigma));
  } else {
    launch(static_cast<const float*>(output.depth), static_cast<const float*>(output.sigma));
  }
}

}  // namespace lazarillo::gpu
