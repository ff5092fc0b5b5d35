#include "run/detector_gate.h"

#include <map>

#include "see/motion.h"

namespace lazarillo {

struct DetectorGate::Impl {
  GateOptions options;
  ForesightBoard& board;
  bool exact;

  struct Camera {
    MotionMeter meter;
    bool any = false;
    std::int64_t looked_ns = 0;  ///< stream time of the last frame the detector ran on
  };
  std::map<int, Camera> cameras;
  std::uint64_t looked_sequence = 0;

  /// Until when predictions hold; 0 while the tracker does not know of the last detection yet.
  std::int64_t holds_until_ns(std::uint64_t sequence) {
    if (exact && sequence > 0) return board.await(sequence - 1).holds_until_ns;
    const Foresight newest = board.newest();
    return newest.sequence >= looked_sequence ? newest.holds_until_ns : 0;
  }

  bool wants(const Frame& frame, Camera& camera, const Motion& motion) {
    if (!camera.any || motion.scene_change || motion.changed() > options.changed) return true;
    const double rested_s =
        static_cast<double>(frame.stamp.stream_ns - camera.looked_ns) / 1e9;
    if (rested_s >= options.longest_s) return true;
    return frame.stamp.stream_ns >= holds_until_ns(frame.stamp.sequence);
  }
};

DetectorGate::DetectorGate(GateOptions options, ForesightBoard& board, bool exact)
    : impl_(new Impl{options, board, exact, {}, 0}) {}
DetectorGate::~DetectorGate() = default;

bool DetectorGate::wants(const Frame& frame) {
  Impl::Camera& camera = impl_->cameras[frame.stamp.camera];
  const Motion motion = camera.meter.measure(frame);
  if (!impl_->wants(frame, camera, motion)) return false;
  camera.meter.set_reference();
  camera.any = true;
  camera.looked_ns = frame.stamp.stream_ns;
  impl_->looked_sequence = frame.stamp.sequence;
  return true;
}

}  // namespace lazarillo
