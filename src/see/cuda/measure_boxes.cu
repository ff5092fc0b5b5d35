#include "see/cuda/device_code.cuh"

namespace lazarillo::gpu {
namespace {

constexpr unsigned kThreads = 128;
constexpr unsigned kCells = 4096;  // of a box that are looked at, at most: as range_from_depth()
constexpr float kUnstatedSigma = 0.5F;  // likewise

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

/// Width of the narrowest interval with half of the values and where it begins; of equal ones the
/// first.
struct Window {
  float width;
  unsigned first;
  __device__ bool operator<(const Window& other) const {
    return width < other.width || (width == other.width && first < other.first);
  }
};

__device__ Window narrowest(const float* values, unsigned count, Window* of_thread) {
  const unsigned half = count / 2 + 1;
  Window best{INFINITY, 0};
  if (half >= count) {
    best = {values[count - 1] - values[0], 0};
  } else {
    for (unsigned first = threadIdx.x; first + half <= count; first += blockDim.x) {
      const Window w{values[first + half - 1] - values[first], first};
      if (w < best) best = w;
    }
  }
  of_thread[threadIdx.x] = best;
  for (unsigned step = blockDim.x / 2; step > 0; step /= 2) {
    __syncthreads();
    if (threadIdx.x < step && of_thread[threadIdx.x + step] < of_thread[threadIdx.x]) {
      of_thread[threadIdx.x] = of_thread[threadIdx.x + step];
    }
  }
  __syncthreads();
  return of_thread[0];
}

/// A block a box.
__global__ void measure_kernel(const PictureBatch* detector, const PictureBatch* depth_input,
                               DepthOutput o, FoundBoxes* found) {
  const auto picture = static_cast<std::size_t>(blockIdx.y);
  FoundBoxes& boxes = found[picture];
  if (blockIdx.x >= static_cast<unsigned>(boxes.count)) return;
  FoundBox& box = boxes.boxes[blockIdx.x];

  __shared__ float logs[kCells];
  __shared__ float sigmas[kCells];
  __shared__ unsigned count;
  __shared__ Window windows[kThreads];
  if (threadIdx.x == 0) count = 0;
  __syncthreads();

  const float4 b = in_frame(box, detector->mappings[picture]);
  const Grid grid(depth_input->mappings[picture], o.width);
  const double inset_x = 0.2 * (b.z - b.x);
  const double inset_y = 0.15 * (b.w - b.y);
  const Cells columns((b.x + inset_x) * grid.scale + grid.offset_x,
                      (b.z - inset_x) * grid.scale + grid.offset_x, o.width);
  const Cells rows((b.y + inset_y) * grid.scale + grid.offset_y,
                   (b.w - inset_y) * grid.scale + grid.offset_y, o.height);
  int step = 1;
  const auto some = [&](const Cells& c) { return (c.last - c.first) / step + 1; };
  while (some(columns) * some(rows) > static_cast<int>(kCells)) ++step;
  const int wide = some(columns);
  const int all = wide * some(rows);
  const std::size_t map = picture * static_cast<std::size_t>(o.width) * o.height;
  for (int i = static_cast<int>(threadIdx.x); i < all; i += static_cast<int>(blockDim.x)) {
    const int x = columns.first + i % wide * step;
    const int y = rows.first + i / wide * step;
    const std::size_t cell = map + static_cast<std::size_t>(y) * o.width + x;
    const float value = load(o.depth, o.number, cell);
    if (!isfinite(value) || value <= 0) continue;
    const unsigned at = atomicAdd(&count, 1U);
    logs[at] = logf(value);
    sigmas[at] = o.sigma == nullptr ? 0 : load(o.sigma, o.number, cell);
  }
  __syncthreads();
  const unsigned known = count;
  if (known == 0) return;
  const unsigned padded = power_of_two_from(known);
  for (unsigned i = threadIdx.x; i < padded; i += blockDim.x) {
    if (i >= known) logs[i] = sigmas[i] = INFINITY;
  }
  sort_in_block(logs, padded);
  if (o.sigma != nullptr) sort_in_block(sigmas, padded);
  const unsigned nearer = max(1U, known * 7 / 10);
  const Window mode = narrowest(logs, nearer, windows);
  if (threadIdx.x != 0) return;
  const unsigned half = min(nearer / 2 + 1, nearer);
  const float middle = half >= nearer ? (nearer == 1 ? logs[0] : (logs[0] + logs[half - 1]) / 2)
                                      : (logs[mode.first] + logs[mode.first + half - 1]) / 2;
  const float stated = o.sigma == nullptr ? kUnstatedSigma : sigmas[known / 2];
  const float sigma = hypotf(stated, mode.width / 1.35F);
  if (!isfinite(sigma)) return;
  box.depth = expf(middle);
  box.depth_sigma = fmaxf(sigma, 0.02F);
}

/// Whether all of a map is finite.
__global__ void check_kernel(DepthOutput o, FoundBoxes* found) {
  const std::size_t cells = static_cast<std::size_t>(o.width) * o.height;
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= cells) return;
  const std::size_t at = blockIdx.y * cells + i;
  if (!isfinite(load(o.depth, o.number, at)) ||
      (o.sigma != nullptr && !isfinite(load(o.sigma, o.number, at)))) {
    found[blockIdx.y].not_finite = 1;
  }
}

}  // namespace

void measure_boxes(const PictureBatch* detector, const PictureBatch* depth_input, int pictures,
                   const DepthOutput& output, FoundBoxes* found, cudaStream_t stream) {
  const auto many = static_cast<unsigned>(pictures);
  const std::size_t cells = static_cast<std::size_t>(output.width) * output.height;
  check_kernel<<<dim3(blocks_for(cells, 256), many), 256, 0, stream>>>(output, found);
  check_launch("looking at a depth map");
  measure_kernel<<<dim3(FoundBoxes::most, many), kThreads, 0, stream>>>(detector, depth_input,
                                                                        output, found);
  check_launch("measuring boxes");
}

}  // namespace lazarillo::gpu
