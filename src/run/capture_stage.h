#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "run/foresight_board.h"
#include "run/metrics.h"
#include "run/port.h"
#include "run/values.h"
#include "see/picture_watch.h"
#include "source/source.h"

namespace lazarillo {

/// Frames from the source, to the guide (which answers for every frame) and to the eyes. Has no
/// input port: the source is its input. A source breaks its word when a camera's stream time does
/// not grow: such frames are left out, counted.
class CaptureStage {
 public:
  struct Outputs {
    Sink<GuideInput>& guide;
    Sink<Frame>& see;
  };
  /// `watch`: every picture is looked at first (see/picture_watch.h). `lockstep`: each frame is
  /// decided on before the next is taken. Null: they overlap.
  CaptureStage(Source& source, Metrics& metrics, Outputs outputs,
               const std::optional<PictureRules>& watch, ForesightBoard* lockstep)
      : source_(source), metrics_(metrics), outputs_(outputs), lockstep_(lockstep) {
    if (watch) watch_.emplace(*watch);
  }

  /// Takes one frame; false at the end of the stream.
  bool process();

 private:
  Source& source_;
  Metrics& metrics_;
  Outputs outputs_;
  std::optional<PictureWatch> watch_;
  ForesightBoard* lockstep_;
  std::map<int, std::int64_t> last_ns_;  ///< stream time of each camera's last frame
};

}  // namespace lazarillo
