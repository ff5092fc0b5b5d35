#include "see/cuda/device_code.cuh"

namespace lazarillo::gpu {
namespace {

constexpr int kThreads = 256;

template <typename T>
__global__ void __launch_bounds__(kThreads)
    sample_kernel(const MapSample* samples, const T* depth, const T* sigma, int width, int height,
                  SampledMaps to) {
  const auto picture = static_cast<std::size_t>(blockIdx.y);
  const MapSample sample = samples[picture];
  const int cell = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (cell >= min(sample.columns * sample.rows, to.most_cells)) return;
  const int column = sample.left + cell % sample.columns * sample.step;
  const int row = sample.top + cell / sample.columns * sample.step;
  const std::size_t from =
      (picture * static_cast<std::size_t>(height) + static_cast<std::size_t>(row)) *
          static_cast<std::size_t>(width) +
      static_cast<std::size_t>(column);
  const std::size_t at =
      picture * static_cast<std::size_t>(to.most_cells) + static_cast<std::size_t>(cell);
  to.depth()[at] = __float2half(static_cast<float>(depth[from]));
  if (sigma != nullptr) {
    to.sigma()[at] = SampledMaps::sigma_level(static_cast<float>(sigma[from]));
  }
}

}  // namespace

void sample_maps(const MapSample* samples, const DepthOutput& output, const SampledMaps& to,
                 cudaStream_t stream) {
  const auto launch = [&](const auto* depth, const auto* sigma) {
    const dim3 blocks(static_cast<unsigned>((to.most_cells + kThreads - 1) / kThreads),
                      static_cast<unsigned>(to.pictures));
    sample_kernel<<<blocks, kThreads, 0, stream>>>(samples, depth, sigma, output.width,
                                                   output.height, to);
    check_launch("sampling depth maps");
  };
  if (output.number == Number::f16) {
    launch(static_cast<const __half*>(output.depth), static_cast<const __half*>(output.sigma));
  } else {
    launch(static_cast<const float*>(output.depth), static_cast<const float*>(output.sigma));
  }
}

}  // namespace lazarillo::gpu
