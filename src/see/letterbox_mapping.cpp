#include "see/letterbox_mapping.h"

#include <algorithm>
#include <cmath>

namespace lazarillo {

Box LetterboxMapping::to_frame(const Box& input) const {
  const auto x = [this](float v) { return static_cast<float>((v - offset_x) / scale_x()); };
  const auto y = [this](float v) { return static_cast<float>((v - offset_y) / scale_y()); };
  return {x(input.x1), y(input.y1), x(input.x2), y(input.y2)};
}

DepthGrid LetterboxMapping::grid(int width, int height) const {
  DepthGrid grid;
  grid.width = width;
  grid.height = height;
  const double cells = double(width) / input_width;  // per input pixel
  grid.scale = cells * (frame_width >= frame_height ? scale_x() : scale_y());
  // The middle of the frame is the middle of the content; -0.5 turns edges into pixel centres.
  grid.offset_x =
      (offset_x + content_width / 2.0) * cells - 0.5 - grid.scale * (frame_width / 2.0 - 0.5);
  grid.offset_y =
      (offset_y + content_height / 2.0) * cells - 0.5 - grid.scale * (frame_height / 2.0 - 0.5);
  return grid;
}

LetterboxMapping fit_frame(int frame_width, int frame_height, int input_width, int input_height,
                           bool keep_aspect) {
  LetterboxMapping m{frame_width, frame_height, input_width, input_height,
                     input_width, input_height, 0,           0};
  if (!keep_aspect) return m;
  const double scale =
      std::min(double(input_width) / frame_width, double(input_height) / frame_height);
  const auto resized = [scale](int length, int most) {
    return std::clamp(static_cast<int>(std::nearbyint(length * scale)), 1, most);
  };
  m.content_width = resized(frame_width, input_width);
  m.content_height = resized(frame_height, input_height);
  m.offset_x = (input_width - m.content_width) / 2;
  m.offset_y = (input_height - m.content_height) / 2;
  return m;
}

LetterboxMapping fit_frame(const Frame& frame, int input_width, int input_height,
                           bool keep_aspect) {
  const Intrinsics& straight = frame.intrinsics;
  return frame.lens
             ? fit_frame(straight.width, straight.height, input_width, input_height, keep_aspect)
             : fit_frame(frame.width, frame.height, input_width, input_height, keep_aspect);
}

}  // namespace lazarillo
