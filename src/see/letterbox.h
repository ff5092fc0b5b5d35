#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "infer/model_set.h"
#include "see/area_resize.h"
#include "see/depth.h"
#include "see/detections.h"
#include "source/frame.h"

namespace lazarillo {

/// Where a frame lies in a network's input: input = frame * scale + offset, both counted from the
/// picture's edge (as Box), in pixels.
struct LetterboxMapping {
  int frame_width = 0, frame_height = 0;
  int input_width = 0, input_height = 0;
  int content_width = 0, content_height = 0;  ///< the frame as resized
  int offset_x = 0, offset_y = 0;             ///< padding before the content

  [[nodiscard]] double scale_x() const { return double(content_width) / frame_width; }
  [[nodiscard]] double scale_y() const { return double(content_height) / frame_height; }

  /// A box of the input as a box of the frame; not clipped.
  [[nodiscard]] Box to_frame(const Box& input) const;

  /// Places a grid that covers the whole input: fills all of DepthGrid but its values. The axes
  /// share the longer side's scale; rounding leaves the shorter at most half an input pixel off at
  /// its ends. Only for a mapping that keeps the aspect ratio.
  [[nodiscard]] DepthGrid grid(int width, int height) const;

  bool operator==(const LetterboxMapping&) const = default;
};

/// The mapping of a frame into the input of a network. With keep_aspect the longer side fills the
/// input and the rest is centred, to whole pixels, as in the training; else the frame is stretched.
[[nodiscard]] LetterboxMapping fit_frame(int frame_width, int frame_height, int input_width,
                                         int input_height, bool keep_aspect);

/// Turns frames into the input tensor of one network. Resizes by area average when shrinking and
/// bilinearly when enlarging, as the training's pictures were made. Allocates only when the frame
/// size changes. Not thread-safe.
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
};

}  // namespace lazarillo
