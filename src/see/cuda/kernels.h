#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "see/letterbox.h"
#include "see/map_sample.h"

// What is done on the GPU around the networks. Private to see/: no CUDA type stands in a public
// header. Every function queues its work on `stream`, allocates nothing, waits for nothing and can
// be captured into a CUDA graph: what changes from frame to frame lies in device memory. Each has a
// twin on the CPU, named beside it, which it is tested against. Throw Error(vision) when CUDA
// refuses.

namespace lazarillo::gpu {

/// The pictures of one call, in device memory. Filled on the host and copied at the beginning of a
/// frame, so that a captured graph sees other pictures each time.
struct Picture {
  enum class Format : std::uint8_t { bgr8, gray8, nv12 };
  const std::uint8_t* pixels = nullptr;  ///< BGR, grey, or NV12's luma plane
  const std::uint8_t* chroma = nullptr;  ///< NV12: Cb, Cr side by side, half as wide and high
  int pitch = 0, chroma_pitch = 0;       ///< bytes from row to row
  int width = 0, height = 0;
  Format format = Format::bgr8;
  bool bt709 = false;       ///< NV12: ITU-R BT.709 instead of BT.601
  bool full_range = false;  ///< NV12: levels 0..255 instead of 16..235 and 16..240
};

struct PictureBatch {
  static constexpr int most = 8;
  std::array<Picture, most> pictures;
  /// Where each lies in the network's input (fit_frame).
  std::array<LetterboxMapping, most> mappings;
  /// Of a picture that a lens bends: RectifyMap::corners for this input, in device memory, from an
  /// address that is a multiple of 8. Others: null.
  std::array<const float*, most> corners{};
  int count = 0;  ///< pictures used; the rest of the tensor is left as it is
};

enum class Number : std::uint8_t { f32, f16 };

/// A network's input: planar, count x 3 x height x width.
struct InputTensor {
  void* values = nullptr;
  Number number = Number::f32;
  int width = 0, height = 0;
  bool rgb = true;              ///< order of the planes; false: BGR
  std::array<float, 3> gain{};  ///< value = level * gain + offset, planes in tensor order
  std::array<float, 3> offset{};
  float pad_level = 114;
};

/// Letterbox::fill for every picture of the batch. Averages are exact to 2^-13 of a level before
/// they are rounded: the processor's levels, but where an average lies half way between two
/// (enlarging: to a level more or less, at times). NV12 is averaged first, chroma being that of the
/// nearest sample, and then converted; the processor gets BGR that was converted before, whose
/// pixels were clamped: levels differ where many of a pixel's colours are none that BGR can hold.
/// `most_pictures`: those beyond are not looked at. One pass: nothing in between. Pictures and
/// pitches may begin anywhere. Whole words are read: the last row's memory goes on to a multiple of
/// 4 bytes, as every allocation of CUDA's does. A side of a picture times one of the tensor must be
/// below 2^31, a side of a picture below 2^24, one of the tensor below 2^15.
void letterbox(const PictureBatch* batch, int most_pictures, const InputTensor& tensor,
               cudaStream_t stream);

/// The contents of the pictures that a lens bends, which letterbox() only pads: straightened,
/// resized and converted in one pass, to the levels of rectify_row(). Does nothing for others: need
/// not be queued where there is no lens.
void rectify(const PictureBatch* batch, int most_pictures, const InputTensor& tensor,
             cudaStream_t stream);

/// A box found, as Candidate, and what the depth map says of it.
struct FoundBox {
  float x1, y1, x2, y2;  ///< pixels of the network's input, not clipped
  float score;
  std::int16_t class_id;
  std::int16_t picture;  ///< in the batch
  std::int32_t anchor;
  float depth;        ///< in the unit of the depth map; 0 where it says nothing
  float depth_sigma;  ///< relative
};

/// What goes back to the host after a frame: all but the boxes after the first in one copy, and
/// those, where a picture shows so many, in another.
struct FoundBoxes {
  static constexpr int most = 200;  ///< of one picture, the best
  static constexpr int first = 64;
  std::int32_t count = 0;
  std::int32_t not_finite = 0;  ///< 1: a value of the detector's is NaN or infinite; count is 0
  std::int32_t depth_not_finite = 0;  ///< 1: a value of the depth map is
  std::array<FoundBox, most> boxes;
};
static_assert(sizeof(FoundBoxes) <= 8192);

enum class Head : std::uint8_t { joint, ultralytics, ultralytics_transposed, end_to_end, detr };

/// A detector's outputs in device memory, of `pictures` pictures one after the other.
struct DetectorOutput {
  Head head = Head::joint;
  Number number = Number::f32;
  const void* boxes = nullptr;   ///< joint, detr: boxes; others: the one output
  const void* scores = nullptr;  ///< joint: scores; detr: logits
  int anchors = 0;
  int classes = 0;
  int pictures = 1;
  float unit_x = 1, unit_y = 1;  ///< see decode.h
};

struct SelectOptions {
  float score_threshold = 0.1F;
  float nms_iou = 0.5F;
  bool suppress = true;  ///< false: end_to_end, detr
};

/// Bytes of scratch memory that find_boxes() needs.
[[nodiscard]] std::size_t find_boxes_scratch(const DetectorOutput& output);

/// Decoding (decode_joint and its siblings) and suppress() or keep_best(), for each picture:
/// found[picture]. Candidates: the best 3000 as NmsLimits, kept: FoundBoxes::most. Deterministic:
/// equal scores by anchor. Sets depth to 0. Sets not_finite. A class out of range (end_to_end)
/// drops the box.
void find_boxes(const DetectorOutput& output, const SelectOptions& options, void* scratch,
                FoundBoxes* found, cudaStream_t stream);

/// A depth map of each picture in device memory, over the whole input of the depth network.
struct DepthOutput {
  const void* depth = nullptr;  ///< metres as the network gives them
  const void* sigma = nullptr;  ///< relative; may be null
  Number number = Number::f32;
  int width = 0, height = 0;
};

/// range_from_depth() for every box of every picture: fills depth and depth_sigma. `boxes` are in
/// input pixels of the detector, `detector` and `depth_input` say where both inputs have the frame,
/// so that the map may come from another network than the box. `scale` of metres stays the host's
/// matter. Sets found[picture].depth_not_finite when a value of the map is not finite.
void measure_boxes(const PictureBatch* detector, const PictureBatch* depth_input, int pictures,
                   const DepthOutput& output, FoundBoxes* found, cudaStream_t stream);

/// Where the sampled cells of the pictures' maps lie: `most_cells` places for the first picture's
/// depth, FP16, row by row, then for the next one's; behind all of them the same of sigma, in
/// levels of 1/200. Three bytes a cell.
struct SampledMaps {
  void* memory = nullptr;
  int pictures = 0;
  int most_cells = 0;

