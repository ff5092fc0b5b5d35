#include <algorithm>

#include "see/cuda/device_code.cuh"
#include "see/cuda/pixels.cuh"
#include "see/cuda/target.cuh"

// Shrinking is what costs. Blocks that fill the card once share the rows of all results out. A
// block goes down a strip of the picture, as wide as its threads can read: each thread reads four
// neighbouring pixels of each row once and sums rows; what is summed for a row of the result lies
// in shared memory, where warps sum columns. All sums are rounded as AreaResizer's (this file is
// built without fused multiply-add), in its order: both give the same levels.

namespace lazarillo::gpu {
namespace {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / 32;
constexpr int kBlocks = 5;  // of a multiprocessor: leaves the registers that are needed
constexpr int kStrip = kThreads * kGroup;  // pixels of the picture that a strip is wide, at most
constexpr int kRun = 128;                  // rows of the result that a block does in one go
constexpr int kRows = kWarps;              // of which so many are summed before columns are
constexpr int kWide = 512;                 // pixels of the result in a strip, where not shrunk

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

/// Where the result of one picture lies, and how its rows are shared out: in `strips` next to each
/// other, each `columns` wide; a row of a strip counts `cost`.
struct Plan {
  enum class How { strips, pixels, bilinear } how;
  Axis across, down;
  int x, y;  ///< of the result's first pixel in the tensor
  int columns, strips, cost, units;
};

__device__ Plan plan_of(const LetterboxMapping& m, bool bent) {
  Plan plan{Plan::How::bilinear,
            {m.frame_width, m.content_width},
            {m.frame_height, m.content_height},
            m.offset_x,
            m.offset_y,
            kWide,
            0,
            8,
            0};
  if (m.content_width <= m.frame_width && m.content_height <= m.frame_height) {
    // A strip's first pixel is moved to a whole group, and its last may reach into one more.
    const int columns = (kStrip - kGroup - 1) * m.content_width / m.frame_width;
    if (columns > 0) {
      const int strips = (m.content_width + columns - 1) / columns;
      plan.how = Plan::How::strips;
      plan.columns = (m.content_width + strips - 1) / strips;
      plan.cost = 1 + 2 * m.frame_height / m.content_height + plan.columns / 64;
    } else {
      // A pixel of the result is wider than a strip: a thread makes one alone. Tiny inputs only.
      plan.how = Plan::How::pixels;
      plan.cost = 256;
    }
  }
  plan.strips = (m.content_width + plan.columns - 1) / plan.columns;
  plan.units = bent ? 0 : plan.strips * m.content_height * plan.cost;  // rectify()'s
  return plan;
}

struct alignas(16) Shared {
  float sums[kRows][3][kStrip];  ///< of rows: each channel's pixels of the strip
  Cover columns[kStrip];         ///< of the strip's result; first: from the strip's first pixel
  Cover rows[kRun];              ///< of the run
  Plan plans[PictureBatch::most];
};

/// A row of the result's strip from its summed rows. A warp's lanes take neighbouring pixels.
template <int channels, typename T>
__device__ void sum_columns(const Shared& shared, int row, int count, float full, int picture,
                            int x0, int y, const Target<T>& target) {
  for (int x = static_cast<int>(threadIdx.x) % 32; x < count; x += 32) {
    const Cover cover = shared.columns[x];
    float level[channels];
#pragma unroll
    for (int c = 0; c < channels; ++c) {
      level[c] = shared.sums[row][c][cover.first] * cover.first_weight;
    }
#pragma unroll 1
    for (int tap = 1; tap < cover.taps; ++tap) {
      const float weight = tap == cover.taps - 1 ? cover.last_weight : full;
#pragma unroll
      for (int c = 0; c < channels; ++c) {
        level[c] += shared.sums[row][c][cover.first + tap] * weight;
      }
    }
    target.put(picture, x0 + x, y, whole(level[0]), whole(level[channels / 2]),
               whole(level[channels - 1]));
  }
}

/// `count` rows of a strip, at most kRun, the first of them y0 of the result. Not inlined: each
/// format keeps its registers for itself.
template <typename Rows, typename T>
__device__ void shrink(Shared& shared, const Picture& source, const Plan& plan, int picture, int x0,
                       int columns, int y0, int count, const Target<T>& target) {
  constexpr int channels = Rows::channels;
  const Axis across = plan.across;
  const Axis down = plan.down;
  const auto thread = static_cast<int>(threadIdx.x);
  const int left = x0 * across.source / across.length / kGroup * kGroup;
  __syncthreads();  // the run before is done with the tables
#pragma unroll 1
  for (int x = thread; x < columns; x += kThreads) {
    Cover cover = across.cover(x0 + x);
    cover.first -= left;
    shared.columns[x] = cover;
  }
  if (thread < count) shared.rows[thread] = down.cover(y0 + thread);
  __syncthreads();

  const Cover last_column = shared.columns[columns - 1];
  const bool reads = thread * kGroup < last_column.first + last_column.taps;
  const int last_row = shared.rows[count - 1].first + shared.rows[count - 1].taps - 1;
  const float full_down = down.full();
  const float full_across = across.full();
  Rows rows(source, left + thread * kGroup, shared.rows[0].first);
  float level[channels][kGroup];
  float sum[channels][kGroup];
  int at = shared.rows[0].first - 1;  // the row that `level` holds
  if (reads) rows.fetch();
  for (int y = 0; y < count; y += kRows) {
    const int some = min(kRows, count - y);
    if (reads) {
      for (int row = 0; row < some; ++row) {
        const Cover cover = shared.rows[y + row];
        const auto for_each_channel = [&](const auto& action) {
#pragma unroll
          for (int c = 0; c < channels; ++c) {
            action(c, *reinterpret_cast<float4*>(&shared.sums[row][c][thread * kGroup]));
          }
        };
        for (int tap = 0; tap < cover.taps; ++tap) {
          // The last row under one of the result may be the first under the next.
          if (cover.first + tap != at) {
            ++at;
            rows.read(level);
            if (at < last_row) rows.fetch();
          }
          const float weight = cover.weight(tap, full_down);
          // In AreaResizer's order: the first three rows one by one, those that follow in pairs.
          if (tap == 0) {
            each<channels>([&](int c, int i) { sum[c][i] = level[c][i] * weight; });
          } else if (tap < 3 || (tap % 2 == 1 && tap == cover.taps - 1)) {
            each<channels>([&](int c, int i) { sum[c][i] += level[c][i] * weight; });
          } else if (tap % 2 == 1) {
            // The pair's first row waits where the sum will lie.
            for_each_channel([&](int c, float4& waits) {
              waits = make_float4(level[c][0] * weight, level[c][1] * weight, level[c][2] * weight,
                                  level[c][3] * weight);
            });
          } else {
            for_each_channel([&](int c, const float4& waits) {
              sum[c][0] += waits.x + level[c][0] * weight;
              sum[c][1] += waits.y + level[c][1] * weight;
              sum[c][2] += waits.z + level[c][2] * weight;
              sum[c][3] += waits.w + level[c][3] * weight;
            });
          }
        }
        for_each_channel([&](int c, float4& to) {
          to = make_float4(sum[c][0], sum[c][1], sum[c][2], sum[c][3]);
        });
      }
    }
    __syncthreads();
    if (thread / 32 < some) {
      sum_columns<channels>(shared, thread / 32, columns, full_across, picture, plan.x + x0,
                            plan.y + y0 + y + thread / 32, target);
    }
    __syncthreads();  // before the sums are overwritten
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
                         int y, const Target<T>& target) {
  for (int x = x0 + static_cast<int>(threadIdx.x); x < x0 + columns; x += kThreads) {
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

template <typename T>
__global__ void __launch_bounds__(kThreads, kBlocks)
    letterbox_kernel(const PictureBatch* batch, int most_pictures, const Target<T> target) {
  __shared__ Shared shared;
  const int pictures = min(batch->count, most_pictures);
  if (static_cast<int>(threadIdx.x) < pictures) {
    shared.plans[threadIdx.x] =
        plan_of(batch->mappings[threadIdx.x], batch->corners[threadIdx.x] != nullptr);
  }
  __syncthreads();

  const auto block = static_cast<int>(blockIdx.x);
  const auto blocks = static_cast<int>(gridDim.x);
  for (int row = block; row < pictures * target.height; row += blocks) {
    const int picture = row / target.height;
    pad(shared.plans[picture], picture, row % target.height, target);
  }

  int total = 0;
  for (int picture = 0; picture < pictures; ++picture) total += shared.plans[picture].units;
  const int share = (total + blocks - 1) / blocks;
  int from = block * share;  // of all units, counted from the picture at hand
  int to = from + share;
  for (int picture = 0; picture < pictures; ++picture) {
    const Plan& plan = shared.plans[picture];
    const Picture& source = batch->pictures[static_cast<std::size_t>(picture)];
    // A row belongs to the block in whose share it begins.
    const auto rows_before = [&](int units) {
      return (min(max(units, 0), plan.units) + plan.cost - 1) / plan.cost;
    };
    const int end = rows_before(to);
    int row = rows_before(from);
    while (row < end) {
      const int y = row % plan.down.length;
      const int x = row / plan.down.length * plan.columns;
      const int columns = min(plan.columns, plan.across.length - x);
      int count = 1;
      if (plan.how == Plan::How::strips) {
        count = min(min(end - row, plan.down.length - y), kRun);
        switch (source.format) {
          case Picture::Format::bgr8:
            shrink<BgrRows>(shared, source, plan, picture, x, columns, y, count, target);
            break;
          case Picture::Format::gray8:
            shrink<GreyRows>(shared, source, plan, picture, x, columns, y, count, target);
            break;
          case Picture::Format::nv12:
            shrink<Nv12Rows>(shared, source, plan, picture, x, columns, y, count, target);
            break;
        }
      } else {
        by_pixel(source, plan, picture, x, columns, y, target);
      }
      row += count;
    }
    from -= plan.units;
    to -= plan.units;
  }
}

template <typename T>
void launch(const PictureBatch* batch, int most_pictures, const Target<T>& target,
            cudaStream_t stream) {
  static const int resident = [] {
    int device = 0;
    int multiprocessors = 0;
    int blocks = 0;
    check(cudaGetDevice(&device), "asking for the card");
    check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device),
          "asking for the card");
    check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, letterbox_kernel<T>, kThreads, 0),
          "asking for the card");
    return multiprocessors * std::max(blocks, 1);
  }();
  letterbox_kernel<T>
      <<<static_cast<unsigned>(resident), kThreads, 0, stream>>>(batch, most_pictures, target);
  check_launch("making a network's input");
}

}  // namespace

void letterbox(const PictureBatch* batch, int most_pictures, const InputTensor& tensor,
               cudaStream_t stream) {
  const int most = std::min(most_pictures, PictureBatch::most);
  with_target(tensor, [&](const auto& target) { launch(batch, most, target, stream); });
}

}  // namespace lazarillo::gpu
