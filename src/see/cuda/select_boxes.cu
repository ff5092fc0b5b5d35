#include <climits>

#include "see/cuda/candidates.cuh"
#include "see/decode.h"

namespace lazarillo::gpu {
namespace {

constexpr int kSelectThreads = 512;
constexpr int kSorted = 4096;  // keys that fit the shared memory of every card
constexpr int kDigits = 2048;
constexpr int kChunk = 128;  // candidates that are compared with each other at a time
constexpr int kWords = kChunk / 32;
constexpr int kCandidates = 3000;
static_assert(kCandidates == NmsLimits{}.candidates && kCandidates <= kSorted);

struct Shared {
  union {
    Key keys[kSorted];
    unsigned digits[kDigits];  ///< how many keys have each, while it is found out which ones fit
  };
  unsigned char segments[kMostSegments];  ///< candidates of each
  float4 boxes[kChunk];
  int classes[kChunk];
  unsigned hiders[kChunk][kWords];  ///< bits: the better ones that hide it should they stay
  unsigned hidden[kWords];          ///< bits: by one of an earlier chunk
  float4 kept_boxes[FoundBoxes::most];
  int kept_classes[FoundBoxes::most];
  int kept_at[FoundBoxes::most];  ///< in keys
  int kept, filled, candidates, first_segment, digit;
  unsigned differ[2], warp_sums[kSelectThreads / 32];
};
static_assert(sizeof(Shared) <= 48 << 10);

/// Calls action(key) for each key of a picture, in no order; all threads call it.
template <typename Action>
__device__ void for_each_key(const Shared& shared, const Key* keys, int segments,
                             const Action& action) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll 4
  for (auto s = static_cast<int>(threadIdx.x / 32); s < segments; s += kSelectThreads / 32) {
    if (lane < shared.segments[s]) action(keys[static_cast<std::size_t>(s) * kSegment + lane]);
  }
}

/// In shared.digit the first digit with at least `rank` keys of it and those below; the count of
/// those below it is returned. All threads call it.
__device__ int find_digit(Shared& shared, int rank) {
  constexpr int each = kDigits / kSelectThreads;
  const auto thread = static_cast<int>(threadIdx.x);
  unsigned mine = 0;
  for (int i = 0; i < each; ++i) mine += shared.digits[thread * each + i];
  unsigned up_to = mine;  // and including
  for (int step = 1; step < 32; step *= 2) {
    const unsigned before = __shfl_up_sync(0xffffffffU, up_to, step);
    if (thread % 32 >= step) up_to += before;
  }
  if (thread % 32 == 31) shared.warp_sums[thread / 32] = up_to;
  __syncthreads();
  for (int w = 0; w < thread / 32; ++w) up_to += shared.warp_sums[w];
  const auto wanted = static_cast<unsigned>(rank);
  if (up_to >= wanted && up_to - mine < wanted) {
    unsigned below = up_to - mine;
    int digit = thread * each;
    while (below + shared.digits[digit] < wanted) below += shared.digits[digit++];
    shared.digit = digit;
    shared.filled = static_cast<int>(below);
  }
  __syncthreads();
  return shared.filled;
}

/// A key that at least `wanted` keys, and at most kSorted, do not exceed. There are more than
/// kSorted.
__device__ Key bound_of_best(Shared& shared, const Key* keys, int segments, int wanted) {
  // Where keys differ at all: scores between a threshold and 1 share their first bits.
  const Key one = keys[static_cast<std::size_t>(shared.first_segment) * kSegment];
  Key differ = 0;
  for_each_key(shared, keys, segments, [&](Key key) { differ |= key ^ one; });
  atomicOr(&shared.differ[0], static_cast<unsigned>(differ));
  atomicOr(&shared.differ[1], static_cast<unsigned>(differ >> 32));
  __syncthreads();
  const unsigned high = shared.differ[1];
  int bits = high != 0 ? 64 - __clz(static_cast<int>(high))  // not yet known of the bound
                       : 32 - __clz(static_cast<int>(shared.differ[0]));
  const auto above = [](Key key, int shift) { return shift >= 64 ? 0 : key >> shift; };
  Key bound = bits >= 64 ? 0 : one >> bits << bits;
  for (;;) {
    const int shift = max(bits - 11, 0);
    for (int i = static_cast<int>(threadIdx.x); i < kDigits; i += kSelectThreads)
      shared.digits[i] = 0;
    __syncthreads();
    for_each_key(shared, keys, segments, [&](Key key) {
      if (above(key, bits) != above(bound, bits)) return;
      atomicAdd(&shared.digits[(key >> shift) & ((1U << (bits - shift)) - 1)], 1U);
    });
    __syncthreads();
    const int below = find_digit(shared, wanted);
    const int digit = shared.digit;
    const auto with = static_cast<int>(shared.digits[digit]);
    const int more = shared.candidates;  // found below in earlier rounds
    bound |= static_cast<Key>(digit) << shift;
    __syncthreads();
    // Keys differ: with all bits known there is one.
    if (more + below + with <= kSorted) return bound | ((Key{1} << shift) - 1);
    if (threadIdx.x == 0) shared.candidates = more + below;
    wanted -= below;
    bits = shift;
    __syncthreads();
  }
}

/// As iou() of see/detections.h.
__device__ float overlap(const float4& a, const float4& b) {
  const float width = fminf(a.z, b.z) - fmaxf(a.x, b.x);
  const float height = fminf(a.w, b.w) - fmaxf(a.y, b.y);
  if (!(width > 0) || !(height > 0)) return 0;
  const float common = width * height;
  return common / ((a.z - a.x) * (a.w - a.y) + (b.z - b.x) * (b.w - b.y) - common);
}

/// In one warp: keeps, in order, those of a chunk's candidates that are set in `stay`, after the
/// `rank` that are kept already.
__device__ void keep(Shared& shared, int first, int rank, const unsigned (&stay)[kWords]) {
  const auto lane = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int w = 0; w < kWords; ++w) {
    const int mine = 32 * w + lane;
    const int to = rank + __popc(stay[w] & ((1U << lane) - 1));
    if ((stay[w] >> lane & 1) != 0 && to < FoundBoxes::most) {
      shared.kept_boxes[to] = shared.boxes[mine];
      shared.kept_classes[to] = shared.classes[mine];
      shared.kept_at[to] = first + mine;
    }
    rank += __popc(stay[w]);
  }
  if (lane == 0) shared.kept = min(rank, FoundBoxes::most);
}

