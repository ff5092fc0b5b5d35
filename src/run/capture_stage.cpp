#include "run/capture_stage.h"

#include <utility>

namespace lazarillo {

bool CaptureStage::process() {
  std::optional<Frame> frame;
  {
    const StageTimer timer(metrics_, "capture");
    frame = source_.next();
  }
  if (!frame) return false;
  const auto [last, first] = last_ns_.try_emplace(frame->stamp.camera, frame->stamp.stream_ns);
  if (!first && frame->stamp.stream_ns <= last->second) {
    metrics_.drop("time_went_back");
    return true;
  }
  last->second = frame->stamp.stream_ns;
  if (watch_) {
    const StageTimer timer(metrics_, "watch");
    watch_->look(*frame);
  }
  const std::uint64_t sequence = frame->stamp.sequence;
  if (!outputs_.guide.push(*frame) || !outputs_.see.push(std::move(*frame))) return false;
  if (lockstep_ != nullptr) lockstep_->await(sequence);
  return true;
}

}  // namespace lazarillo
