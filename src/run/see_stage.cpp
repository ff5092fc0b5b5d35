#include "run/see_stage.h"

#include <iterator>
#include <utility>

#include "clock.h"
#include "source/rig.h"

namespace lazarillo {

bool SeeStage::too_late(const Frame& frame) const {
  const double age_ms = static_cast<double>(steady_now_ns() - frame.stamp.capture_ns) / 1e6;
  return options_.live && age_ms > options_.deadline_ms;
}

void SeeStage::process(Frame frame) {
  if (too_late(frame)) {
    metrics_.drop("frame_too_late");
    output_.push(Seen{std::move(frame), Seen::Outcome::late, {}});
    return;
  }
  if (parts_.gate != nullptr) {
    bool wanted = true;
    {
      const StageTimer timer(metrics_, "motion");
      wanted = parts_.gate->wants(frame);
    }
    if (!wanted) {
      output_.push(Seen{std::move(frame), Seen::Outcome::skipped, {}});
      return;
    }
  }
  if (frame.set) {
    see_set(frame);
    return;
  }
  Sighting sighting = parts_.perception.see(frame);
  if (depth_due(frame.stamp.sequence)) measure_depth(frame, sighting);
  give(frame, std::move(sighting));
}

void SeeStage::process(std::span<const Frame> frames) {
  std::vector<Sighting> sightings = parts_.perception.see(frames);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (depth_due(frames[i].stamp.sequence)) measure_depth(frames[i], sightings[i]);
    give(frames[i], std::move(sightings[i]));
  }
}

void SeeStage::see_set(const Frame& frame) {
  std::vector<Frame> frames{frame};
  frames.insert(frames.end(), frame.set->others.begin(), frame.set->others.end());
  std::vector<Sighting> sightings = parts_.perception.see(frames);
  if (depth_due(frame.stamp.sequence)) {
    for (std::size_t i = 0; i < frames.size(); ++i) measure_depth(frames[i], sightings[i]);
  }
  std::vector<Sighting> beside(std::make_move_iterator(sightings.begin() + 1),
                               std::make_move_iterator(sightings.end()));
  give(frame, std::move(sightings.front()), std::move(beside));
}

bool SeeStage::depth_due(std::uint64_t sequence) {
  if (!parts_.perception.has_depth_network()) return false;
  // A replay goes by the frame's number, so that several eyes at once agree; live, and where frames
  // are skipped, there is one pair of eyes, which counts what it looks at.
  const bool counts = options_.live || parts_.gate != nullptr;
  const std::uint64_t turn = counts ? looked_at_++ : sequence;
  return turn % static_cast<std::uint64_t>(options_.depth_interval) == 0;
}

void SeeStage::measure_depth(const Frame& frame, Sighting& sighting) {
  if (parts_.depth_input != nullptr) {
    parts_.depth_input->push(frame);
    return;
  }
  DepthSighting depth = parts_.perception.measure_depth(frame);
  metrics_.time("depth", depth.preprocess_ms + depth.inference_ms + depth.postprocess_ms);
  metrics_.depth();
  sighting.depth = std::move(depth.depth);
  if (!depth.fault.empty()) {
    sighting.detections.items.clear();
    sighting.fault = std::move(depth.fault);
  }
}

void SeeStage::count(const Sighting& sighting) {
  metrics_.time("preprocess", sighting.preprocess_ms);
  metrics_.time("inference", sighting.inference_ms);
  metrics_.time("postprocess", sighting.postprocess_ms);
  if (sighting.gpu_ms > 0) metrics_.time("gpu", sighting.gpu_ms);
  if (!sighting.fault.empty()) metrics_.fault(sighting.fault);
  if (!sighting.depth_fault.empty()) metrics_.fault(sighting.depth_fault);
}

void SeeStage::give(const Frame& frame, Sighting sighting, std::vector<Sighting> beside) {
  count(sighting);
  for (const Sighting& other : beside) count(other);
  output_.push(Seen{frame, Seen::Outcome::seen, std::move(sighting), std::move(beside)});
}

void DepthStage::process(const Frame& frame) {
  DepthSighting sighting = perception_.measure_depth(frame);
  metrics_.time("depth", sighting.preprocess_ms + sighting.inference_ms + sighting.postprocess_ms);
  metrics_.depth();
  if (!sighting.fault.empty()) metrics_.fault(sighting.fault);
  output_.push(std::move(sighting));
}

}  // namespace lazarillo
