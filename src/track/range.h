#pragma once

#include <optional>

#include "see/depth.h"
#include "see/detections.h"
#include "track/object_catalog.h"
#include "track/view.h"

namespace lazarillo {

/// A depth along the optical axis and its standard deviation, as a part of it. Errors of depth are
/// relative: twice as far, twice the error.
struct Range {
  double depth_m = 0;
  double sigma_relative = 0;
  double age_s = 0;  ///< how long ago it was so; of a mixture: the mean by weight
};

/// A box's margins are mostly background: so much of its width and height, at each side, is left
/// out of its core.
inline constexpr double kMarginAcross = 0.2, kMarginDown = 0.15;

/// Depth from the depth map: the densest part of the nearer values inside the box, because the box
/// holds background too. nullopt where the map says nothing usable about the box.
[[nodiscard]] std::optional<Range> range_from_depth(const MetricDepth& depth, const Box& box);

/// The detection's own depth where it has one, else out of `map`; null: there is none of its
/// moment.
[[nodiscard]] std::optional<Range> range_of(const Detection& detection, const MetricDepth* map);

/// An object's depth out of the map, its sigma as measured objects have it: the map's own sigma is
/// a cell's, and the middle of many cells is surer. Sigmas from 0.45 are left as they are stated.
[[nodiscard]] Range calibrated(Range from_depth);

/// On which sides a picture cut a box off: it touches the border. Boxes of cut objects end a little
/// inside of it.
[[nodiscard]] CutSides cut_sides(const Box& box, const Intrinsics& intrinsics);

/// Depth from the object's known height: what stands upright, H high and at a distance d over the
/// ground, is seen under elevations whose tangents differ by H / d; a level camera has it at a
/// depth of f * H / h (pinhole projection). Only for whole objects: nullopt when it is cut off
/// (unless said, when the box touches the picture's border), its shape does not fit, or no height
/// is known. The doubt in an assumed focal length is not in this sigma: it is common to both
/// ranges.
[[nodiscard]] std::optional<Range> range_from_height(const ObjectClass& object, const Box& box,
                                                     const View& view,
                                                     const std::optional<CutSides>& cut = {});

/// Both, by inverse variance of their logarithms. When they disagree by more than two of their
/// sigmas, the sigma grows in proportion (Birge ratio; Birge, Phys. Rev. 40, 207, 1932).
[[nodiscard]] std::optional<Range> fuse(const std::optional<Range>& a,
                                        const std::optional<Range>& b);

/// An object's range from both, fused. What hides part of an object makes it look smaller, never
/// larger: where its height says farther than a depth that is well known does, beyond doubt, the
/// height is left out.
[[nodiscard]] std::optional<Range> object_range(const std::optional<Range>& from_depth,
                                                const std::optional<Range>& from_height);

}  // namespace lazarillo
