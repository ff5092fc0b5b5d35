#include "gpu/memory.h"
#include "source/chroma.h"

namespace lazarillo::gpu {
namespace {

constexpr int kBlockWidth = 32;
constexpr int kBlockHeight = 8;

/// The two samples along one axis that the pixels 2 * at and 2 * at + 1 have; the last pixel of an
/// odd side counts twice.
struct Two {
  int first, second;
  __device__ Two(int at, int pixels, int samples)
      : first(min(2 * at / pixels, samples - 1)), second(min((2 * at + 1) / pixels, samples - 1)) {}
};

__device__ unsigned char mean(const std::uint8_t* plane, std::size_t pitch, Two x, Two y) {
  const std::uint8_t* upper = plane + static_cast<std::size_t>(y.first) * pitch;
  const std::uint8_t* lower = plane + static_cast<std::size_t>(y.second) * pitch;
  return static_cast<unsigned char>(
      (upper[x.first] + upper[x.second] + lower[x.first] + lower[x.second] + 2) / 4);
}

__global__ void interleave(ChromaPlanes planes, std::uint8_t* to, std::size_t pitch, int pairs,
                           int rows) {
  const int x = static_cast<int>(blockIdx.x * kBlockWidth + threadIdx.x);
  const int y = static_cast<int>(blockIdx.y * kBlockHeight + threadIdx.y);
  if (x >= pairs || y >= rows) return;
  const Two across(x, planes.across, planes.width);
  const Two down(y, planes.down, planes.height);
  auto* row = reinterpret_cast<uchar2*>(to + static_cast<std::size_t>(y) * pitch);
  row[x] = make_uchar2(mean(planes.cb, planes.pitch, across, down),
                       mean(planes.cr, planes.pitch, across, down));
}

}  // namespace

void interleave_chroma(const ChromaPlanes& planes, std::uint8_t* to, std::size_t pitch, int pairs,
                       int rows, cudaStream_t stream) {
  const dim3 block(kBlockWidth, kBlockHeight);
  const dim3 grid(static_cast<unsigned>((pairs + kBlockWidth - 1) / kBlockWidth),
                  static_cast<unsigned>((rows + kBlockHeight - 1) / kBlockHeight));
  interleave<<<grid, block, 0, stream>>>(planes, to, pitch, pairs, rows);
  check(cudaGetLastError(), "making NV12");
}

}  // namespace lazarillo::gpu
