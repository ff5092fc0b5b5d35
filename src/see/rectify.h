#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "see/letterbox_mapping.h"
#include "source/frame.h"
#include "source/lens.h"

// Straightening what a fisheye lens bends: pictures for the networks and for people, and boxes
// back.

namespace lazarillo {

/// Where a network's input lies in the picture of a lens. Computed once for a camera and an input.
struct RectifyMap {
  LetterboxMapping mapping;  ///< of the straight picture (Frame::intrinsics) into the input
  /// x, y of each corner of the content's pixels, row by row: content_height + 1 rows of
  /// content_width + 1 corners, in pixels of the lens's picture, from the centre of its top left
  /// one. NaN where the lens does not reach.
  std::vector<float> corners;
};

/// The map of a frame that has a lens. A ray of the pinhole camera `frame.intrinsics` goes through
/// each corner (OpenCV, fisheye::initUndistortRectifyMap, without rotation).
[[nodiscard]] RectifyMap rectify_map(const Frame& frame, const LetterboxMapping& mapping);

/// Samples of one pixel at most, along each side of it.
inline constexpr int kMostRectifySamples = 16;
/// Pixels between two samples at most. At 1 every pixel would count the same; at 1.1 they differ by
/// 5 percent either way, and a picture to be halved does not take nine samples for being a hair
/// larger.
inline constexpr float kMostRectifySpacing = 1.1F;

/// Row y of the content: as many runs of content_width levels as the frame has channels, in their
/// order; whole levels, of a half the upper.
///
/// A pixel of the straight picture is a quadrilateral in the bent one, in which n x m samples are
/// spread evenly, each bilinear: as many as its longest sides across and down need. So no pixel of
/// the frame is left out where the picture shrinks, and a thin pole not lost (beyond 16 samples a
/// side they are farther apart); where it does not, one is enough. Rectifying shrinks the middle
/// and enlarges the sides: how far is decided pixel by pixel. Samples outside the frame have the
/// level `pad`. The same levels on every processor.
void rectify_row(const Frame& frame, const RectifyMap& map, float pad, int y, float* levels);

/// The box in the frame's own pixels around a box of the straight picture; itself where there is no
/// lens. Clipped to the frame; empty where the lens does not reach.
[[nodiscard]] Box in_own_pixels(const Frame& frame, const Box& box);

/// What is computed once for a camera with a lens and kept: of the 16 used last.
template <typename Value>
class PerLens {
 public:
  /// `make` gives the value for a camera not known yet. Valid until the next call.
  template <typename Make>
  const Value& of(const Frame& frame, const Make& make) {
    const auto found = std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
      return known.lens == frame.lens && known.straight == frame.intrinsics;
    });
    if (found != known_.end()) {
      std::rotate(found, found + 1, known_.end());
    } else {
      if (known_.size() == kMost) known_.erase(known_.begin());
      known_.push_back({frame.lens, frame.intrinsics, make()});
    }
    return known_.back().value;
  }

 private:
  static constexpr std::size_t kMost = 16;
  struct Known {
    std::shared_ptr<const Lens> lens;
    Intrinsics straight;
    Value value;
  };
  std::vector<Known> known_;
};

/// The straight picture of a frame in host memory, of the size of its intrinsics, to be shown:
/// itself when it has no lens. `maps` keeps what is computed once. Throws Error(vision) where a
/// frame has no pixels.
[[nodiscard]] Frame rectified(const Frame& frame, PerLens<RectifyMap>& maps);

}  // namespace lazarillo
