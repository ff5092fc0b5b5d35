#include <algorithm>

#include "see/cuda/device_code.cuh"
#include "see/cuda/pixels.cuh"
#include "see/cuda/target.cuh"

// Shrinking is what costs. A block makes a tile of the result: its threads first read four
// neighbouring pixels of all rows under a row of the tile, and sum rows; these sums lie in shared
// memory, where each thread then sums the columns of a pixel. All sums are rounded as AreaResizer's
// (this file is built without fused multiply-add), in its order: both give the same levels.

namespace lazarillo::gpu {
namespace {

constexpr int kThreads = 160;  // four rows of a tile at a factor of 2.2, in one go
constexpr int kBlocks = 6;     // of a multiprocessor: leaves the registers that are needed
constexpr int kWide = 64, kHigh = 4;  // a tile
constexpr int kStrip = 256;           // pixels of the picture under it, across, at most

/// The pixels of the picture under one of the result, along one axis: as AreaResizer::Axis.
struct Cover {
  int first, taps;
  float first_weight, last_weight;

  __device__ float weight(int tap, float full) const {
    return tap == 0 ? first_weight : tap == taps - 1 ? last_weight : full;
  }
};

struct Axis {
  int source, length;

  /// Counted in 1/length of a source pixel all edges are whole numbers; source * length < 2^31.
  __device__ Cover cover(int at) const {
    const int from = at * source;
    const int end = from + source;
    const int first = from / length;
    const int last = (end - 1) / length;
    const auto part = [this](int covered) {
      return static_cast<float>(covered) / static_cast<float>(source);
    };
    return {first, last - first + 1, part(min((first + 1) * length, end) - from),
            part(end - last * length)};
  }
  __device__ float full() const { return static_cast<float>(length) / static_cast<float>(source); }
};

template <int channels, typename Action>
__device__ void each(const Action& action) {
#pragma unroll
  for (int i = 0; i < channels * kGroup; ++i) action(i / kGroup, i % kGroup);
}

/// Where the result of one picture lies, and how it is shared out, in tiles.
struct Plan {
  enum class How { tiles, pixels, bilinear } how;
  Axis across, down;
  int x, y;     ///< of the result's first pixel in the tensor
  int columns;  ///< of a tile
  int tiles_across, tiles;
};

__device__ Plan plan_of(const LetterboxMapping& m, bool bent) {
  Plan plan{Plan::How::bilinear,
            {m.frame_width, m.content_width},
            {m.frame_height, m.content_height},
            m.offset_x,
            m.offset_y,
            kWide,
            0,
            0};
  if (m.content_width <= m.frame_width && m.content_height <= m.frame_height) {
    // A tile's first pixel is moved to a whole group, and its last may reach into one more.
    const int columns = (kStrip - kGroup - 1) * m.content_width / m.frame_width;
    plan.how = columns > 0 ? Plan::How::tiles : Plan::How::pixels;
    if (columns > 0) plan.columns = min(columns, kWide);
  }
  plan.tiles_across = (m.content_width + plan.columns - 1) / plan.columns;
  const int down = (m.content_height + kHigh - 1) / kHigh;
  plan.tiles = bent ? 0 : plan.tiles_across * down;  // rectify()'s
  return plan;
}

struct alignas(16) Shared {
  float sums[kHigh][3][kStrip];  ///< of rows: each channel's pixels under the tile
  Cover columns[kWide];          ///< of the tile; first: from the first pixel under it
  Cover rows[kHigh];
  Plan plan;
};

/// Sums the rows under one row of a tile, of the four pixels from x on. In AreaResizer's order: the
/// first three rows one by one, those that follow in pairs.
template <typename Group>
__device__ void sum_rows(const Picture& source, int x, const Cover& cover, float full,
                         float (&sum)[Group::channels][kGroup]) {
  constexpr int channels = Group::channels;
  constexpr int kAhead = 3;  // rows on their way at once: factors up to 2 need no more
  Group ahead[kAhead];
#pragma unroll
  for (int tap = 0; tap < kAhead; ++tap) {
    if (tap < cover.taps) ahead[tap].fetch(source, x, cover.first + tap);
  }
#pragma unroll
  for (int tap = 0; tap < kAhead; ++tap) {
    if (tap < cover.taps) {
      Group& row = ahead[tap];
      const float weight = cover.weight(tap, full);
      row.arrive(source);
      each<channels>([&](int c, int i) {
        const float part = row.level(c, i) * weight;
        sum[c][i] = tap == 0 ? part : sum[c][i] + part;
      });
      // The fourth row is fetched where the first was.
      if (tap == 0 && cover.taps > kAhead) row.fetch(source, x, cover.first + kAhead);
    }
  }
#pragma unroll 1
  for (int tap = kAhead; tap < cover.taps; tap += 2) {
    Group& row = ahead[0];
    if (tap > kAhead) row.fetch(source, x, cover.first + tap);
    const float weight = cover.weight(tap, full);
    if (tap + 1 == cover.taps) {
      row.arrive(source);
      each<channels>([&](int c, int i) { sum[c][i] += row.level(c, i) * weight; });
      break;
    }
    Group& next = ahead[1];
    next.fetch(source, x, cover.first + tap + 1);
    const float next_weight = cover.weight(tap + 1, full);
    row.arrive(source);
    next.arrive(source);
    each<channels>([&](int c, int i) {
      sum[c][i] += row.level(c, i) * weight + next.level(c, i) * next_weight;
    });
  }
}

/// A tile of `columns` x `rows`, from x0, y0 of the result on. Not inlined: each format keeps its
/// registers for itself.
template <typename Group, typename T>
__device__ __noinline__ void shrink(Shared& shared, const Picture& source, int picture, int x0,
                                    int columns, int y0, int rows, const Target<T>& target) {
  constexpr int channels = Group::channels;
  const Plan& plan = shared.plan;
  const auto thread = static_cast<int>(threadIdx.x);
  const int left = x0 * plan.across.source / plan.across.length / kGroup * kGroup;
  if (thread < columns) {
    Cover cover = plan.across.cover(x0 + thread);
    cover.first -= left;
    shared.columns[thread] = cover;
  } else if (thread >= kWide && thread < kWide + rows) {
    shared.rows[thread - kWide] = plan.down.cover(y0 + thread - kWide);
  }
  __syncthreads();

  const Cover last = shared.columns[columns - 1];
  const int groups = (last.first + last.taps + kGroup - 1) / kGroup;
  const float full_down = plan.down.full();
  for (int item = thread; item < groups * rows; item += kThreads) {
    const int row = item / groups;
    const int group = item - row * groups;
    float sum[channels][kGroup];
    sum_rows<Group>(source, left + group * kGroup, shared.rows[row], full_down, sum);
#pragma unroll
    for (int c = 0; c < channels; ++c) {
      *reinterpret_cast<float4*>(&shared.sums[row][c][group * kGroup]) =
          make_float4(sum[c][0], sum[c][1], sum[c][2], sum[c][3]);
    }
  }
  __syncthreads();

  const float full_across = plan.across.full();
  for (int item = thread; item < kWide * rows; item += kThreads) {
    const int row = item / kWide;
    const int x = item % kWide;
    if (x >= columns) continue;
    const Cover cover = shared.columns[x];
    float level[channels];
#pragma unroll
    for (int c = 0; c < channels; ++c) {
      level[c] = shared.sums[row][c][cover.first] * cover.first_weight;
    }
    for (int tap = 1; tap < cover.taps; ++tap) {
      const float weight = tap == cover.taps - 1 ? cover.last_weight : full_across;
#pragma unroll
      for (int c = 0; c < channels; ++c) {
        level[c] += shared.sums[row][c][cover.first + tap] * weight;
      }
    }
    target.put(picture, plan.x + x0 + x, plan.y + y0 + row, whole(level[0]),
               whole(level[channels / 2]), whole(level[channels - 1]));
  }
}

/// One pixel of the result as shrink() makes it, in the same order.
__device__ void average(const Picture& source, const Plan& plan, int x, int y, float (&level)[3]) {
  const Cover columns = plan.across.cover(x);
  const Cover rows = plan.down.cover(y);
  for (int i = 0; i < columns.taps; ++i) {
    float sum[3] = {0, 0, 0};
    float pending[3] = {0, 0, 0};
    for (int k = 0; k < rows.taps; ++k) {
      float pixel[3];
      read_pixel(source, columns.first + i, rows.first + k, pixel);
      const float weight = rows.weight(k, plan.down.full());
      for (int c = 0; c < 3; ++c) {
        const float part = pixel[c] * weight;
        if (k < 3 || (k % 2 == 1 && k == rows.taps - 1)) {
          sum[c] += part;
        } else if (k % 2 == 1) {
          pending[c] = part;
        } else {
          sum[c] += pending[c] + part;
        }
      }
    }
    const float weight = columns.weight(i, plan.across.full());
    for (int c = 0; c < 3; ++c) level[c] = (i == 0 ? 0 : level[c]) + sum[c] * weight;
  }
}

/// The two pixels that one of a larger picture lies between, along one axis, and how far on the
/// way.
struct Between {
  int low, high;
  float way;

