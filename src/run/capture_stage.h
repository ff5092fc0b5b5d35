#pragma once

#include <functional>

#include "run/foresight_board.h"
#include "run/metrics.h"
#include "run/port.h"
#include "run/values.h"
#include "source/source.h"

namespace lazarillo {

/// Frames from the source, to the guide (which answers for every frame) and to the eyes. Has no
/// input port: the source is its input.
class CaptureStage {
 public:
  struct Outputs {
    Sink<GuideInput>& guide;
    Sink<Frame>& see;
  };
  /// `lockstep`: each frame is decided on before the next is taken. Null: they overlap.
  CaptureStage(Source& source, Metrics& metrics, Outputs outputs, ForesightBoard* lockstep)
      : source_(source), metrics_(metrics), outputs_(outputs), lockstep_(lockstep) {}

  /// Takes one frame; false at the end of the stream.
  bool process();

 private:
  Source& source_;
  Metrics& metrics_;
  Outputs outputs_;
  ForesightBoard* lockstep_;
};

}  // namespace lazarillo
