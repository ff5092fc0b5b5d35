#include <algorithm>

#include "see/cuda/averages.cuh"
#include "see/cuda/target.cuh"

// A thread makes some rows of one column of the tensor, from the top down, and a warp 32 columns
// next to each other. Where a picture is made smaller it walks down the picture's rows, several of
// which are on their way at any time: that hides how long memory takes. No thread needs another.

namespace lazarillo::gpu {
namespace {

constexpr int kThreads = 64;       // columns of a block
constexpr int kBlocks = 16;        // that a multiprocessor can hold, of 64 registers a thread
constexpr int kEnoughBlocks = 10;  // for each multiprocessor
constexpr int kMostRows = 16, kLeastRows = 4;  // that a thread makes
constexpr unsigned kWarp = 0xffffffff;

struct Axis {
  int source, length;  ///< source * length < 2^31
};

/// Rows [from, to) of some columns of one picture's result.
struct Piece {
  Axis across, down;
  int from, to;
  int picture, left, top;  ///< where the result begins in the tensor
};

/// Column x of a piece from averages. Sum: holds 255 times the picture's pixels.
template <typename Rows, typename Sum, typename T>
__device__ void shrink(const Picture& source, const Piece& piece, int x, const Target<T>& target) {
  constexpr int kChannels = Rows::kChannels;
  constexpr int kAhead = Rows::kAhead;
  const auto [height, length] = piece.down;
  int done = piece.from * height;  // of the picture's height, as Cover counts it
  int end_of_result = done + height;
  int row = done / length / Rows::kStep * Rows::kStep;
  int end_of_row = (row + 1) * length;
  const int end = (piece.to * height - 1) / length + 1;
  const Mean mean{1.0F / (static_cast<float>(piece.across.source) * static_cast<float>(height))};
  Rows rows(source, x, piece.across.length, row);
  T* at = target.at(piece.picture, piece.left + x, piece.top + piece.from);
  Sum sum[kChannels] = {};
#pragma unroll
  for (int slot = 0; slot < kAhead; ++slot) {
    if (row + slot < end) rows.fetch(slot);
  }
#pragma unroll 1
  for (; row < end; row += kAhead) {
#pragma unroll
    for (int slot = 0; slot < kAhead; ++slot) {
      if (row + slot >= end) break;
      unsigned across[kChannels];
      rows.sum(slot, across);
      if (row + slot + kAhead < end) rows.fetch(slot);
      // Nothing of a row that is only read because rows come in steps.
      const auto part = static_cast<unsigned>(max(min(end_of_row, end_of_result) - done, 0));
#pragma unroll
      for (int c = 0; c < kChannels; ++c) sum[c] += Sum{across[c]} * part;
      if (end_of_row >= end_of_result) {
        float level[3];
        rows.levels(mean, sum, level);
        target.put(at, level);
        at += target.width;
        const auto rest = static_cast<unsigned>(end_of_row - end_of_result);
#pragma unroll
        for (int c = 0; c < kChannels; ++c) sum[c] = Sum{across[c]} * rest;
        end_of_result += height;
      }
      done = max(done, end_of_row);
      end_of_row += length;
    }
  }
}

/// `groups` of four pixels across are under each of the result, at most; 0: more.
template <int groups, typename Sum, typename T>
__device__ void shrink(const Picture& source, const Piece& piece, int x, const Target<T>& target) {
  switch (source.format) {
    case Picture::Format::bgr8:
      return shrink<PackedRows<3, groups>, Sum>(source, piece, x, target);
    case Picture::Format::gray8:
      return shrink<PackedRows<1, groups>, Sum>(source, piece, x, target);
    case Picture::Format::nv12:
      return shrink<Nv12Rows<groups>, Sum>(source, piece, x, target);
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

__device__ void interpolate(const Picture& source, const Piece& piece, int x, int y,
                            float (&level)[3]) {
  const Between across(piece.across, x);
  const Between down(piece.down, y);
  float a[3], b[3], c[3], d[3];
  read_pixel(source, across.low, down.low, a);
  read_pixel(source, across.high, down.low, b);
  read_pixel(source, across.low, down.high, c);
  read_pixel(source, across.high, down.high, d);
  for (int i = 0; i < 3; ++i) {
    const float top = a[i] + across.way * (b[i] - a[i]);
    const float bottom = c[i] + across.way * (d[i] - c[i]);
    level[i] = whole(top + down.way * (bottom - top));
  }
}

template <typename T>
__device__ void enlarge(const Picture& source, const Piece& piece, int x, const Target<T>& target) {
  for (int y = piece.from; y < piece.to; ++y) {
    float level[3];
    interpolate(source, piece, x, y, level);
    target.put(target.at(piece.picture, piece.left + x, piece.top + y), level);
  }
}

template <typename T>
__global__ void __launch_bounds__(kThreads, kBlocks)
    letterbox_kernel(const PictureBatch* batch, int rows, const Target<T> target) {
  const auto picture = static_cast<int>(blockIdx.z);
  if (picture >= batch->count) return;
  const LetterboxMapping& m = batch->mappings[picture];
  const Picture& source = batch->pictures[picture];
  const auto column = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int from = static_cast<int>(blockIdx.y) * rows;
  const int to = min(from + rows, target.height);
  const int x = column - m.offset_x;
  const bool beside = x < 0 || x >= m.content_width;
  const bool bent = batch->corners[picture] != nullptr;  // rectify()'s
  for (int y = from; y < to && column < target.width; ++y) {
    if (beside || y < m.offset_y || y >= m.offset_y + m.content_height) {
      target.put_pad(target.at(picture, column, y));
    }
  }
  // A warp goes one way: that of its lane with most to read.
  const Cover cover(min(max(x, 0), m.content_width - 1), m.frame_width, m.content_width);
  const bool in_four = __all_sync(kWarp, cover.end <= 4 * cover.unit);
  const bool in_eight = __all_sync(kWarp, cover.end <= 8 * cover.unit);

  const Piece piece{{m.frame_width, m.content_width},
                    {m.frame_height, m.content_height},
                    max(from - m.offset_y, 0),
                    min(to - m.offset_y, m.content_height),
                    picture,
                    m.offset_x,
                    m.offset_y};
  if (beside || bent || piece.from >= piece.to) return;
  constexpr auto kFits = std::int64_t{1} << 24;  // 255 times as many pixels are below 2^32
  const bool fits = std::int64_t{m.frame_width} * m.frame_height <= kFits;
  if (m.content_width > m.frame_width || m.content_height > m.frame_height) {
    enlarge(source, piece, x, target);
  } else if (in_four && fits) {
    shrink<1, unsigned>(source, piece, x, target);
  } else if (in_eight && fits) {
    shrink<2, unsigned>(source, piece, x, target);
  } else {
    shrink<0, unsigned long long>(source, piece, x, target);
  }
}

template <typename T>
void launch(const PictureBatch* batch, int most_pictures, const Target<T>& target,
            cudaStream_t stream) {
  static const int multiprocessors = [] {
    int device = 0;
    int count = 0;
    check(cudaGetDevice(&device), "asking for the card");
    check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device),
          "asking for the card");
    return count;
  }();
  const auto strips = [](int length, int of) { return (length + of - 1) / of; };
  const int across = strips(target.width, kThreads);
  // The row between two threads' is read by both; a small picture must still fill the card.
  int rows = kMostRows;
  while (rows > kLeastRows &&
         across * strips(target.height, rows) * most_pictures < kEnoughBlocks * multiprocessors) {
    rows /= 2;
  }
  const dim3 grid(static_cast<unsigned>(across), static_cast<unsigned>(strips(target.height, rows)),
                  static_cast<unsigned>(most_pictures));
  letterbox_kernel<T><<<grid, kThreads, 0, stream>>>(batch, rows, target);
  check_launch("making a network's input");
}

}  // namespace

void letterbox(const PictureBatch* batch, int most_pictures, const InputTensor& tensor,
               cudaStream_t stream) {
  const int most = std::min(most_pictures, PictureBatch::most);
  with_target(tensor, [&](const auto& target) { launch(batch, most, target, stream); });
}

}  // namespace lazarillo::gpu
