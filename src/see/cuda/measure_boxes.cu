#include "see/cuda/device_code.cuh"

namespace lazarillo::gpu {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kCells = 4096;  // of a box that are looked at, at most: as range_from_depth()
constexpr int kOfThread = kCells / kThreads;
constexpr double kUnstatedSigma = 0.5;   // likewise
constexpr int kCheckBlocks = 32;         // that look for values which are not finite, a picture
constexpr unsigned kNone = 0xffffffffU;  // a cell that says nothing: behind all others

/// First and last cell of a core from `low` to `high`, along one axis of `size` cells.
struct Cells {
  int first, last;
  __device__ Cells(double low, double high, int size) {
    first = static_cast<int>(ceil(low));
    last = static_cast<int>(floor(high));
    if (first > last) first = last = static_cast<int>(lround((low + high) / 2));
    first = min(max(first, 0), size - 1);
    last = min(max(last, 0), size - 1);
  }
};

/// LetterboxMapping::grid() of a map that covers the input of its network.
struct Grid {
  double scale, offset_x, offset_y;
  __device__ Grid(const LetterboxMapping& m, int width) {
    const double cells = double(width) / m.input_width;
    const double scale_x = double(m.content_width) / m.frame_width;
    const double scale_y = double(m.content_height) / m.frame_height;
    scale = cells * (m.frame_width >= m.frame_height ? scale_x : scale_y);
    offset_x =
        (m.offset_x + m.content_width / 2.0) * cells - 0.5 - scale * (m.frame_width / 2.0 - 0.5);
    offset_y =
        (m.offset_y + m.content_height / 2.0) * cells - 0.5 - scale * (m.frame_height / 2.0 - 0.5);
  }
};

/// The box in pixels of the frame, cut at its edges, as Perception gives it to the tracker.
__device__ float4 in_frame(const FoundBox& b, const LetterboxMapping& m) {
  const double scale_x = double(m.content_width) / m.frame_width;
  const double scale_y = double(m.content_height) / m.frame_height;
  const auto x = [&](float v) {
    const auto at = static_cast<float>((v - m.offset_x) / scale_x);
    return fminf(fmaxf(at, 0.0F), float(m.frame_width));
  };
  const auto y = [&](float v) {
    const auto at = static_cast<float>((v - m.offset_y) / scale_y);
    return fminf(fmaxf(at, 0.0F), float(m.frame_height));
  };
  return make_float4(x(b.x1), y(b.y1), x(b.x2), y(b.y2));
}

/// The cells of a box's core that are looked at: every step-th column and row.
struct Core {
  int left, top, step, columns, rows;
};

__device__ Core core_of(const float4& b, const Grid& grid, int width, int height) {
  const double inset_x = 0.2 * (b.z - b.x);
  const double inset_y = 0.15 * (b.w - b.y);
  const Cells columns((b.x + inset_x) * grid.scale + grid.offset_x,
                      (b.z - inset_x) * grid.scale + grid.offset_x, width);
  const Cells rows((b.y + inset_y) * grid.scale + grid.offset_y,
                   (b.w - inset_y) * grid.scale + grid.offset_y, height);
  Core core{columns.first, rows.first, 0, 0, 0};
  do {
    ++core.step;
    core.columns = (columns.last - columns.first) / core.step + 1;
    core.rows = (rows.last - rows.first) / core.step + 1;
  } while (core.columns * core.rows > kCells);
  return core;
}

struct Shared {
  unsigned depths[kCells];  ///< bits of floats above 0, which order as the floats do
  Core core;
  bool nothing;
  int known;
  int below[32];  ///< of each bit of the median
  float near[kWarps], far[kWarps];
  int first[kWarps];
};

/// Larger floats give larger numbers.
__device__ unsigned rising(float value) {
  const unsigned bits = __float_as_uint(value);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}
__device__ float from_rising(unsigned key) {
  return __uint_as_float((key & 0x80000000U) != 0 ? key & 0x7fffffffU : ~key);
}

template <typename T>
__device__ T sum_of_warp(T value) {
  for (int step = 16; step > 0; step /= 2) value += __shfl_down_sync(0xffffffffU, value, step);
  return value;
}

/// The key of rank `rank` (from 0) among those of all threads, bit by bit from the top: the largest
/// number that no more than `rank` are below. shared.below must be 0. All threads call it.
__device__ unsigned key_of_rank(Shared& shared, const unsigned (&keys)[kOfThread], int rank) {
  unsigned key = 0;
  for (int bit = 31; bit >= 0; --bit) {
    const unsigned next = key | 1U << bit;
    int mine = 0;
#pragma unroll
    for (int i = 0; i < kOfThread; ++i) mine += keys[i] < next ? 1 : 0;
    mine = sum_of_warp(mine);
    if (threadIdx.x % 32 == 0) atomicAdd(&shared.below[bit], mine);
    __syncthreads();
    if (shared.below[bit] <= rank) key = next;
  }
  return key;
}

/// An interval of depths, of the sorted from `first` on.
struct Interval {
  float near, far;
  int first;
  /// As shorth() of track/range.cpp: exact.
  __device__ void take_shorter(const Interval& other) {
    const double its = double(other.far) * double(near);
    const double mine = double(far) * double(other.near);
    if (its < mine || (its == mine && other.first < first)) *this = other;
  }
};

/// In thread 0: the shortest interval with half of the first `count` depths. All threads call it.
__device__ Interval shorth(Shared& shared, int count) {
  const int half = count / 2 + 1;
  const auto thread = static_cast<int>(threadIdx.x);
  const auto from = [&](int first) {
    return Interval{__uint_as_float(shared.depths[first]),
                    __uint_as_float(shared.depths[first + half - 1]), first};
  };
  // A thread without an interval of its own takes part with the first.
  Interval best = from(0);
  for (int first = thread; first + half <= count; first += kThreads) best.take_shorter(from(first));
  for (int step = 16; step > 0; step /= 2) {
    best.take_shorter({__shfl_down_sync(0xffffffffU, best.near, step),
                       __shfl_down_sync(0xffffffffU, best.far, step),
                       __shfl_down_sync(0xffffffffU, best.first, step)});
  }
  if (thread % 32 == 0) {
    shared.near[thread / 32] = best.near;
    shared.far[thread / 32] = best.far;
    shared.first[thread / 32] = best.first;
  }
  __syncthreads();
  for (int w = 1; w < kWarps && thread == 0; ++w) {
    best.take_shorter({shared.near[w], shared.far[w], shared.first[w]});
  }
  return best;
}

template <typename T>
struct Maps {
  const T* depth;
  const T* sigma;
  int width, height;
  __device__ std::size_t cells() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
};

template <typename T>
__device__ void measure(const PictureBatch* detector, const PictureBatch* depth_input,
                        const Maps<T>& maps, std::size_t picture, FoundBox& box) {
  __shared__ Shared shared;
  const auto thread = static_cast<int>(threadIdx.x);
  if (thread < 32) shared.below[thread] = 0;
  if (thread == 0) {
    const float4 b = in_frame(box, detector->mappings[picture]);
    shared.nothing = !(b.z - b.x > 0 && b.w - b.y > 0);
    shared.known = 0;
    shared.core =
        core_of(b, Grid(depth_input->mappings[picture], maps.width), maps.width, maps.height);
  }
  __syncthreads();
  if (shared.nothing) return;

  const Core core = shared.core;
  const int all = core.columns * core.rows;
  const auto padded = static_cast<int>(power_of_two_from(static_cast<unsigned>(all)));
  unsigned sigmas[kOfThread];
  int known = 0;
#pragma unroll
  for (int i = 0; i < kOfThread; ++i) {
    const int at = thread + i * kThreads;
    unsigned depth = kNone;
    sigmas[i] = kNone;
    if (at < all) {
      const int x = core.left + at % core.columns * core.step;
      const int y = core.top + at / core.columns * core.step;
      const std::size_t cell = picture * maps.cells() +
                               static_cast<std::size_t>(y) * static_cast<std::size_t>(maps.width) +
                               static_cast<std::size_t>(x);
      const auto value = static_cast<float>(maps.depth[cell]);
      if (isfinite(value) && value > 0) {
        ++known;
        depth = __float_as_uint(value);
        if (maps.sigma != nullptr) sigmas[i] = rising(static_cast<float>(maps.sigma[cell]));
      }
    }
    if (at < padded) shared.depths[at] = depth;
  }
  known = sum_of_warp(known);
  if (thread % 32 == 0) atomicAdd(&shared.known, known);
  sort_in_block(shared.depths, static_cast<unsigned>(padded));
  known = shared.known;
  if (known == 0) return;

  double stated = kUnstatedSigma;
  if (maps.sigma != nullptr) stated = from_rising(key_of_rank(shared, sigmas, known / 2));
  const Interval mode = shorth(shared, max(1, known * 7 / 10));
  if (thread != 0) return;
  // A normal distribution's shorth is 1.35 sigma wide.
  const double sigma = hypot(stated, log(double(mode.far) / double(mode.near)) / 1.35);
  if (!isfinite(sigma)) return;
  box.depth = static_cast<float>(sqrt(double(mode.near) * double(mode.far)));
  box.depth_sigma = static_cast<float>(fmax(sigma, 0.02));
}

/// Whether all of a picture's maps is finite, shared out to kCheckBlocks.
template <typename T>
__device__ void check_finite(const Maps<T>& maps, std::size_t picture, unsigned block,
                             FoundBoxes& boxes) {
  bool finite = true;
  const auto look = [&](const T* map) {
    map += picture * maps.cells();
#pragma unroll 4
    for (std::size_t i = block * kThreads + threadIdx.x; i < maps.cells();
         i += kCheckBlocks * kThreads) {
      finite = finite && isfinite(static_cast<float>(map[i]));
    }
  };
  look(maps.depth);
  if (maps.sigma != nullptr) look(maps.sigma);
  if (!finite) boxes.depth_not_finite = 1;
}

/// kCheckBlocks, and after these a block a box.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    measure_kernel(const PictureBatch* detector, const PictureBatch* depth_input,
                   const Maps<T> maps, FoundBoxes* found) {
  const auto picture = static_cast<std::size_t>(blockIdx.y);
  FoundBoxes& boxes = found[picture];
  if (blockIdx.x < kCheckBlocks) {
    check_finite(maps, picture, blockIdx.x, boxes);
    return;
  }
  const auto box = static_cast<int>(blockIdx.x) - kCheckBlocks;
  if (box < boxes.count) {
    measure(detector, depth_input, maps, picture, boxes.boxes[static_cast<std::size_t>(box)]);
  }
}

template <typename T>
void launch(const PictureBatch* detector, const PictureBatch* depth_input, int pictures,
            const DepthOutput& output, FoundBoxes* found, cudaStream_t stream) {
  const Maps<T> maps{static_cast<const T*>(output.depth), static_cast<const T*>(output.sigma),
                     output.width, output.height};
  const dim3 blocks(kCheckBlocks + FoundBoxes::most, static_cast<unsigned>(pictures));
  measure_kernel<T><<<blocks, kThreads, 0, stream>>>(detector, depth_input, maps, found);
  check_launch("measuring boxes");
}

}  // namespace

void measure_boxes(const PictureBatch* detector, const PictureBatch* depth_input, int pictures,
                   const DepthOutput& output, FoundBoxes* found, cudaStream_t stream) {
  if (output.number == Number::f16) {
    launch<__half>(detector, depth_input, pictures, output, found, stream);
  } else {
    launch<float>(detector, depth_input, pictures, output, found, stream);
  }
}

}  // namespace lazarillo::gpu
