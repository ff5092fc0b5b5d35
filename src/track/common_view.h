#pragma once

#include <optional>
#include <span>
#include <utility>

#include "see/depth.h"
#include "see/detections.h"
#include "source/camera_turn.h"
#include "source/intrinsics.h"
#include "source/rig.h"
#include "track/object_catalog.h"
#include "track/view.h"

// Several cameras as one view: what each found, brought onto the cylinder around the walker
// (track/view.h), each object once. Pure; safe to call from several threads.

namespace lazarillo {

/// What one camera of a rig saw at a moment.
struct CameraLook {
  const CameraPlace& place;
  const Intrinsics& intrinsics;  ///< of the picture its boxes are counted in
  const Detections& detections;
  /// Counts where it is of the very picture; an older map is not looked at.
  const Depth& depth;
  std::optional<CameraTurn> turned{};  ///< Frame::turned
};

/// The detections of all looks in `view`, the best score first, each object once; the stamp is that
/// of the first look, and pictures of another moment are turned to it, where both say how they were
/// turned. Detection::depth is the distance over the ground from the walker's frame by the camera's
/// depth map, where there is one.
///
/// A box's place needs its distance, because cameras are apart: the depth map's and the known
/// height's (object_range), else kUnknownDistance_m.
///
/// Boxes of two cameras are one object when they are of one kind of object; overlap (IoU of 0.3)
/// where both cameras look, give or take what the doubt in their distances moves them; and their
/// distances do not differ by more than three sigmas (where they overlap by 0.5: by a factor of 2).
/// One box is joined with one of each other camera (least total cost). The box that its picture
/// cuts off on the fewest sides stays, of equals that which is nearer to the middle of its picture;
/// sides cut off there come from the other. Its score is the better of the two, its name that of
/// the better, and its distance both by their doubt.
[[nodiscard]] Detections joined(std::span<const CameraLook> looks, const ObjectCatalog& catalog,
                                const View& view);

/// Bearings of the left and the right edge of a camera's picture, degrees in the walker's frame.
[[nodiscard]] std::pair<double, double> field_deg(const CameraPlace& place,
                                                  const Intrinsics& camera);

/// Halfway between 2 m and infinity, as parallax goes.
inline constexpr double kUnknownDistance_m = 4;

/// Where a box of `view`, so far away over the ground, is in a camera's straight picture, cut at
/// its edges; without width or height where it is not in it.
[[nodiscard]] Box box_in_picture(const Box& around, std::optional<double> distance_m,
                                 const View& view, const CameraPlace& place,
                                 const Intrinsics& camera);

}  // namespace lazarillo
