#include "simulate/run.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numbers>
#include <optional>
#include <unordered_map>
#include <utility>

#include "guide/pace.h"
#include "path/map_scale.h"
#include "simulate/truth.h"
#include "speak/earcon.h"
#include "speak/speaker.h"
#include "speak/speech_queue.h"

namespace lazarillo::simulate {
namespace {

constexpr std::int64_t kTickNs = 10'000'000;  // as the speaker's
constexpr double kOwnOverlap = 0.2;           ///< of a track with the detection it comes from
constexpr int kAnother = 3;  ///< pictures in a row in which a track is another actor's: it is that

double seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }

/// The queue at work, in steps of its clock.
class Mouth {
 public:
  Mouth(const Trial& trial, std::vector<Said>& said)
      : trial_(trial),
        said_(said),
        queue_(static_cast<std::int64_t>(trial.grace_ms * 1e6),
               static_cast<std::int64_t>(trial.expire_s * 1e9)) {}

  void say(const Cue& cue, Priority queued, std::int64_t now_ns) {
    const auto sound = static_cast<std::int64_t>(earcon(cue).size());
    const int subject = subject_of(cue);
    Said said;
    said.cue = cue;
    said.sentence = trial_.phrases.sentence(cue);
    said.words = words_in(said.sentence);
    said.decided_s = seconds(now_ns);
    const std::int64_t ready_ns = now_ns + sound * 1'000'000'000 / kSampleRate + kAfterEarconNs;
    said.ready_s = seconds(ready_ns);
    for (const std::size_t other : waiting_) {
      if (subject_[other] == subject) said_[other].dropped_s = said.decided_s;
    }
    std::erase_if(waiting_, [&](std::size_t other) { return said_[other].dropped_s >= 0; });
    // The queue gives back the number of the cue in place of its text.
    Utterance utterance = utterance_of(cue, std::to_string(said_.size()), now_ns, ready_ns);
    utterance.priority = queued;
    queue_.add(std::move(utterance));
    waiting_.push_back(said_.size());
    subject_.push_back(subject);
    said_.push_back(std::move(said));
  }

  void advance(std::int64_t now_ns) {
    for (; next_ns_ <= now_ns; next_ns_ += kTickNs) step(next_ns_);
  }

 private:
  void step(std::int64_t now_ns) {
    if (speaking_ && now_ns >= ends_ns_) {
      said_[*speaking_].ended_s = seconds(ends_ns_);
      speaking_.reset();
      queue_.ended();
    }
    SpeechQueue::Step step = queue_.step(now_ns);
    if (step.cut_off && speaking_) {
      said_[*speaking_].ended_s = seconds(now_ns);
      said_[*speaking_].cut_off = true;
      speaking_.reset();
    }
    const double now_s = seconds(now_ns);
    if (step.begin) {
      const auto index = static_cast<std::size_t>(std::stoul(step.begin->text));
      std::erase(waiting_, index);
      said_[index].begun_s = now_s;
      speaking_ = index;
      ends_ns_ = now_ns + std::llround(said_[index].words * 60e9 / trial_.words_per_minute);
    }
    for (const std::size_t other : waiting_) {
      if (now_s - said_[other].decided_s > trial_.expire_s) said_[other].dropped_s = now_s;
    }
    std::erase_if(waiting_, [&](std::size_t other) { return said_[other].dropped_s >= 0; });
  }

  const Trial& trial_;
  std::vector<Said>& said_;
  SpeechQueue queue_;
  std::vector<std::size_t> waiting_;
  std::vector<int> subject_;
  std::optional<std::size_t> speaking_;
  std::int64_t ends_ns_ = 0, next_ns_ = 0;
};

/// The actor nearest to where a cue points to; -1: none is there.
int pointed_at(const World& world, const Cue& cue, const Eye& eye, double t_s) {
  const double angle = (eye.heading_deg + cue.bearing_deg) * std::numbers::pi / 180;
  const double distance_m = cue.distance_m.value_or(2.5);
  std::vector<Solid> pieces;
  for (std::size_t i = 0; i < world.actors.size(); ++i) add_solids(world, i, t_s, pieces);
  double nearest = 0.4 + 0.1 * distance_m;
  int found = -1;
  // Errors of distance are relative, and larger than those of direction.
  for (const double part : {1.0, 0.85, 1.15, 0.7, 1.35, 0.6, 1.6}) {
    const Point at{eye.at.x + part * distance_m * std::sin(angle),
                   eye.at.y + part * distance_m * std::cos(angle)};
    const bool down = cue.kind == CueKind::drop || cue.kind == CueKind::stairs_down;
    for (const Solid& piece : pieces) {
      if (piece.pit != down) continue;
      const double off = distance(piece, at) + 0.5 * std::abs(part - 1) * distance_m;
      if (off >= nearest) continue;
      nearest = off;
      found = piece.actor;
    }
  }
  return found;
}

/// Which actor each track is of.
class Identities {
 public:
  explicit Identities(const ObjectCatalog& catalog) : catalog_(catalog) {}

