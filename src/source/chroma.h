#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace lazarillo::gpu {

/// Chroma as JPEGs have it, in the card's memory: a plane of Cb and one of Cr, of any resolution.
struct ChromaPlanes {
  const std::uint8_t* cb = nullptr;
  const std::uint8_t* cr = nullptr;
  std::size_t pitch = 0;      ///< bytes from row to row, of both
  int width = 0, height = 0;  ///< samples
  int across = 1, down = 1;   ///< pixels of the picture to a sample: 1, 2 or 4
};

/// NV12's plane of chroma, `pairs` x `rows`: Cb and Cr side by side, each the mean of what `planes`
/// say of two by two pixels. Queued on the stream. `to` and `pitch` are even. Throws Error(vision).
void interleave_chroma(const ChromaPlanes& planes, std::uint8_t* to, std::size_t pitch, int pairs,
                       int rows, cudaStream_t stream);

}  // namespace lazarillo::gpu
