#include "run/stages.h"

#include <algorithm>
#include <utility>

namespace lazarillo {

bool CaptureStage::process() {
  std::optional<Frame> frame;
  {
    const StageTimer timer(metrics_, "capture");
    frame = source_.next();
  }
  return frame && output_.push(std::move(*frame));
}

void SeeStage::process(Frame frame) {
  Sighting sighting = perception_.see(frame);
  metrics_.time("preprocess", sighting.preprocess_ms);
  metrics_.time("inference", sighting.inference_ms);
  metrics_.time("postprocess", sighting.postprocess_ms);
  if (!sighting.fault.empty()) metrics_.fault(sighting.fault);
  output_.push({std::move(frame), std::move(sighting)});
}

void GuideStage::process(Seen seen) {
  const FrameStamp stamp = seen.frame.stamp;
  Scene scene;
  {
    const StageTimer timer(metrics_, "track");
    scene.tracks =
        parts_.tracker.update(seen.sighting.detections, seen.sighting.depth, seen.frame.intrinsics);
  }
  {
    const StageTimer timer(metrics_, "guide");
    scene.cues = parts_.guide.update(scene.tracks, seen.sighting.fault.empty());
  }
  const std::int64_t decision_ns = steady_now_ns();
  const std::int64_t took_ns = decision_ns - stamp.capture_ns;
  scene.latency_ms = static_cast<double>(took_ns) / 1e6;
  metrics_.time("capture_to_decision", scene.latency_ms);

  std::vector<std::string> sentences;
  for (const Cue& cue : scene.cues) {
    sentences.push_back(parts_.phrases.sentence(cue));
    metrics_.cue(to_string(cue.priority));
  }
  make_audible(sentences, stamp.stream_ns + (parts_.realtime ? took_ns : 0), scene);
  record(seen, scene, sentences, decision_ns);

  int last_track = 0;
  for (const Track& track : scene.tracks.items) last_track = std::max(last_track, track.id);
  metrics_.frame(stamp.stream_ns, last_track);
  scene.fps = metrics_.fps();
  scene.frame = std::move(seen.frame);
  scene.sighting = std::move(seen.sighting);
  output_.push(std::move(scene));
}

void GuideStage::make_audible(const std::vector<std::string>& sentences, std::int64_t now_ns,
                              Scene& scene) {
  if (!parts_.speaker) return;
  const StageTimer timer(metrics_, "speak");
  parts_.speaker->advance(now_ns);
  for (std::size_t i = 0; i < scene.cues.size(); ++i) {
    parts_.speaker->say(scene.cues[i], sentences[i], now_ns);
  }
  const SpokenNow spoken = parts_.speaker->spoken_now();
  scene.caption = spoken.text;
  scene.caption_track = spoken.track;
}

void GuideStage::record(const Seen& seen, const Scene& scene,
                        const std::vector<std::string>& sentences, std::int64_t decision_ns) {
  if (!parts_.events) return;
  const StageTimer timer(metrics_, "record_events");
  parts_.events->frame(seen.sighting.detections, scene.tracks, seen.sighting.fault,
                       seen.frame.width, seen.frame.height, decision_ns);
  for (std::size_t i = 0; i < scene.cues.size(); ++i) {
    parts_.events->cue(scene.cues[i], sentences[i], decision_ns);
  }
  if (!parts_.events->fault().empty() && parts_.on_write_failure) {
    std::exchange(parts_.on_write_failure, nullptr)();
  }
}

void GuideStage::finish() {
  if (parts_.speaker) {
    parts_.speaker->finish();
    const Speaker::Dropped dropped = parts_.speaker->dropped();
    metrics_.drop("sentence_expired", static_cast<std::uint64_t>(dropped.expired));
    metrics_.drop("sentence_replaced", static_cast<std::uint64_t>(dropped.replaced));
    metrics_.drop("sentence_interrupted", static_cast<std::uint64_t>(dropped.interrupted));
    metrics_.drop("sentence_not_synthesised", static_cast<std::uint64_t>(dropped.failed));
    parts_.speaker.reset();
  }
  if (parts_.events) parts_.events->close();
}

void ShowStage::process(const Scene& scene) {
  const std::int64_t stream_ns = scene.frame.stamp.stream_ns;
  if (parts_.overlay) {
    const Canvas* canvas = nullptr;
    {
      const StageTimer timer(metrics_, "draw");
      canvas = &parts_.overlay->draw(scene);
    }
    if (parts_.recorder != nullptr) {
      const StageTimer timer(metrics_, "record_video");
      parts_.recorder->picture(*canvas, stream_ns);
      if (!parts_.recorder->fault().empty() && parts_.on_write_failure) {
        std::exchange(parts_.on_write_failure, nullptr)();
      }
    }
  }
  if (parts_.progress != nullptr)
    parts_.progress->update(metrics_.frames(), stream_ns, steady_now_ns());
}

}  // namespace lazarillo