/// In one warp: which of a chunk's candidates stay, those in `open` being undecided. One at a time
/// would be as many waits as boxes; in each round here all are decided whose better ones are, and
/// boxes seldom overlap in long chains.
__device__ void decide(const Shared& shared, unsigned (&open)[kWords], unsigned (&stay)[kWords]) {
  const auto lane = static_cast<int>(threadIdx.x);
  unsigned hiders[kWords][kWords];
#pragma unroll
  for (int w = 0; w < kWords; ++w) {
    stay[w] = 0;
#pragma unroll
    for (int v = 0; v < kWords; ++v) hiders[w][v] = shared.hiders[32 * w + lane][v];
  }
  for (;;) {
    unsigned left = 0;
#pragma unroll
    for (int w = 0; w < kWords; ++w) left |= open[w];
    if (left == 0) return;
    unsigned stays[kWords];
    unsigned goes[kWords];
#pragma unroll
    for (int w = 0; w < kWords; ++w) {
      unsigned by_kept = 0;
      unsigned by_open = 0;
#pragma unroll
      for (int v = 0; v < kWords; ++v) {
        by_kept |= hiders[w][v] & stay[v];
        by_open |= hiders[w][v] & open[v];
      }
      const bool asks = (open[w] >> lane & 1) != 0;
      goes[w] = __ballot_sync(0xffffffffU, asks && by_kept != 0);
      stays[w] = __ballot_sync(0xffffffffU, asks && by_kept == 0 && by_open == 0);
    }
#pragma unroll
    for (int w = 0; w < kWords; ++w) {
      stay[w] |= stays[w];
      open[w] &= ~(stays[w] | goes[w]);
    }
  }
}

/// Candidates `first` and on, `count` of them, against those kept and each other. All threads call
/// it.
__device__ void suppress_chunk(Shared& shared, int first, int count, const SelectOptions& options) {
  const auto thread = static_cast<int>(threadIdx.x);
  const int mine = thread % kChunk;
  const int kept = shared.kept;
  if (options.suppress && mine < count) {
    const float4 box = shared.boxes[mine];
    const int class_id = shared.classes[mine];
    for (int i = thread / kChunk; i < kept; i += kSelectThreads / kChunk) {
      if (shared.kept_classes[i] == class_id &&
          overlap(shared.kept_boxes[i], box) > options.nms_iou) {
        atomicOr(&shared.hidden[mine / 32], 1U << (mine % 32));
        break;
      }
    }
    for (int i = thread / kChunk; i < mine; i += kSelectThreads / kChunk) {
      if (shared.classes[i] == class_id && overlap(shared.boxes[i], box) > options.nms_iou) {
        atomicOr(&shared.hiders[mine][i / 32], 1U << (i % 32));
      }
    }
  }
  __syncthreads();
  if (thread < 32) {
    unsigned open[kWords];
    unsigned stay[kWords];
#pragma unroll
    for (int w = 0; w < kWords; ++w) {
      const int bits = count - 32 * w;
      open[w] = ~shared.hidden[w] & (bits >= 32 ? ~0U : bits <= 0 ? 0U : (1U << bits) - 1);
    }
    decide(shared, open, stay);
    keep(shared, first, kept, stay);
  }
  __syncthreads();
}

