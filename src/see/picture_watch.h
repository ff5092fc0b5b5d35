#pragma once

#include <map>

#include "see/motion.h"
#include "source/frame.h"

namespace lazarillo {

/// From when on a picture shows nothing. Levels 0..255 of the picture reduced to 160 x 120; of 240
/// pictures of rooms (NYU and 7-Scenes) the darkest has a mean plus two spreads of 77, the evenest
/// a spread of 22 and a detail of 2.3.
struct PictureRules {
  double dark = 30;    ///< mean plus twice the spread up to which it is dark
  double spread = 12;  ///< blocked: below this, and
  double detail = 2;   ///< below this; sensor noise of 6 levels alone makes 1.4
  /// Mean less the spread from which on it is too bright; of 597 pictures (VOC, doors, NYU,
  /// 7-Scenes) one, a door cut out on white, has 226, the next 166.
  double bright = 230;
  /// Softness from which on it is blurred: of the 597 one is, at 0.944 and visibly soft; of the
  /// same blurred by 2 % of their width (Gaussian, standard deviation) 97 %, by 1 % 30 %.
  double softness = 0.93;
};

[[nodiscard]] PictureState state_of(const Motion& since_last, const PictureRules& rules);

/// Looks at every picture of every camera before anything else does: how the camera turned since
/// the one before, by how the whole picture moved (see/motion.h), and whether it shows anything.
///
/// The turn is that of a camera that only turns: when it moves to the side, what is near moves as
/// if it turned (by 1 degree a second for a head that looks 5 degrees aside while walking, where
/// most is 5 m away). Across a scene change it is not known. Behind a lens it is right near the
/// axis, and as far off as the lens's picture is larger or smaller elsewhere: by up to a fifth.
///
/// Not thread-safe. Throws as MotionMeter does.
class PictureWatch {
 public:
  explicit PictureWatch(const PictureRules& rules = {}) : rules_(rules) {}

  /// Fills Frame::state, and Frame::turned where the source has not. In stream order.
  void look(Frame& frame);

 private:
  PictureRules rules_;
  struct Watched {
    MotionMeter meter;
    CameraTurn turned;
  };
  std::map<int, Watched> cameras_;
};

}  // namespace lazarillo
