#pragma once

#include "see/depth.h"
#include "see/detections.h"

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
/// Of the picture that the frame's boxes are counted in: of a frame with a lens the straight one.
[[nodiscard]] LetterboxMapping fit_frame(const Frame& frame, int input_width, int input_height,
                                         bool keep_aspect);

}  // namespace lazarillo
