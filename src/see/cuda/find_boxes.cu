#include <climits>
#include <string>

#include "error.h"
#include "see/cuda/candidates.cuh"

namespace lazarillo::gpu {
namespace {

constexpr int kParts = 8;  // threads that share an anchor's scores
constexpr int kThreads = kSegment * kParts;

/// A matrix of a network's output: from anchor to anchor and from row to row so many values.
template <typename T>
struct Matrix {
  const T* first;
  std::size_t picture, anchor, row;
  __device__ float at(int p, int a, int r) const {
    return static_cast<float>(
        first[static_cast<std::size_t>(p) * picture + static_cast<std::size_t>(a) * anchor +
              static_cast<std::size_t>(r) * row]);
  }
};

/// How a head's outputs are read.
template <typename T>
struct Layout {
  Head head;
  Matrix<T> boxes, scores;
  int rows;  ///< of scores; of end_to_end: the score and the class
  int classes;
  float unit_x, unit_y;
  bool side_by_side;  ///< anchors lie side by side, not an anchor's values

  explicit Layout(const DetectorOutput& o)
      : head(o.head), rows(o.classes), classes(o.classes), unit_x(o.unit_x), unit_y(o.unit_y) {
    const auto n = static_cast<std::size_t>(o.anchors);
    const auto c = static_cast<std::size_t>(o.classes);
    const auto* values = static_cast<const T*>(o.boxes);
    side_by_side = head == Head::ultralytics;
    switch (head) {
      case Head::ultralytics:
        boxes = {values, (4 + c) * n, 1, n};
        scores = {values + 4 * n, (4 + c) * n, 1, n};
        break;
      case Head::ultralytics_transposed:
        boxes = {values, (4 + c) * n, 4 + c, 1};
        scores = {values + 4, (4 + c) * n, 4 + c, 1};
        break;
      case Head::end_to_end:
        boxes = {values, 6 * n, 6, 1};
        scores = {values + 4, 6 * n, 6, 1};
        rows = 2;
        break;
      default:
        boxes = {values, 4 * n, 4, 1};
        scores = {static_cast<const T*>(o.scores), c * n, c, 1};
    }
  }

  __device__ float4 box(float a, float b, float c, float d) const {
    if (head == Head::joint) return make_float4(a, b, c, d);
    if (head == Head::end_to_end) {
      return make_float4(a * unit_x, b * unit_y, c * unit_x, d * unit_y);
    }
    return make_float4((a - c / 2) * unit_x, (b - d / 2) * unit_y, (a + c / 2) * unit_x,
                       (b + d / 2) * unit_y);
  }
};

struct Best {
  float score;
  int class_id;
  /// Of equal scores the lowest class.
  __device__ void take(const Best& other) {
    if (other.score > score || (other.score == score && other.class_id < class_id)) *this = other;
  }
};

template <typename T>
__global__ void __launch_bounds__(kThreads)
    decode_kernel(const Layout<T> layout, float threshold, const Scratch scratch) {
  __shared__ float box[4][kSegment];
  __shared__ float score_of[kParts][kSegment + 1];  // + 1: other banks
  __shared__ int class_of[kParts][kSegment + 1];
  const auto thread = static_cast<int>(threadIdx.x);
  const auto segment = static_cast<int>(blockIdx.x);
  const auto picture = static_cast<int>(blockIdx.y);
  // Neighbouring threads read what lies side by side.
  const int slot = layout.side_by_side ? thread % kSegment : thread / kParts;
  const int part = layout.side_by_side ? thread / kSegment : thread % kParts;
  const int its_anchor = segment * kSegment + slot;
  bool finite = true;
  Best best{-INFINITY, INT_MAX};
  if (its_anchor < scratch.anchors) {
    if (part < 4) {
      const float edge = layout.boxes.at(picture, its_anchor, part);
      finite = isfinite(edge);
      box[part][slot] = edge;
    }
#pragma unroll 8
    for (int row = part; row < layout.rows; row += kParts) {
      const float score = layout.scores.at(picture, its_anchor, row);
      finite = finite && isfinite(score);
      if (score > best.score) best = {score, row};
    }
  }
  score_of[part][slot] = best.score;
  class_of[part][slot] = best.class_id;
  const bool not_finite = __syncthreads_or(finite ? 0 : 1) != 0;

  if (thread >= kSegment) return;
  const int anchor = segment * kSegment + thread;
  bool candidate = false;
  if (anchor < scratch.anchors && !not_finite) {
    if (layout.head == Head::end_to_end) {
      best.score = score_of[0][thread];
      const float class_id = roundf(layout.scores.at(picture, anchor, 1));
      candidate = class_id >= 0 && class_id < static_cast<float>(layout.classes);
      best.class_id = candidate ? static_cast<int>(class_id) : 0;
    } else {
      best = {score_of[0][thread], class_of[0][thread]};
      for (int i = 1; i < kParts; ++i) best.take({score_of[i][thread], class_of[i][thread]});
      // In double and rounded, as the C library's expf() is nearly always.
      if (layout.head == Head::detr) {
        best.score = 1 / (1 + static_cast<float>(exp(-static_cast<double>(best.score))));
      }
      candidate = true;
    }
    candidate = candidate && best.score >= threshold;
  }
  const unsigned candidates = __ballot_sync(0xffffffffU, candidate);
  if (candidate) {
    const int rank = __popc(candidates & ((1U << thread) - 1));
    scratch.keys[scratch.slot(picture, segment * kSegment + rank)] =
        static_cast<Key>(falling(best.score)) << 32 | static_cast<unsigned>(anchor);
    scratch.boxes[scratch.slot(picture, anchor)] =
        layout.box(box[0][thread], box[1][thread], box[2][thread], box[3][thread]);
    scratch.classes[scratch.slot(picture, anchor)] = static_cast<std::int16_t>(best.class_id);
  }
  if (thread == 0) {
    scratch.segments[scratch.segment(picture, segment)] =
        static_cast<unsigned>(__popc(candidates)) | (not_finite ? Scratch::kNotFinite : 0);
  }
}

template <typename T>
void decode(const DetectorOutput& output, float threshold, const Scratch& scratch,
            cudaStream_t stream) {
  const dim3 blocks(static_cast<unsigned>(scratch.count), static_cast<unsigned>(output.pictures));
  decode_kernel<T><<<blocks, kThreads, 0, stream>>>(Layout<T>(output), threshold, scratch);
  check_launch("finding boxes");
}

}  // namespace

std::size_t find_boxes_scratch(const DetectorOutput& output) { return Scratch::bytes(output); }

void find_boxes(const DetectorOutput& output, const SelectOptions& options, void* memory,
                FoundBoxes* found, cudaStream_t stream) {
  const Scratch scratch(memory, output);
  if (scratch.count > kMostSegments) {
    throw Error(ExitCode::vision, "a detector with " + std::to_string(output.anchors) +
                                      " anchors: the GPU takes " +
                                      std::to_string(kMostSegments * kSegment));
  }
  if (output.number == Number::f16) {
    decode<__half>(output, options.score_threshold, scratch, stream);
  } else {
    decode<float>(output, options.score_threshold, scratch, stream);
  }
  select_boxes(scratch, output.pictures, options, found, stream);
}

}  // namespace lazarillo::gpu
