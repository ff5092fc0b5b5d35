#include "see/cuda/device_code.cuh"
#include "see/decode.h"

namespace lazarillo::gpu {
namespace {

using Key = unsigned long long;

constexpr unsigned kThreads = 256;
constexpr unsigned kSelectThreads = 512;
constexpr unsigned kFew = 256;  // candidates that one warp compares sooner than a block can agree
constexpr unsigned kSorted = 4096;  // keys that fit the shared memory of every card
constexpr unsigned kCandidates = 3000;
static_assert(kCandidates == NmsLimits{}.candidates && kCandidates <= kSorted);

/// What lies in the scratch memory for each picture. Candidates in the order they were found, which
/// is chance; their keys put them in order.
struct Scratch {
  unsigned* count;        // pictures
  Key* keys;              // pictures x anchors: best score first, of equal scores the first anchor
  std::int16_t* classes;  // pictures x anchors, by anchor
  float4* boxes;          // pictures x kCandidates: the sorted
  std::int16_t* box_classes;

  __host__ __device__ Scratch(void* memory, const DetectorOutput& o) {
    const std::size_t pictures = static_cast<std::size_t>(o.pictures);
    const std::size_t anchors = static_cast<std::size_t>(o.anchors);
    boxes = static_cast<float4*>(memory);
    keys = reinterpret_cast<Key*>(boxes + pictures * kCandidates);
    count = reinterpret_cast<unsigned*>(keys + pictures * anchors);
    classes = reinterpret_cast<std::int16_t*>(count + pictures);
    box_classes = classes + pictures * anchors;
  }
  static std::size_t bytes(const DetectorOutput& o) {
    const std::size_t pictures = static_cast<std::size_t>(o.pictures);
    return pictures * (kCandidates * (sizeof(float4) + sizeof(std::int16_t)) +
                       static_cast<std::size_t>(o.anchors) * (sizeof(Key) + sizeof(std::int16_t)) +
                       sizeof(unsigned));
  }
};

/// Larger floats give smaller numbers.
__device__ unsigned falling(float value) {
  const unsigned bits = __float_as_uint(value);
  return ~((bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U);
}
__device__ float from_falling(unsigned key) {
  const unsigned bits = ~key;
  return __uint_as_float((bits & 0x80000000U) != 0 ? bits & 0x7fffffffU : ~bits);
}

__device__ void append(const DetectorOutput& o, const Scratch& scratch, int picture, int anchor,
                       float score, int class_id) {
  const std::size_t base = static_cast<std::size_t>(picture) * o.anchors;
  const unsigned at = atomicAdd(scratch.count + picture, 1U);
  scratch.keys[base + at] =
      (static_cast<Key>(falling(score)) << 32) | static_cast<unsigned>(anchor);
  scratch.classes[base + static_cast<std::size_t>(anchor)] = static_cast<std::int16_t>(class_id);
}

/// Heads whose class scores lie side by side: a warp an anchor, so that they are read as they lie.
__global__ void decode_rows(DetectorOutput o, float threshold, void* memory, FoundBoxes* found) {
  const int warp = static_cast<int>((blockIdx.x * blockDim.x + threadIdx.x) / 32);
  const int lane = static_cast<int>(threadIdx.x % 32);
  const auto picture = static_cast<int>(blockIdx.y);
  if (warp >= o.anchors) return;
  const bool together = o.head == Head::ultralytics_transposed;
  const std::size_t anchor = static_cast<std::size_t>(picture) * o.anchors + warp;
  const int row = together ? 4 + o.classes : o.classes;
  const void* scores = together ? o.boxes : o.scores;
  const std::size_t first = anchor * row + (together ? 4 : 0);
  bool finite = true;
  float best = -INFINITY;
  int best_class = 0;
  for (int c = lane; c < o.classes; c += 32) {
    const float score = load(scores, o.number, first + c);
    finite = finite && isfinite(score);
    if (score > best) {
      best = score;
      best_class = c;
    }
  }
  if (lane < 4) {
    finite = finite && isfinite(load(o.boxes, o.number, anchor * (together ? row : 4) + lane));
  }
  if (!__all_sync(0xffffffffU, finite)) {
    if (lane == 0) found[picture].not_finite = 1;
    return;
  }
  for (int step = 16; step > 0; step /= 2) {
    const float other = __shfl_down_sync(0xffffffffU, best, step);
    const int other_class = __shfl_down_sync(0xffffffffU, best_class, step);
    if (other > best || (other == best && other_class < best_class)) {
      best = other;
      best_class = other_class;
    }
  }
  if (lane != 0) return;
  if (o.head == Head::detr) best = 1 / (1 + expf(-best));
  if (best >= threshold) append(o, Scratch(memory, o), picture, warp, best, best_class);
}

/// Heads with a plane a class, and those that suppress by themselves: a thread an anchor.
__global__ void decode_columns(DetectorOutput o, float threshold, void* memory, FoundBoxes* found) {
  const int anchor = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const auto picture = static_cast<int>(blockIdx.y);
  if (anchor >= o.anchors) return;
  bool finite = true;
  float best = -INFINITY;
  int best_class = 0;
  if (o.head == Head::ultralytics) {
    const int rows = 4 + o.classes;
    const std::size_t base = static_cast<std::size_t>(picture) * rows * o.anchors + anchor;
    const auto value = [&](int r) {
      const float v = load(o.boxes, o.number, base + static_cast<std::size_t>(r) * o.anchors);
      finite = finite && isfinite(v);
      return v;
    };
    for (int r = 0; r < 4; ++r) (void)value(r);
#pragma unroll 8
    for (int c = 0; c < o.classes; ++c) {
      const float score = value(4 + c);
      if (score > best) {
        best = score;
        best_class = c;
      }
    }
  } else {
    const std::size_t base = (static_cast<std::size_t>(picture) * o.anchors + anchor) * 6;
    for (int i = 0; i < 6; ++i) finite = finite && isfinite(load(o.boxes, o.number, base + i));
    best = load(o.boxes, o.number, base + 4);
    const float class_id = roundf(load(o.boxes, o.number, base + 5));
    if (!(class_id >= 0 && class_id < float(o.classes))) best = -INFINITY;
    best_class = static_cast<int>(class_id);
  }
  if (!finite) {
    found[picture].not_finite = 1;
    return;
  }
  if (best >= threshold) append(o, Scratch(memory, o), picture, anchor, best, best_class);
}

__device__ float4 box_of(const DetectorOutput& o, int picture, int anchor) {
  const std::size_t at = static_cast<std::size_t>(picture) * o.anchors + anchor;
  const auto row = [&](std::size_t first) {
    return make_float4(load(o.boxes, o.number, first), load(o.boxes, o.number, first + 1),
                       load(o.boxes, o.number, first + 2), load(o.boxes, o.number, first + 3));
  };
  float4 b;
  switch (o.head) {
    case Head::joint:
      return row(at * 4);
    case Head::end_to_end:
      b = row(at * 6);
      return make_float4(b.x * o.unit_x, b.y * o.unit_y, b.z * o.unit_x, b.w * o.unit_y);
    case Head::ultralytics: {
      const std::size_t base =
          static_cast<std::size_t>(picture) * (4 + o.classes) * o.anchors + anchor;
      const auto value = [&](int r) {
        return load(o.boxes, o.number, base + static_cast<std::size_t>(r) * o.anchors);
      };
      b = make_float4(value(0), value(1), value(2), value(3));
      break;
    }
    case Head::ultralytics_transposed:
      b = row(at * (4 + o.classes));
      break;
    default:
      b = row(at * 4);
  }
  return make_float4((b.x - b.z / 2) * o.unit_x, (b.y - b.w / 2) * o.unit_y,
                     (b.x + b.z / 2) * o.unit_x, (b.y + b.w / 2) * o.unit_y);
}

/// As iou() of see/detections.h.
__device__ float overlap(const float4& a, const float4& b) {
  const float width = fminf(a.z, b.z) - fmaxf(a.x, b.x);
  const float height = fminf(a.w, b.w) - fmaxf(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const float common = width * height;
  const float both = (a.z - a.x) * (a.w - a.y) + (b.z - b.x) * (b.w - b.y) - common;
  return both > 0 ? common / both : 0;
}

/// The key of rank `rank` (from 0) among `count` different keys, eight bits at a time from the top.
__device__ Key key_of_rank(const Key* keys, unsigned count, unsigned rank, unsigned* histogram) {
  __shared__ Key prefix;
  __shared__ unsigned left;
  if (threadIdx.x == 0) {
    prefix = 0;
    left = rank;
  }
  for (int shift = 56; shift >= 0; shift -= 8) {
    for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) histogram[i] = 0;
    __syncthreads();
    const Key known = prefix;
    for (unsigned i = threadIdx.x; i < count; i += blockDim.x) {
      const Key key = keys[i];
      if (shift == 56 || (key >> (shift + 8)) == (known >> (shift + 8))) {
        atomicAdd(histogram + ((key >> shift) & 255), 1U);
      }
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      unsigned digit = 0;
      while (left >= histogram[digit]) left -= histogram[digit++];
      prefix = known | (static_cast<Key>(digit) << shift);
    }
    __syncthreads();
  }
  return prefix;
}

/// A block a picture: the best candidates in order, suppressed.
__global__ void select_boxes(DetectorOutput o, SelectOptions options, void* memory,
                             FoundBoxes* found) {
  __shared__ Key sorted[kSorted];
  __shared__ unsigned taken;
  // While keys are chosen the same memory counts digits; once boxes are compared, who is hidden.
  __shared__ unsigned histogram[256];
  __shared__ unsigned hidden[(kCandidates + 31) / 32];
  const auto picture = static_cast<int>(blockIdx.x);
  const Scratch scratch(memory, o);
  const std::size_t base = static_cast<std::size_t>(picture) * o.anchors;
  const unsigned all = scratch.count[picture];
  const Key* keys = scratch.keys + base;
  unsigned count = all;
  if (all <= kSorted) {
    for (unsigned i = threadIdx.x; i < all; i += blockDim.x) sorted[i] = keys[i];
  } else {
    const Key last = key_of_rank(keys, all, kCandidates - 1, histogram);
    if (threadIdx.x == 0) taken = 0;
    __syncthreads();
    for (unsigned i = threadIdx.x; i < all; i += blockDim.x) {
      if (keys[i] <= last) sorted[atomicAdd(&taken, 1U)] = keys[i];
    }
    count = kCandidates;
  }
  const unsigned padded = power_of_two_from(count);
  for (unsigned i = threadIdx.x; i < padded; i += blockDim.x) {
    if (i >= count) sorted[i] = ~Key{0};
  }
  sort_in_block(sorted, padded);
  count = min(count, kCandidates);

  // Few are compared out of the block's own memory: each kept box waits for the one before.
  __shared__ float4 few_boxes[kFew];
  __shared__ std::int16_t few_classes[kFew];
  const bool few = count <= kFew;
  const std::size_t mine = static_cast<std::size_t>(picture) * kCandidates;
  float4* boxes = few ? few_boxes : scratch.boxes + mine;
  std::int16_t* classes = few ? few_classes : scratch.box_classes + mine;
  for (unsigned i = threadIdx.x; i < count; i += blockDim.x) {
    const auto anchor = static_cast<int>(sorted[i] & 0xffffffffU);
    boxes[i] = box_of(o, picture, anchor);
    classes[i] = scratch.classes[base + static_cast<std::size_t>(anchor)];
  }
  for (unsigned i = threadIdx.x; i < (kCandidates + 31) / 32; i += blockDim.x) hidden[i] = 0;
  __syncthreads();

  if (few && threadIdx.x >= 32) return;
  const unsigned threads = few ? 32 : blockDim.x;
  FoundBoxes& out = found[picture];
  int kept = 0;
  for (unsigned i = 0; i < count && kept < FoundBoxes::most; ++i) {
    // The same for all threads: what hid it was written before the last barrier.
    if ((hidden[i / 32] >> (i % 32) & 1U) != 0) continue;
    const float4 box = boxes[i];
    const std::int16_t class_id = classes[i];
    if (threadIdx.x == 0) {
      FoundBox& f = out.boxes[static_cast<std::size_t>(kept)];
      f = {box.x,
           box.y,
           box.z,
           box.w,
           from_falling(static_cast<unsigned>(sorted[i] >> 32)),
           class_id,
           static_cast<std::int16_t>(picture),
           static_cast<std::int32_t>(sorted[i] & 0xffffffffU),
           0,
           0};
    }
    ++kept;
    if (!options.suppress) continue;
    for (unsigned j = i + 1 + threadIdx.x; j < count; j += threads) {
      if (classes[j] == class_id && overlap(box, boxes[j]) > options.nms_iou) {
        atomicOr(hidden + j / 32, 1U << (j % 32));
      }
    }
    if (few) {
      __syncwarp();
    } else {
      __syncthreads();
    }
  }
  if (threadIdx.x == 0) out.count = kept;
}

__global__ void begin(DetectorOutput o, void* memory, FoundBoxes* found) {
  const unsigned picture = threadIdx.x;
  if (picture >= static_cast<unsigned>(o.pictures)) return;
  Scratch(memory, o).count[picture] = 0;
  found[picture].count = 0;
  found[picture].not_finite = 0;
}

}  // namespace

std::size_t find_boxes_scratch(const DetectorOutput& output) { return Scratch::bytes(output); }

void find_boxes(const DetectorOutput& output, const SelectOptions& options, void* scratch,
                FoundBoxes* found, cudaStream_t stream) {
  const auto pictures = static_cast<unsigned>(output.pictures);
  begin<<<1, 32, 0, stream>>>(output, scratch, found);
  check_launch("finding boxes");
  const auto anchors = static_cast<std::size_t>(output.anchors);
  if (output.head == Head::ultralytics || output.head == Head::end_to_end) {
    const unsigned threads = 64;  // few anchors, each with much to read: many small blocks
    decode_columns<<<dim3(blocks_for(anchors, threads), pictures), threads, 0, stream>>>(
        output, options.score_threshold, scratch, found);
  } else {
    decode_rows<<<dim3(blocks_for(anchors * 32, kThreads), pictures), kThreads, 0, stream>>>(
        output, options.score_threshold, scratch, found);
  }
  check_launch("finding boxes");
  select_boxes<<<pictures, kSelectThreads, 0, stream>>>(output, options, scratch, found);
  check_launch("finding boxes");
}

}  // namespace lazarillo::gpu
