#pragma once

#include <cuda_fp16.h>

#include "gpu/memory.h"
#include "see/cuda/kernels.h"

// What the kernels share.

namespace lazarillo::gpu {

/// A kernel that could not be launched says so here.
inline void check_launch(const char* doing) { check(cudaGetLastError(), doing); }

/// Sorts `count` keys, a power of two, in shared memory, smallest first. All threads of the block
/// call it. Bitonic: Batcher, Sorting Networks and Their Applications, AFIPS 1968.
template <typename Key>
__device__ void sort_in_block(Key* keys, unsigned count) {
  for (unsigned size = 2; size <= count; size *= 2) {
    for (unsigned stride = size / 2; stride > 0; stride /= 2) {
      __syncthreads();
      for (unsigned i = threadIdx.x; i < count / 2; i += blockDim.x) {
        const unsigned low = 2 * i - (i & (stride - 1));
        const bool rising = (low & size) == 0;
        const Key a = keys[low];
        const Key b = keys[low + stride];
        if ((b < a) == rising) {
          keys[low] = b;
          keys[low + stride] = a;
        }
      }
    }
  }
  __syncthreads();
}

__device__ inline unsigned power_of_two_from(unsigned count) {
  return count <= 2 ? 2U : 1U << (32 - __clz(static_cast<int>(count - 1)));
}

}  // namespace lazarillo::gpu
