#pragma once

#include <cstdint>
#include <vector>

#include "run/detector_gate.h"
#include "run/metrics.h"
#include "run/port.h"
#include "run/values.h"
#include "see/perception.h"

namespace lazarillo {

/// How the eyes work.
struct SeeingOptions {
  bool live = false;         ///< late frames are left out, depth is measured beside
  int depth_interval = 6;    ///< a pair's depth network runs on every n-th frame looked at
  double deadline_ms = 100;  ///< live: a frame older than this when its turn comes is not looked at
};

/// Frames to what they show.
class SeeStage {
 public:
  struct Parts {
    Perception& perception;
    DetectorGate* gate = nullptr;        ///< null: the detector runs on every frame
    Sink<Frame>* depth_input = nullptr;  ///< live, a pair: where frames for depth go
  };
  SeeStage(SeeingOptions options, Parts parts, Metrics& metrics, Sink<GuideInput>& output)
      : options_(options), parts_(parts), metrics_(metrics), output_(output) {}

  void process(Frame frame);
  /// Several frames in one call of the detector: a replay's batch. No gate, no depth beside.
  void process(std::span<const Frame> frames);

 private:
  [[nodiscard]] bool too_late(const Frame& frame) const;
  /// The pictures of several cameras at one moment, in one call where the detector takes as many.
  void see_set(const Frame& frame);
  /// Whether it is the turn of a pair's depth network; once for each frame or moment looked at.
  [[nodiscard]] bool depth_due(std::uint64_t sequence);
  void measure_depth(const Frame& frame, Sighting& sighting);
  void give(const Frame& frame, Sighting sighting, std::vector<Sighting> beside = {});
  void count(const Sighting& sighting);

  SeeingOptions options_;
  Parts parts_;
  Metrics& metrics_;
  Sink<GuideInput>& output_;
  std::uint64_t looked_at_ = 0;
};

/// A pair's depth, at its own pace: live, beside the detector.
class DepthStage {
 public:
  DepthStage(Perception& perception, Metrics& metrics, Sink<GuideInput>& output)
      : perception_(perception), metrics_(metrics), output_(output) {}
  void process(const Frame& frame);

 private:
  Perception& perception_;
  Metrics& metrics_;
  Sink<GuideInput>& output_;
};

}  // namespace lazarillo