  [[nodiscard]] constexpr std::size_t places() const {
    return static_cast<std::size_t>(pictures) * static_cast<std::size_t>(most_cells);
  }
  [[nodiscard]] constexpr std::size_t bytes() const {
    return places() * (sizeof(__half) + sizeof(std::uint8_t));
  }
  [[nodiscard]] constexpr __half* depth() const { return static_cast<__half*>(memory); }
  [[nodiscard]] constexpr std::uint8_t* sigma() const {
    return static_cast<std::uint8_t*>(memory) + places() * sizeof(__half);
  }
  /// What is above 1.27 becomes that: nothing is known of such a cell.
  [[nodiscard]] static constexpr std::uint8_t sigma_level(float sigma) {
    const float level = sigma * 200 + 0.5F;
    return static_cast<std::uint8_t>(level < 0 ? 0.0F : level > 255 ? 255.0F : level);
  }
  [[nodiscard]] static constexpr float sigma_of(std::uint8_t level) {
    return static_cast<float>(level) / 200;
  }
};

/// Of every picture the sampled cells of its map, depth as the network gives it, sigma where the
/// output has one. Cells beyond `to.most_cells` are left out, places beyond the cells as they are.
/// Twin: MapSample::grid() says which cells of the whole map they are.
void sample_maps(const MapSample* samples, const DepthOutput& output, const SampledMaps& to,
                 cudaStream_t stream);

}  // namespace lazarillo::gpu
