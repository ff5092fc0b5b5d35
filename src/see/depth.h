#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "source/frame.h"

namespace lazarillo {

/// A grid of values over a frame (of one with a lens: over its straight picture), row-major, and
/// where its cells lie in the frame: the centre of cell (column, row) is frame pixel ((column -
/// offset_x) / scale, (row - offset_y) / scale), counted from pixel centres as in Intrinsics. Cells
/// may lie outside the frame, on the network's padding.
struct DepthGrid {
  int width = 0;
  int height = 0;
  double scale = 1;
  double offset_x = 0;
  double offset_y = 0;
  std::vector<float> values;
};

/// Distance along the optical axis, METRES of the camera that took the frame.
struct MetricDepth {
  FrameStamp stamp;
  DepthGrid depth_m;
  /// Relative standard deviation of each cell (sigma in metres = sigma_relative * depth); empty
  /// when the network states none.
  std::vector<float> sigma_relative;
};

/// INVERSE depth up to an unknown scale and shift: larger is nearer. Has no unit, is never compared
/// with metres and never becomes a distance; it is for showing.
struct RelativeDepth {
  FrameStamp stamp;
  DepthGrid inverse;
};

/// Shared because depth lives longer than its frame: it is read until the next one comes.
using Depth = std::variant<std::monostate, std::shared_ptr<const MetricDepth>,
                           std::shared_ptr<const RelativeDepth>>;

/// The map in metres; null where there is none. Lives as long as `depth` does.
[[nodiscard]] inline const MetricDepth* metric_map(const Depth& depth) {
  const auto* metric = std::get_if<std::shared_ptr<const MetricDepth>>(&depth);
  return metric == nullptr ? nullptr : metric->get();
}

}  // namespace lazarillo