  /// `look`: what was just seen, `tracks`: as they are by that. Of its own name, where something of
  /// that name is there: a bench before a car lies within the car's box.
  void note(const Look& look, const Tracks& tracks) {
    names_.clear();
    for (const Detection& detection : look.detections.items) {
      names_.push_back(catalog_.find(look.detections.label(detection)).name);
    }
    for (const Track& track : tracks.items) {
      if (!track.observed) continue;  // it stays what it was
      std::pair best(false, 0.0F);    // of its name, how much they overlap
      int actor = -1;
      for (std::size_t i = 0; i < names_.size(); ++i) {
        const std::pair here(names_[i] == track.label,
                             iou(look.detections.items[i].box, track.box));
        if (here.second < static_cast<float>(kOwnOverlap) || here < best) continue;
        best = here;
        actor = look.actors[i];
      }
      if (best.second <= 0) continue;
      Known& known = by_track_.try_emplace(track.id, Known{actor, best.first}).first->second;
      if (actor == known.actor) {
        known = {actor, known.by_name || best.first};
        continue;
      }
      // For a moment without a box of its name, or in a crowd, it stays what it was.
      if (!best.first && known.by_name) continue;
      known.others = actor == known.other ? known.others + 1 : 1;
      known.other = actor;
      if (known.others >= kAnother) known = {actor, best.first};
    }
  }

  /// -1: of none.
  [[nodiscard]] int actor(int track) const {
    const auto found = by_track_.find(track);
    return found == by_track_.end() ? -1 : found->second.actor;
  }

 private:
  struct Known {
    int actor;
    bool by_name;
    int other = -1, others = 0;  ///< which one it seems to be instead, and for how many pictures
  };
  const ObjectCatalog& catalog_;
  std::vector<std::string> names_;  ///< of what was seen, canonical
  std::unordered_map<int, Known> by_track_;
};

Priority inverted(Priority priority) {
  return priority == Priority::critical ? Priority::info
         : priority == Priority::info   ? Priority::critical
                                        : priority;
}

}  // namespace

Trial::Trial(ObjectCatalog objects, Phrasebook sentences)
    : catalog(std::move(objects)), phrases(std::move(sentences)) {
  tracking.high_score = 0.35;
  tracking.calibrated = true;
}

Record run(const World& world, const Walk& walk, const Trial& trial, double end_s) {
  Record record;
  record.end_s = end_s;
  Sensor sensor(world, walk, trial.sensor);
  Tracker tracker(trial.tracking, trial.catalog);
  GroundFinder ground(trial.ground);
  MapScale scale(trial.worn_m);
  Guide guide(trial.guiding);
  Mouth mouth(trial, record.said);
  Identities identities(trial.catalog);
  Vision vision;
  Depth depth;
  std::deque<Look> on_the_way;
  const auto latency = static_cast<std::size_t>(trial.sensor.latency_frames);
  const int frames = static_cast<int>(end_s * trial.sensor.fps) + 1;
  for (int frame = 0; frame < frames; ++frame) {
    Look look = sensor.look(frame);
    const FrameStamp stamp = look.stamp;
    const Eye eye = look.eye;
    if (look.due) {
      InView in_view{seconds(stamp.stream_ns), std::vector<bool>(world.actors.size(), false)};
      for (std::size_t i = 0; look.truth != nullptr && i < world.actors.size(); ++i) {
        in_view.resolved[i] = resolved(world.actors[i], look.truth->actors[i]);
      }
      record.in_view.push_back(std::move(in_view));
    }
    mouth.advance(stamp.stream_ns);
    if (look.turned) tracker.turn(stamp.stream_ns, *look.turned);
    if (look.head) guide.walk(look.head->gait, stamp.stream_ns);
    on_the_way.push_back(std::move(look));
    if (on_the_way.size() <= latency) continue;
    Look arrived = std::move(on_the_way.front());
    on_the_way.pop_front();
    if (arrived.comes) {
      vision.picture = arrived.state;
      vision.looked_ns = arrived.stamp.stream_ns;
      if (arrived.state == PictureState::clear) vision.last_seen_ns = arrived.stamp.stream_ns;
    }
    if (arrived.depth) {
      depth = arrived.depth;
      std::optional<MeasuredGravity> gravity;
      if (arrived.head) gravity = {arrived.head->gravity(), arrived.head->deviation_deg};
      const GroundPlane plane = scale.corrected(
          ground.find(*arrived.depth, sensor.camera(), gravity), arrived.stamp.stream_ns);
      guide.see_path(look_along(*arrived.depth, sensor.camera(), plane, trial.corridor));
    }
    Tracks tracks;
    if (arrived.comes) {
      tracks = tracker.update(arrived.detections, depth, sensor.camera());
      identities.note(arrived, tracks);
    }
    if (latency > 0 || !arrived.comes) tracks = tracker.predict(stamp, sensor.camera());
    for (Track& track : tracks.items) {
      if (track.ttc_s) *track.ttc_s *= trial.sabotage.ttc_factor;
    }
    for (const Cue& cue : guide.update(tracks, vision)) {
      const Priority queued =
          trial.sabotage.priority_inverted ? inverted(cue.priority) : cue.priority;
      mouth.say(cue, queued, stamp.stream_ns);
      Said& said = record.said.back();
      said.eye = eye;
      for (const int other : cue.others) said.other_actors.push_back(identities.actor(other));
      if (cue.track != 0) {
        said.actor = identities.actor(cue.track);
      } else if (is_of_path(cue.kind) && cue.kind != CueKind::path_clear) {
        said.actor = pointed_at(world, cue, eye, said.decided_s);
      }
    }
  }
  mouth.advance(std::llround(end_s * 1e9));
  return record;
}

}  // namespace lazarillo::simulate
