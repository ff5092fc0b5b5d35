#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "infer/model_set.h"
#include "see/area_resize.h"
#include "see/letterbox_mapping.h"
#include "see/rectify.h"
#include "source/frame.h"

namespace lazarillo {

/// Turns frames into the input tensor of one network. Resizes by area average when shrinking and
/// bilinearly when enlarging, as the training's pictures were made; straightens what a lens bends
/// (rectify_row). Allocates only when the frame size changes or a lens is new. Not thread-safe.
class Letterbox {
 public:
  explicit Letterbox(const NetworkManifest& network);

  /// Fills `tensor` (3 * input_height * input_width values, in the network's layout). The frame
  /// must have pixels.
  LetterboxMapping fill(const Frame& frame, std::span<float> tensor);

 private:
  void pad(const LetterboxMapping& mapping, std::span<float> tensor) const;
  void shrink(const Frame& frame, const LetterboxMapping& mapping, std::span<float> tensor);
  void enlarge(const Frame& frame, const LetterboxMapping& mapping, std::span<float> tensor);
  void straighten(const Frame& frame, const LetterboxMapping& mapping, std::span<float> tensor);
  /// Writes row y of the content: a run of levels for each channel of the frame.
  void write_levels(const float* levels, int channels, const LetterboxMapping& mapping, int y,
                    std::span<float> tensor) const;
  /// Writes a picture that has the size of the content.
  void write(const std::uint8_t* pixels, std::ptrdiff_t stride, int channels,
             const LetterboxMapping& mapping, std::span<float> tensor) const;
  [[nodiscard]] float* value_at(std::span<float> tensor, std::size_t channel, int x, int y) const;
  [[nodiscard]] int source_channel(std::size_t channel, int channels) const;

  // Channels are the network's, in its order.
  int input_width_;
  int input_height_;
  std::ptrdiff_t step_;  ///< from pixel to pixel of one channel: 1 if the tensor is planar, or 3
  bool rgb_;
  bool keep_aspect_;
  std::size_t pad_level_;
  std::array<std::array<float, 256>, 3> value_;  ///< normalised value of a level
  std::array<float, 3> gain_, offset_;           ///< the same as level * gain + offset
  std::vector<std::uint8_t> enlarged_;
  AreaResizer area_;
  PerLens<RectifyMap> maps_;
  std::vector<float> levels_;  ///< a straightened row
};

}  // namespace lazarillo
