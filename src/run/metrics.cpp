#include "run/metrics.h"

namespace lazarillo {

double Metrics::fps() const {
  const double seconds = static_cast<double>(steady_now_ns() - begin_ns_) / 1e9;
  return seconds > 0 ? static_cast<double>(frames()) / seconds : 0;
}

void Metrics::fill(Report& report) const {
  const std::lock_guard lock(mutex_);
  report.frames = frames_;
  report.stream_s = static_cast<double>(stream_ns_) / 1e9;
  report.wall_s = static_cast<double>(steady_now_ns() - begin_ns_) / 1e9;
  report.tracks = tracks_;
  report.drops = drops_;
  report.cues = cues_;
  // In the order data flows.
  for (const char* stage : {"capture", "preprocess", "inference", "postprocess", "track", "guide",
                            "speak", "record_events", "draw", "record_video"}) {
    const auto found = times_.find(stage);
    if (found != times_.end()) report.stages.emplace_back(stage, found->second);
  }
  const auto latency = times_.find("capture_to_decision");
  if (latency != times_.end()) report.capture_to_decision = latency->second;
}

}  // namespace lazarillo