  __device__ Between(const Axis& axis, int at) {
    const int whole = 2 * axis.length;  // a pixel, counted in 1 / (2 * length) of one
    const int middle = max((2 * at + 1) * axis.source - axis.length, 0);
    low = middle / whole;
    way = static_cast<float>(middle - low * whole) / static_cast<float>(whole);
    high = min(low + 1, axis.source - 1);
  }
};

__device__ void interpolate(const Picture& source, const Plan& plan, int x, int y,
                            float (&level)[3]) {
  const Between across(plan.across, x);
  const Between down(plan.down, y);
  float a[3], b[3], c[3], d[3];
  read_pixel(source, across.low, down.low, a);
  read_pixel(source, across.high, down.low, b);
  read_pixel(source, across.low, down.high, c);
  read_pixel(source, across.high, down.high, d);
  for (int i = 0; i < 3; ++i) {
    const float top = a[i] + across.way * (b[i] - a[i]);
    const float bottom = c[i] + across.way * (d[i] - c[i]);
    level[i] = top + down.way * (bottom - top);
  }
}

template <typename T>
__device__ void by_pixel(const Picture& source, const Plan& plan, int picture, int x0, int columns,
                         int y0, int rows, const Target<T>& target) {
  for (int item = static_cast<int>(threadIdx.x); item < kWide * rows; item += kThreads) {
    const int x = x0 + item % kWide;
    const int y = y0 + item / kWide;
    if (x >= x0 + columns) continue;
    float level[3];
    plan.how == Plan::How::bilinear ? interpolate(source, plan, x, y, level)
                                    : average(source, plan, x, y, level);
    target.put(picture, plan.x + x, plan.y + y, whole(level[0]), whole(level[1]), whole(level[2]));
  }
}

/// A row of the tensor's padding.
template <typename T>
__device__ void pad(const Plan& plan, int picture, int y, const Target<T>& target) {
  const bool content = y >= plan.y && y < plan.y + plan.down.length;
  const int before = content ? plan.x : target.width;  // pixels before the content
  const int gap = content ? plan.across.length : 0;
  for (int x = static_cast<int>(threadIdx.x); x < target.width - gap; x += kThreads) {
    const std::size_t plane =
        static_cast<std::size_t>(target.width) * static_cast<std::size_t>(target.height);
    T* at = target.values + 3 * plane * static_cast<std::size_t>(picture) +
            static_cast<std::size_t>(y) * static_cast<std::size_t>(target.width) +
            static_cast<std::size_t>(x < before ? x : x + gap);
    for (std::size_t c = 0; c < 3; ++c) at[c * plane] = T(target.pad[c]);
  }
}

/// A picture a row of blocks, a tile a block; where a picture needs more tiles, blocks take turns.
template <typename T>
__global__ void __launch_bounds__(kThreads, kBlocks)
    letterbox_kernel(const PictureBatch* batch, const Target<T> target) {
  __shared__ Shared shared;
  const auto picture = static_cast<int>(blockIdx.y);
  if (picture >= batch->count) return;
  const auto at = static_cast<std::size_t>(picture);
  if (threadIdx.x == 0) shared.plan = plan_of(batch->mappings[at], batch->corners[at] != nullptr);
  __syncthreads();
  const Plan& plan = shared.plan;
  const auto block = static_cast<int>(blockIdx.x);
  const auto blocks = static_cast<int>(gridDim.x);
  for (int row = block; row < target.height; row += blocks) pad(plan, picture, row, target);

  const Picture& source = batch->pictures[at];
  for (int tile = block; tile < plan.tiles; tile += blocks) {
    if (tile != block) __syncthreads();  // the tile before is done with the tables
    const int y = tile / plan.tiles_across * kHigh;
    const int x = tile % plan.tiles_across * plan.columns;
    const int columns = min(plan.columns, plan.across.length - x);
    const int rows = min(kHigh, plan.down.length - y);
    if (plan.how != Plan::How::tiles) {
      by_pixel(source, plan, picture, x, columns, y, rows, target);
      continue;
    }
    switch (source.format) {
      case Picture::Format::bgr8:
        shrink<BgrGroup>(shared, source, picture, x, columns, y, rows, target);
        break;
      case Picture::Format::gray8:
        shrink<GreyGroup>(shared, source, picture, x, columns, y, rows, target);
        break;
      case Picture::Format::nv12:
        shrink<Nv12Group>(shared, source, picture, x, columns, y, rows, target);
        break;
    }
  }
}

template <typename T>
void launch(const PictureBatch* batch, int most_pictures, const InputTensor& tensor,
            cudaStream_t stream) {
  const auto tiles = [](int length, int each) {
    return static_cast<unsigned>((length + each - 1) / each);
  };
  const dim3 blocks(tiles(tensor.width, kWide) * tiles(tensor.height, kHigh),
                    static_cast<unsigned>(std::min(most_pictures, PictureBatch::most)));
  letterbox_kernel<T><<<blocks, kThreads, 0, stream>>>(batch, Target<T>(tensor));
  check_launch("making a network's input");
}

}  // namespace

void letterbox(const PictureBatch* batch, int most_pictures, const InputTensor& tensor,
               cudaStream_t stream) {
  if (tensor.number == Number::f16) {
    launch<__half>(batch, most_pictures, tensor, stream);
  } else {
    launch<float>(batch, most_pictures, tensor, stream);
  }
}

}  // namespace lazarillo::gpu
