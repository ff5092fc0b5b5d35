#pragma once

#include <optional>

#include "see/depth.h"
#include "see/detections.h"
#include "track/object_catalog.h"

namespace lazarillo {

/// A measured distance and its standard deviation, metres.
struct Range {
  double distance_m = 0;
  double sigma_m = 0;
};

/// Distance from the depth map: a robust nearness inside the box, which holds background too.
/// nullopt where the map says nothing usable about the box.
[[nodiscard]] std::optional<Range> range_from_depth(const MetricDepth& depth, const Box& box);

/// Distance from the object's known height: f * H / h (pinhole). Only for whole objects: nullopt
/// when the box touches the frame's border, its shape does not fit, or the height is not known.
[[nodiscard]] std::optional<Range> range_from_height(const ObjectClass& object, const Box& box,
                                                     const Intrinsics& intrinsics);

/// Both, by inverse variance; when they disagree by more than their sigmas allow, the sigma grows to
/// cover both.
[[nodiscard]] std::optional<Range> fuse(const std::optional<Range>& a,
                                        const std::optional<Range>& b);

}  // namespace lazarillo
