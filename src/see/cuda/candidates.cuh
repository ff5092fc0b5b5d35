#pragma once

#include "see/cuda/device_code.cuh"

// What decoding and selecting boxes share. Blocks that look at 32 anchors each write down which are
// candidates; then a block for each picture sorts and suppresses them. Nothing is counted in global
// memory, so that nothing has to be cleared before, and everything has its place whatever block
// runs first.

namespace lazarillo::gpu {

/// Of a candidate: the smaller, the better. Score, then anchor.
using Key = unsigned long long;

constexpr int kSegment = 32;         ///< anchors that a block decodes: in the end a lane each
constexpr int kMostSegments = 4096;  ///< of a picture

/// What the kernels tell each other; of each picture, one after the other.
struct Scratch {
  float4* boxes;          ///< by anchor; of candidates only
  Key* keys;              ///< kSegment a segment, those of its candidates first
  unsigned* segments;     ///< candidates of each; kNotFinite besides
  std::int16_t* classes;  ///< by anchor
  int anchors, count;     ///< of segments

  static constexpr unsigned kNotFinite = 0x80000000U;

  static int segments_of(const DetectorOutput& o) { return (o.anchors + kSegment - 1) / kSegment; }
  static std::size_t bytes(const DetectorOutput& o) {
    return static_cast<std::size_t>(o.pictures) * static_cast<std::size_t>(segments_of(o)) *
           (sizeof(unsigned) + kSegment * (sizeof(float4) + sizeof(Key) + sizeof(std::int16_t)));
  }
  Scratch(void* memory, const DetectorOutput& o) : anchors(o.anchors), count(segments_of(o)) {
    const std::size_t all = static_cast<std::size_t>(o.pictures) * static_cast<std::size_t>(count);
    boxes = static_cast<float4*>(memory);
    keys = reinterpret_cast<Key*>(boxes + all * kSegment);
    segments = reinterpret_cast<unsigned*>(keys + all * kSegment);
    classes = reinterpret_cast<std::int16_t*>(segments + all);
  }
  __device__ std::size_t segment(int picture, int at) const {
    return static_cast<std::size_t>(picture) * static_cast<std::size_t>(count) +
           static_cast<std::size_t>(at);
  }
  __device__ std::size_t slot(int picture, int at) const {
    return segment(picture, 0) * kSegment + static_cast<std::size_t>(at);
  }
};

/// Larger floats give smaller numbers; -0 is 0.
__device__ inline unsigned falling(float value) {
  const unsigned bits = __float_as_uint(value == 0 ? 0.0F : value);
  return ~((bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U);
}
__device__ inline float from_falling(unsigned key) {
  const unsigned bits = ~key;
  return __uint_as_float((bits & 0x80000000U) != 0 ? bits & 0x7fffffffU : ~bits);
}

/// The best candidates of each picture in order, suppressed.
void select_boxes(const Scratch& scratch, int pictures, const SelectOptions& options,
                  FoundBoxes* found, cudaStream_t stream);

}  // namespace lazarillo::gpu
