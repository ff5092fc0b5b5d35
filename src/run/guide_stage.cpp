#include "run/guide_stage.h"

#include <algorithm>
#include <utility>

#include "guide/threat.h"
#include "source/rig.h"
#include "track/common_view.h"

namespace lazarillo {
namespace {

constexpr std::int64_t kForesightStepNs = 50'000'000;
constexpr int kForesightSteps = 20;
/// Gravity known no better than this tells less of how a camera is held than that people hold them
/// level.
constexpr double kMostTilt_deg = 10;
/// A depth map is at most so much older than the newest frame, else gravity in it is not known.
constexpr std::int64_t kHeadsNs = 3'000'000'000;

/// What a frame's tracks are counted in, and how its camera is held.
View view_of(const Frame& frame) {
  View view = frame.set ? View::cylinder(frame.set->rig->px_per_rad) : View(frame.intrinsics);
  const auto& head = frame.head;
  if (head && head->deviation_deg <= kMostTilt_deg) view.hold(head->gravity(), head->deviation_deg);
  return view;
}

int last_track(const Tracks& tracks) {
  int last = 0;
  for (const Track& track : tracks.items) last = std::max(last, track.id);
  return last;
}

}  // namespace

GuideStage::GuideStage(Parts parts, Metrics& metrics, Sink<Scene>& scenes,
                       Sink<Foresight>& foresights)
    : parts_(std::move(parts)),
      witness_(parts_.witness != nullptr ? *parts_.witness : alone_),
      metrics_(metrics),
      scenes_(scenes),
      foresights_(foresights) {}

void GuideStage::process(GuideInput input) {
  std::visit([this](auto& value) { take(std::move(value)); }, input);
}

void GuideStage::take(Frame frame) {
  if (given_ && frame.stamp.sequence <= given_->sequence) return;
  newest_ = frame.stamp;
  if (frame.turned) parts_.tracker.turn(frame.stamp.stream_ns, *frame.turned);
  if (frame.head) heads_.emplace_back(frame.stamp, *frame.head);
  while (!heads_.empty() && frame.stamp.stream_ns - heads_.front().first.stream_ns > kHeadsNs) {
    heads_.pop_front();
  }
  waiting_.push_back(std::move(frame));
  while (parts_.live && waiting_.size() > 1) give_out_predicted();
}

void GuideStage::take(Seen seen) {
  if (parts_.live) {
    settle(std::move(seen));
    return;
  }
  // Several pairs of eyes may be done in another order.
  const std::uint64_t sequence = seen.frame.stamp.sequence;
  early_.emplace(sequence, std::move(seen));
  while (!waiting_.empty() && !early_.empty() &&
         early_.begin()->first == waiting_.front().stamp.sequence) {
    settle(std::move(early_.extract(early_.begin()).mapped()));
  }
}

void GuideStage::take(DepthSighting depth) { depth_[depth.stamp.camera] = std::move(depth.depth); }

void GuideStage::take(VisionBreak vision_break) {
  vision_.broken = vision_break.broken;
  idle();
}

void GuideStage::settle(Seen seen) {
  const FrameStamp stamp = seen.frame.stamp;
  while (!waiting_.empty() && waiting_.front().stamp.sequence < stamp.sequence) {
    give_out_predicted();
  }
  const bool waits = !waiting_.empty() && waiting_.front().stamp.sequence == stamp.sequence;
  if (seen.outcome != Seen::Outcome::late && seen.sighting.fault.empty()) {
    look(seen.frame);
  }
  if (seen.outcome != Seen::Outcome::seen) {
    if (seen.outcome == Seen::Outcome::skipped) metrics_.drop("detector_skipped");
    if (waits) give_out_predicted();
    return;
  }
  Depth& depth = depth_[stamp.camera];
  if (!std::holds_alternative<std::monostate>(seen.sighting.depth) ||
      !seen.sighting.fault.empty()) {
    depth = seen.sighting.depth;
  } else {
    seen.sighting.depth = depth;
  }
  Tracks tracks;
  {
    const StageTimer timer(metrics_, "track");
    tracks = witness_.followed(in_picture(follow(seen), seen.frame));
  }
  see_path(seen.sighting.depth, seen.frame);
  if (waits) {
    give_out(&seen, std::move(tracks));
  } else {
    decide_late(seen, std::move(tracks));
  }
}

Tracks GuideStage::follow(const Seen& seen) {
  const Frame& frame = seen.frame;
  const Sighting& sighting = seen.sighting;
  if (!frame.set) {
    return parts_.tracker.update(sighting.detections, sighting.depth, view_of(frame));
  }
  std::vector<CameraLook> looks;
  const auto add = [&](const Frame& of, const Sighting& what) {
    const auto camera = static_cast<std::size_t>(of.stamp.camera);
    looks.push_back({frame.set->rig->cameras.at(camera).place, of.intrinsics, what.detections,
                     what.depth, of.turned});
  };
  add(frame, sighting);
  const std::vector<Frame>& others = frame.set->others;
  for (std::size_t i = 0; i < others.size() && i < seen.beside.size(); ++i) {
    if (seen.beside[i].fault.empty()) add(others[i], seen.beside[i]);
  }
  return parts_.tracker.update(looks, view_of(frame));
}

Tracks GuideStage::in_picture(Tracks predicted, const Frame& frame) const {
  if (!frame.set) return predicted;
  const auto camera = static_cast<std::size_t>(frame.stamp.camera);
  const CameraPlace& place = frame.set->rig->cameras.at(camera).place;
  const View view = view_of(frame);
  for (Track& track : predicted.items) {
    track.box = box_in_picture(track.box, track.distance_m, view, place, frame.intrinsics);
  }
  return predicted;
}

void GuideStage::look(const Frame& frame) {
  const std::int64_t taken_ns = frame.stamp.stream_ns;
  vision_.picture = frame.state;
  // A file may well repeat a picture.
  if (!parts_.live && frame.state == PictureState::repeated) vision_.picture = PictureState::clear;
  if (parts_.live) vision_.looked_ns = std::max(vision_.looked_ns.value_or(0), taken_ns);
  if (!shows_something(vision_.picture)) return;
  vision_.last_seen_ns =
      std::max(vision_.last_seen_ns, parts_.live ? stream_now(witness_.now()) : taken_ns);
}

std::optional<MeasuredGravity> GuideStage::gravity_at(const FrameStamp& stamp) const {
  const auto found = std::find_if(heads_.begin(), heads_.end(), [&](const auto& entry) {
    return entry.first.camera == stamp.camera && entry.first.sequence == stamp.sequence;
  });
  if (found == heads_.end()) return std::nullopt;
  return MeasuredGravity{found->second.gravity(), found->second.deviation_deg};
}

void GuideStage::see_path(const Depth& depth, const Frame& frame) {
  if (frame.set && frame.stamp.camera != 0) return;
  const Intrinsics& camera = frame.intrinsics;
  const auto* metric = std::get_if<std::shared_ptr<const MetricDepth>>(&depth);
  if (!parts_.path || metric == nullptr || (*metric)->stamp.stream_ns <= path_seen_ns_) return;
  path_seen_ns_ = (*metric)->stamp.stream_ns;
  const StageTimer timer(metrics_, "path");
  const auto view = witness_.along([&] {
    const GroundPlane ground = parts_.ground.find(**metric, camera, gravity_at((*metric)->stamp));
    return look_along(**metric, camera, parts_.scale.corrected(ground, path_seen_ns_),
                      parts_.corridor);
  });
  if (view) parts_.guide.see_path(*view);
}

void GuideStage::give_out_predicted() {
  const Frame& frame = waiting_.front();
  Tracks tracks;
  {
    const StageTimer timer(metrics_, "track");
    tracks =
        witness_.followed(in_picture(parts_.tracker.predict(frame.stamp, view_of(frame)), frame));
  }
  give_out(nullptr, std::move(tracks));
}

void GuideStage::give_out(Seen* seen, Tracks tracks) {
  Scene scene;
  scene.frame = std::move(waiting_.front());
  waiting_.pop_front();
  const FrameStamp stamp = scene.frame.stamp;
  scene.tracks = std::move(tracks);
  scene.look = seen != nullptr ? Look::in_time : Look::never;
  if (seen != nullptr) {
    scene.sighting = std::move(seen->sighting);
    scene.beside = std::move(seen->beside);
  } else {
    scene.sighting.detections.stamp = stamp;
    scene.sighting.depth = depth_[stamp.camera];
  }
  given_ = stamp;
  const auto& head = scene.frame.head;
  parts_.guide.walk(head ? head->gait : Gait::unknown, stamp.stream_ns);
  view_ = view_of(scene.frame);

  std::vector<std::string> sentences;
  const std::int64_t decision_ns = decide(scene.tracks, stamp, scene, sentences);
  scene.latency_ms = static_cast<double>(decision_ns - stamp.capture_ns) / 1e6;
  if (seen != nullptr) metrics_.detection(scene.latency_ms);
  metrics_.frame(stamp.stream_ns, last_track(scene.tracks), scene.latency_ms);
  record_frame(scene, decision_ns);
  record_cues(scene, sentences, decision_ns);
  scene.fps = metrics_.fps();
  std::move(late_cues_.begin(), late_cues_.end(), std::back_inserter(scene.cues));
  late_cues_.clear();
  foresee(scene);
  scenes_.push(std::move(scene));
}

void GuideStage::decide_late(const Seen& seen, Tracks tracks) {
  Scene scene;
  scene.look = Look::late;
  FrameStamp stamp = seen.frame.stamp;
  if (given_) stamp.stream_ns = std::max(stamp.stream_ns, given_->stream_ns);
  scene.tracks =
      witness_.followed(in_picture(parts_.tracker.predict(stamp, view_of(seen.frame)), seen.frame));
  std::vector<std::string> sentences;
  const std::int64_t decision_ns = decide(scene.tracks, seen.frame.stamp, scene, sentences);
  metrics_.detection(static_cast<double>(decision_ns - seen.frame.stamp.capture_ns) / 1e6);
  scene.frame = seen.frame;
  scene.sighting = seen.sighting;
  scene.beside = seen.beside;
  record_frame(scene, decision_ns);
  record_cues(scene, sentences, decision_ns);
  foresee(scene);
  std::move(scene.cues.begin(), scene.cues.end(), std::back_inserter(late_cues_));
  // For who draws the frames around it.
  scene.cues.clear();
  scene.tracks = std::move(tracks);
  scenes_.push(std::move(scene));
}

std::int64_t GuideStage::decide(const Tracks& tracks, const FrameStamp& led_by, Scene& scene,
                                std::vector<std::string>& sentences) {
  {
    const StageTimer timer(metrics_, "guide");
    scene.cues = parts_.guide.update(tracks, vision_);
  }
  const std::int64_t decision_ns = witness_.now();
  for (Cue& cue : scene.cues) {
    cue.stamp = led_by;
    sentences.push_back(parts_.phrases.sentence(cue));
    metrics_.cue(to_string(cue.priority));
    last_told_ = {sentences.back(), cue.bearing_deg};
  }
  if (!parts_.speaker) return decision_ns;
  const StageTimer timer(metrics_, "speak");
  const std::int64_t now_ns =
      led_by.stream_ns + (parts_.live ? decision_ns - led_by.capture_ns : 0);
  parts_.speaker->advance(now_ns);
  for (std::size_t i = 0; i < scene.cues.size(); ++i) {
    parts_.speaker->say(scene.cues[i], sentences[i], now_ns);
  }
  parts_.speaker->seeing(parts_.guide.sees(), parts_.guide.way_deg(tracks.stamp.stream_ns), now_ns);
  const SpokenNow spoken = parts_.speaker->spoken_now();
  scene.caption = spoken.text;
  scene.caption_track = spoken.track;
  return decision_ns;
}

void GuideStage::record_frame(const Scene& scene, std::int64_t decision_ns) {
  if (!parts_.events) return;
  const StageTimer timer(metrics_, "record_events");
  // The size of the picture that boxes are counted in.
  const auto width = [](const Frame& f) { return f.lens ? f.intrinsics.width : f.width; };
  const auto height = [](const Frame& f) { return f.lens ? f.intrinsics.height : f.height; };
  const Frame& frame = scene.frame;
  OtherCameras others;
  if (frame.set) {
    for (const RigCamera& camera : frame.set->rig->cameras) others.names.push_back(camera.name);
    for (std::size_t i = 0; i < scene.beside.size(); ++i) {
      const Frame& beside = frame.set->others.at(i);
      others.beside.push_back({beside.stamp, width(beside), height(beside),
                               scene.beside[i].detections, scene.beside[i].fault});
    }
  }
  parts_.events->frame(scene.sighting.detections, scene.tracks, scene.sighting.fault, width(frame),
                       height(frame), decision_ns, scene.look, frame.set ? &others : nullptr);
}

void GuideStage::record_cues(const Scene& scene, const std::vector<std::string>& sentences,
                             std::int64_t decision_ns) {
  if (!parts_.events) return;
  for (std::size_t i = 0; i < scene.cues.size(); ++i) {
    parts_.events->cue(scene.cues[i], sentences[i], decision_ns);
  }
  if (!parts_.events->fault().empty() && parts_.on_write_failure) {
    std::exchange(parts_.on_write_failure, nullptr)();
  }
}

void GuideStage::foresee(const Scene& scene) {
  Foresight foresight;
  if (given_) foresight.sequence = given_->sequence;
  const std::int64_t now_ns = scene.tracks.stamp.stream_ns;
  const bool critical =
      std::any_of(scene.tracks.items.begin(), scene.tracks.items.end(), [this](const Track& track) {
        const auto threat = assess(track, parts_.rules);
        return threat && threat->priority == Priority::critical;
      });
  for (int step = 1; parts_.skip_doubt > 0 && !critical && step <= kForesightSteps; ++step) {
    const std::int64_t then_ns = now_ns + step * kForesightStepNs;
    const Tracker::Doubt doubt = parts_.tracker.doubt(then_ns);
    if (doubt.unconfirmed || doubt.place > parts_.skip_doubt) break;
    foresight.holds_until_ns = then_ns;
  }
  if (foresight.holds_until_ns > 0) {
    const auto add = [&](const Tracks& tracks) {
      for (const Track& track : tracks.items) {
        foresight.objects.push_back({track.box, static_cast<float>(track.distance_m.value_or(0))});
      }
    };
    // Those of the scene are in the picture that is shown: of several cameras each has its own.
    if (scene.frame.set) {
      add(parts_.tracker.predict(scene.tracks.stamp, view_of(scene.frame)));
    } else {
      add(scene.tracks);
    }
  }
  foresights_.push(std::move(foresight));
}

std::int64_t GuideStage::stream_now(std::int64_t wall_ns) const {
  return newest_ ? newest_->stream_ns + std::max<std::int64_t>(wall_ns - newest_->capture_ns, 0)
                 : 0;
}

FrameStamp GuideStage::present() {
  if (!parts_.live || !newest_) return given_.value_or(FrameStamp{});
  FrameStamp stamp = *newest_;
  const std::int64_t wall_ns = witness_.now();
  stamp.stream_ns = stream_now(wall_ns);
  stamp.capture_ns = wall_ns;
  return stamp;
}

void GuideStage::idle() {
  if (!newest_) return;
  const FrameStamp stamp = present();
  Scene scene;
  scene.tracks = witness_.followed(parts_.tracker.predict(stamp, view_));
  std::vector<std::string> sentences;
  const std::int64_t decision_ns = decide(scene.tracks, stamp, scene, sentences);
  record_cues(scene, sentences, decision_ns);
  std::move(scene.cues.begin(), scene.cues.end(), std::back_inserter(late_cues_));
}

LastSaid GuideStage::words_again() {
  return witness_.said(parts_.speaker ? parts_.speaker->last_said() : last_told_);
}

void GuideStage::take(Command command) {
  const FrameStamp stamp = present();
  const Tracks tracks = witness_.followed(parts_.tracker.predict(stamp, view_));
  Cue answer = parts_.guide.obey(command, tracks, vision_);
  if (parts_.on_manner) parts_.on_manner(parts_.guide.manner());
  std::string text;
  if (answer.kind == CueKind::repeated) {
    LastSaid again = words_again();
    if (again.text.empty()) answer.kind = CueKind::nothing_to_repeat;
    text = std::move(again.text);
    answer.bearing_deg = again.bearing_deg;
  }
  if (text.empty()) text = parts_.phrases.sentence(answer);
  metrics_.cue(to_string(answer.priority));
  const std::int64_t decision_ns = witness_.now();
  if (parts_.speaker) {
    parts_.speaker->advance(stamp.stream_ns);
    if (answer.kind == CueKind::muted) parts_.speaker->hush();
    parts_.speaker->say(answer, text, stamp.stream_ns);
  }
  last_told_ = {text, answer.bearing_deg};
  if (parts_.events) {
    parts_.events->command(command, stamp, decision_ns);
    parts_.events->cue(answer, text, decision_ns);
  }
  late_cues_.push_back(std::move(answer));
}

void GuideStage::finish() {
  while (!waiting_.empty()) give_out_predicted();
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

}  // namespace lazarillo
