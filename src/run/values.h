#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "guide/command.h"
#include "see/perception.h"
#include "source/frame.h"

// The values that travel between stages, where they are not another folder's own.

namespace lazarillo {

/// What the seeing stage made of one frame.
struct Seen {
  enum class Outcome : std::uint8_t {
    seen,     ///< the detector ran (a fault included)
    skipped,  ///< nothing had changed that a prediction does not cover
    late,     ///< older than the deadline when its turn came: not looked at
  };
  Frame frame;
  Outcome outcome = Outcome::seen;
  Sighting sighting;               ///< of an outcome `seen`
  std::vector<Sighting> beside{};  ///< of the pictures in frame.set, in their order
};

/// Seeing has stopped or goes on again, known from outside (a process died, a camera is gone).
struct VisionBreak {
  bool broken = false;
};

/// Everything the guide stage takes. The frame itself comes first, then what was seen in it.
using GuideInput = std::variant<Frame, Seen, DepthSighting, VisionBreak, Command>;

/// How far ahead the tracks may be trusted without a detection.
struct Foresight {
  std::uint64_t sequence = 0;       ///< of the newest frame decided on
  std::int64_t holds_until_ns = 0;  ///< stream time; 0: look at the next frame
  /// A track: change there is what was foreseen.
  struct Object {
    Box box;  ///< of the picture; of several cameras in their common view (track/view.h)
    float distance_m = 0;  ///< there over the ground; 0: not known
  };
  std::vector<Object> objects;
};

}  // namespace lazarillo