__global__ void __launch_bounds__(kSelectThreads)
    select_kernel(const Scratch scratch, const SelectOptions options, FoundBoxes* found) {
  __shared__ Shared shared;
  const auto thread = static_cast<int>(threadIdx.x);
  const auto picture = static_cast<int>(blockIdx.x);
  FoundBoxes& out = found[picture];
  const Key* keys = scratch.keys + scratch.slot(picture, 0);
  if (thread == 0) {
    shared.kept = shared.filled = shared.candidates = 0;
    shared.first_segment = INT_MAX;
    shared.differ[0] = shared.differ[1] = 0;
  }
  __syncthreads();

  int some = 0;
  int not_finite = 0;
  int first = INT_MAX;
  for (int s = thread; s < scratch.count; s += kSelectThreads) {
    const unsigned segment = scratch.segments[scratch.segment(picture, s)];
    const auto count = static_cast<int>(segment & ~Scratch::kNotFinite);
    shared.segments[s] = static_cast<unsigned char>(count);
    some += count;
    if (count > 0) first = min(first, s);
    not_finite |= (segment & Scratch::kNotFinite) != 0 ? 1 : 0;
  }
  if (some > 0) {
    atomicAdd(&shared.candidates, some);
    atomicMin(&shared.first_segment, first);
  }
  not_finite = __syncthreads_or(not_finite) != 0 ? 1 : 0;
  const int all = shared.candidates;
  if (thread == 0) {
    out.not_finite = not_finite;
    out.depth_not_finite = 0;
  }
  if (not_finite != 0 || all == 0) {
    if (thread == 0) out.count = 0;
    return;
  }

  const int wanted = options.suppress ? kCandidates : FoundBoxes::most;
  Key bound = ~Key{0};
  if (all > kSorted) {
    __syncthreads();
    if (thread == 0) shared.candidates = 0;
    __syncthreads();
    bound = bound_of_best(shared, keys, scratch.count, wanted);
    if (thread == 0) shared.filled = 0;
    __syncthreads();
  }
  for_each_key(shared, keys, scratch.count, [&](Key key) {
    if (key <= bound) shared.keys[atomicAdd(&shared.filled, 1)] = key;
  });
  __syncthreads();
  const int filled = shared.filled;
  const auto padded = static_cast<int>(power_of_two_from(static_cast<unsigned>(filled)));
  for (int i = filled + thread; i < padded; i += kSelectThreads) shared.keys[i] = ~Key{0};
  sort_in_block(shared.keys, static_cast<unsigned>(padded));

  const int count = min(filled, wanted);
  for (int at = 0; at < count && shared.kept < FoundBoxes::most; at += kChunk) {
    const int of_chunk = min(kChunk, count - at);
    if (thread < of_chunk) {
      const auto anchor = static_cast<int>(shared.keys[at + thread] & 0xffffffffU);
      shared.boxes[thread] = scratch.boxes[scratch.slot(picture, anchor)];
      shared.classes[thread] = scratch.classes[scratch.slot(picture, anchor)];
    }
    // Where nothing is suppressed, nobody hides anybody.
    for (int i = thread; i < kChunk * kWords; i += kSelectThreads) {
      shared.hiders[i / kWords][i % kWords] = 0;
    }
    if (thread < kWords) shared.hidden[thread] = 0;
    __syncthreads();
    suppress_chunk(shared, at, of_chunk, options);
  }

  for (int i = thread; i < shared.kept; i += kSelectThreads) {
    const float4 box = shared.kept_boxes[i];
    const Key key = shared.keys[shared.kept_at[i]];
    out.boxes[static_cast<std::size_t>(i)] = {box.x,
                                              box.y,
                                              box.z,
                                              box.w,
                                              from_falling(static_cast<unsigned>(key >> 32)),
                                              static_cast<std::int16_t>(shared.kept_classes[i]),
                                              static_cast<std::int16_t>(picture),
                                              static_cast<std::int32_t>(key & 0xffffffffU),
                                              0,
                                              0};
  }
  if (thread == 0) out.count = shared.kept;
}

}  // namespace

void select_boxes(const Scratch& scratch, int pictures, const SelectOptions& options,
                  FoundBoxes* found, cudaStream_t stream) {
  select_kernel<<<static_cast<unsigned>(pictures), kSelectThreads, 0, stream>>>(scratch, options,
                                                                                found);
  check_launch("selecting boxes");
}

}  // namespace lazarillo::gpu
