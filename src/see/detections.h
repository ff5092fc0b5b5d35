#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/frame.h"

namespace lazarillo {

/// Axis-aligned box in pixels of the frame it was found in (of the picture of Frame::intrinsics:
/// the straight one where there is a lens); x1 <= x2, y1 <= y2. Edges count from the frame's own
/// edge, as detectors are trained: the whole frame is 0, 0, width, height. (That is half a pixel
/// off Intrinsics, which count from pixel centres: less than any detector's error.)
struct Box {
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  [[nodiscard]] float width() const { return x2 - x1; }
  [[nodiscard]] float height() const { return y2 - y1; }
  [[nodiscard]] float area() const { return width() * height(); }
  [[nodiscard]] float centre_x() const { return (x1 + x2) / 2; }
  [[nodiscard]] float centre_y() const { return (y1 + y2) / 2; }
};

/// Intersection over union, 0..1; 0 for empty boxes.
[[nodiscard]] float iou(const Box& a, const Box& b);

/// The part of the box inside a frame of this size.
[[nodiscard]] Box clipped(const Box& box, int frame_width, int frame_height);

using Labels = std::shared_ptr<const std::vector<std::string>>;

/// What a depth map says of a box, where whoever made the map said it at once (on a GPU): metres
/// along the optical axis, and the standard deviation as a part of them.
struct BoxDepth {
  float depth_m = 0;
  float sigma_relative = 0;
};

/// On which sides a picture ends before the object does.
struct CutSides {
  bool left = false, top = false, right = false, bottom = false;
  [[nodiscard]] int count() const { return int{left} + int{top} + int{right} + int{bottom}; }
};

struct Detection {
  Box box;
  float score = 0;   ///< 0..1
  int class_id = 0;  ///< index into Detections::labels
  std::optional<BoxDepth> depth{};
  /// Only in a view of several cameras (track/common_view.h): where the picture it was found in cut
  /// it off, and which camera's that was.
  std::optional<CutSides> cut{};
  int camera = -1;
};

/// What the detector found in one frame, best score first. Immutable once published.
struct Detections {
  FrameStamp stamp;
  std::vector<Detection> items;
  Labels labels;  ///< the network's own class names, never null
  [[nodiscard]] const std::string& label(const Detection& d) const {
    return labels->at(static_cast<std::size_t>(d.class_id));
  }
};

}  // namespace lazarillo
