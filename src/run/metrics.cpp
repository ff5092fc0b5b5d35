#include "run/metrics.h"

#include "source/frame_copies.h"

namespace lazarillo {

void Metrics::begin() {
  const std::lock_guard lock(mutex_);
  begin_ns_ = steady_now_ns();
  end_ns_ = 0;
  begin_usage_ = usage_now();
  memory_ = {};
  memory_.add(begin_ns_, begin_usage_.rss_mib);
  begin_stream_ns_ = -1;
  begin_copies_ = FrameCopies::count();
  begin_traffic_ = gpu_traffic();
  times_.clear();
  drops_.clear();
  cues_.clear();
  capture_to_decision_ = {};
  capture_to_output_ = {};
  frames_ = detections_ = depths_ = faults_ = 0;
  tracks_ = 0;
  first_fault_.clear();
}

void Metrics::end() {
  const std::lock_guard lock(mutex_);
  end_ns_ = steady_now_ns();
  end_usage_ = usage_now();
  memory_.add(end_ns_, end_usage_.rss_mib);
}

void Metrics::time(const std::string& stage, double milliseconds) {
  const std::lock_guard lock(mutex_);
  times_[stage].add(milliseconds);
  const std::int64_t now_ns = steady_now_ns();
  if (end_ns_ == 0 && memory_.due(now_ns)) memory_.add(now_ns, resident_mib());
}

void Metrics::frame(std::int64_t stream_ns, int last_track, double waited_ms) {
  const std::lock_guard lock(mutex_);
  ++frames_;
  if (begin_stream_ns_ < 0) begin_stream_ns_ = stream_ns;
  stream_ns_ = stream_ns;
  tracks_ = std::max(tracks_, last_track);
  capture_to_output_.add(waited_ms);
}

void Metrics::detection(double took_ms) {
  const std::lock_guard lock(mutex_);
  ++detections_;
  capture_to_decision_.add(took_ms);
}

double Metrics::fps() const {
  const std::lock_guard lock(mutex_);
  const double seconds = static_cast<double>(steady_now_ns() - begin_ns_) / 1e9;
  return seconds > 0 ? static_cast<double>(frames_) / seconds : 0;
}

void Metrics::fill(Report& report) const {
  const std::lock_guard lock(mutex_);
  report.frames = frames_;
  report.detected = detections_;
  report.depth_maps = depths_;
  report.stream_s =
      static_cast<double>(stream_ns_ - std::max<std::int64_t>(begin_stream_ns_, 0)) / 1e9;
  const std::int64_t end_ns = end_ns_ > 0 ? end_ns_ : steady_now_ns();
  report.wall_s = static_cast<double>(end_ns - begin_ns_) / 1e9;
  const Usage usage = end_ns_ > 0 ? end_usage_ : usage_now();
  report.cores = cores_between(begin_usage_, usage, report.wall_s);
  report.rss_mib = usage.rss_mib;
  report.rss_growth_mib = memory_.growth_mib();
  report.copies = FrameCopies::count() - begin_copies_;
  const GpuTraffic moved = gpu_traffic();
  report.bytes_to_gpu = moved.to_device - begin_traffic_.to_device;
  report.bytes_from_gpu = moved.to_host - begin_traffic_.to_host;
  report.gpu_memory_mib = static_cast<double>(gpu_memory_in_use()) / (1 << 20);
  report.tracks = tracks_;
  report.drops = drops_;
  report.cues = cues_;
  // In the order data flows.
  for (const char* stage :
       {"capture", "watch", "motion", "preprocess", "inference", "gpu", "postprocess", "depth",
        "track", "path", "guide", "speak", "record_events", "draw", "record_video"}) {
    const auto found = times_.find(stage);
    if (found != times_.end()) report.stages.emplace_back(stage, found->second);
  }
  report.capture_to_decision = capture_to_decision_;
  report.capture_to_output = capture_to_output_;
}

}  // namespace lazarillo
