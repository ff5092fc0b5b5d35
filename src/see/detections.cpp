#include "see/detections.h"

#include <algorithm>

namespace lazarillo {

float iou(const Box& a, const Box& b) {
  const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (!(width > 0) || !(height > 0)) return 0;
  const float common = width * height;
  return common / (a.area() + b.area() - common);
}

Box clipped(const Box& box, int frame_width, int frame_height) {
  const auto w = static_cast<float>(frame_width);
  const auto h = static_cast<float>(frame_height);
  return {std::clamp(box.x1, 0.0F, w), std::clamp(box.y1, 0.0F, h), std::clamp(box.x2, 0.0F, w),
          std::clamp(box.y2, 0.0F, h)};
}

}  // namespace lazarillo
