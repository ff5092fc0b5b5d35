#pragma once

#include <cstdint>
#include <memory>

#include "run/foresight_board.h"
#include "source/frame.h"

namespace lazarillo {

struct GateOptions {
  bool enabled = false;
  double changed = 0.02;   ///< part of the picture that may change, beside what tracks explain
  double longest_s = 0.5;  ///< the detector runs at least so often
  double doubt = 0.12;     ///< place of a prediction, as a part of the box height: one sigma
};

/// Decides on which frames the detector may rest. It runs when
///  - the picture changed since it last ran, beyond the camera's own motion and noise
///    (see/motion.h), elsewhere than around the tracks; or it is another scene altogether;
///  - the guide's foresight has run out: a track is critical, waits to be confirmed, or its
///    prediction is in doubt;
///  - it has rested for longest_s.
/// Several cameras as one view are looked at together, or not at all: what one shows, another may
/// show too, and a track that is seen by one counts as missed where the others were not asked. So
/// the detector rests on a moment when it may rest on every picture of it. Each camera has a
/// reference of its own, the picture of it that was looked at last; one that is slower than the
/// others, or was away, is judged when its next picture comes.
/// Not thread-safe but for the board.
class DetectorGate {
 public:
  /// `exact`: wait for the foresight of the frame before (a replay gives the same every time); else
  /// the newest there is counts.
  DetectorGate(GateOptions options, ForesightBoard& board, bool exact);
  ~DetectorGate();

  /// True when the detector is to run on this frame, of several cameras on all pictures of the
  /// moment; then it is taken to have run.
  [[nodiscard]] bool wants(const Frame& frame);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
