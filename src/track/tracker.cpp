#include "track/tracker.h"

#include <algorithm>
#include <vector>

#include "track/assignment.h"
#include "track/target.h"

namespace lazarillo {
namespace {

constexpr double kLeastOverlap = 0.15;         // of widened boxes, first stage
constexpr double kLeastOverlapWeak = 0.35;     // second stage: weak boxes must fit better
constexpr double kWiden = 0.15;                // of a box's size, each side
constexpr double kWidenPerUnseenSecond = 0.3;  // a track unseen may be farther from its prediction
constexpr double kWidenMost = 0.5;
constexpr double kOtherClassPenalty = 0.3;  // networks confuse car and truck, chair and couch
// Another thing before or behind it has another distance (a row of parked cars).
constexpr double kOtherRangePenalty = 0.6;
constexpr double kFreshDepthS = 0.15;  // so long a map tells where things are now
constexpr double kDuplicateOverlap = 0.8;
constexpr double kPatienceUnconfirmedS = 0.35;
// A depth map says nothing of objects as they are so much later: several have moved by their width.
constexpr double kOldestDepthS = 1.5;

Box widened(const Box& box, double part) {
  const float dx = static_cast<float>(part) * box.width();
  const float dy = static_cast<float>(part) * box.height();
  return {box.x1 - dx, box.y1 - dy, box.x2 + dx, box.y2 + dy};
}

struct Candidate {
  const Detection* detection;
  ObjectClass object;
  std::optional<Range> from_depth;  ///< where the map is of now, or nearly
  std::optional<Range> range;       ///< from depth and height
};

}  // namespace

struct Tracker::Impl {
  TrackerOptions options;
  ObjectCatalog catalog;
  TurnHistory turns;
  std::vector<Target> targets;
  int next_id = 1;

  /// Pairs candidates with targets; what is paired leaves both lists.
  void associate(std::vector<Target*>& open, std::vector<Candidate>& candidates,
                 double least_overlap, const View& view, bool strong) {
    std::vector<double> costs;
    costs.reserve(open.size() * candidates.size());
    for (const Target* target : open) {
      const double part = std::min(kWiden + kWidenPerUnseenSecond * target->unseen_s(), kWidenMost);
      const Box in_view = clipped(target->box(), view.camera.width, view.camera.height);
      const Box expected = widened(in_view, part);
      for (const Candidate& candidate : candidates) {
        double cost = 1 - iou(expected, widened(candidate.detection->box, part));
        if (!look_alike(candidate.object.kind, target->object().kind)) {
          cost = 2;
        } else {
          if (candidate.object.name != target->object().name) cost += kOtherClassPenalty;
          if (candidate.range && target->is_other(*candidate.range)) cost += kOtherRangePenalty;
        }
        costs.push_back(cost);
      }
    }
    const std::vector<int> pairs = assign(costs, static_cast<int>(open.size()),
                                          static_cast<int>(candidates.size()), 1 - least_overlap);
    std::vector<Target*> still_open;
    std::vector<bool> taken(candidates.size(), false);
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (pairs[i] < 0) {
        still_open.push_back(open[i]);
        continue;
      }
      const auto index = static_cast<std::size_t>(pairs[i]);
      taken[index] = true;
      open[i]->correct(*candidates[index].detection, candidates[index].object, view, strong);
      matched.emplace_back(open[i], candidates[index]);
    }
    std::vector<Candidate> rest;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!taken[i]) rest.push_back(candidates[i]);
    }
    open = std::move(still_open);
    candidates = std::move(rest);
  }

  /// A detection, and how far away it is by itself, without a track.
  [[nodiscard]] Candidate candidate(const Detection& detection, const ObjectClass& object,
                                    const Depth& depth, const View& view) const {
    const MetricDepth* map = metric_map(depth);
    const bool fresh = map != nullptr && age_s(*map) <= kFreshDepthS;
    const std::optional<Range> from_depth = range_of(detection, fresh ? map : nullptr);
    return {&detection, object, from_depth, fused(from_depth, object, detection, view)};
  }

  void measure_range(Target& target, const Candidate& candidate, const Depth& depth,
                     const View& view) {
    std::optional<Range> from_depth = candidate.from_depth;
    const MetricDepth* map = candidate.detection->depth ? nullptr : metric_map(depth);
    if (map != nullptr && age_s(*map) > 0) {
      from_depth.reset();
      if (age_s(*map) <= kOldestDepthS) {
        from_depth = range_from_depth(*map, target.box_before(map->stamp.stream_ns, view, turns));
        if (from_depth) from_depth->age_s = age_s(*map);
      }
    }
    const std::optional<Range> range =
        fused(from_depth, target.object(), *candidate.detection, view);
    if (range) target.correct_range(*range);
  }

  [[nodiscard]] double age_s(const MetricDepth& map) const {
    return static_cast<double>(now_ns - map.stamp.stream_ns) / 1e9;
  }

  static std::optional<Range> fused(std::optional<Range> from_depth, const ObjectClass& object,
                                    const Detection& detection, const View& view) {
    if (from_depth) from_depth = calibrated(*from_depth);
    return object_range(from_depth, range_from_height(object, detection.box, view, detection.cut));
  }

  /// Of two tracks on the same object the one with fewer detections goes.
  void drop_duplicates() {
    std::vector<bool> drop(targets.size(), false);
    for (std::size_t a = 0; a < targets.size(); ++a) {
      for (std::size_t b = a + 1; b < targets.size(); ++b) {
        if (drop[a] || drop[b]) continue;
        if (!look_alike(targets[a].object().kind, targets[b].object().kind)) continue;
        if (iou(targets[a].box(), targets[b].box()) < kDuplicateOverlap) continue;
        drop[targets[a].hits() >= targets[b].hits() ? b : a] = true;
      }
    }
    std::size_t index = 0;
    std::erase_if(targets, [&](const Target&) { return drop[index++]; });
  }

  /// Confirmed and seen a moment ago.
  [[nodiscard]] bool is_published(const Target& target, std::int64_t stream_ns) const {
    const double ahead_s = static_cast<double>(stream_ns - now_ns) / 1e9;
    return target.id() != 0 && target.unseen_s() + ahead_s <= options.predict_s;
  }

  std::int64_t now_ns = 0;                             ///< of the last update
  std::vector<std::pair<Target*, Candidate>> matched;  ///< this frame's pairs
};

Tracker::Tracker(TrackerOptions options, ObjectCatalog catalog) : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  impl_->catalog = std::move(catalog);
}
Tracker::~Tracker() = default;
Tracker::Tracker(Tracker&&) noexcept = default;

void Tracker::turn(std::int64_t stream_ns, const CameraTurn& turned) {
  impl_->turns.add(stream_ns, turned);
}

Tracks Tracker::update(const Detections& detections, const Depth& depth, const View& view) {
  Impl& s = *impl_;
  const std::int64_t now_ns = s.now_ns = detections.stamp.stream_ns;
  std::vector<Candidate> strong;
  std::vector<Candidate> weak;
  for (const Detection& detection : detections.items) {
    if (detection.score < s.options.low_score) continue;
    auto& list = detection.score >= s.options.high_score ? strong : weak;
    const ObjectClass object = s.catalog.find(detections.label(detection));
    list.push_back(s.candidate(detection, object, depth, view));
  }

  s.matched.clear();
  std::vector<Target*> open;
  for (Target& target : s.targets) {
    target.predict(now_ns, view, s.turns);
    open.push_back(&target);
  }
  s.associate(open, strong, kLeastOverlap, view, true);
  // Weak boxes continue only what was seen a moment ago: a track lost for longer must not be
  // revived by noise.
  std::erase_if(open, [](const Target* target) { return target->unseen_s() > 0.5; });
  s.associate(open, weak, kLeastOverlapWeak, view, false);
  for (const auto& [target, candidate] : s.matched) {
    s.measure_range(*target, candidate, depth, view);
  }

  const auto gone = [&](const Target& target) {
    // One that was never confirmed gets little patience.
    if (target.hits() < s.options.confirm_hits) return target.unseen_s() > kPatienceUnconfirmedS;
    return target.weak_s() > s.options.lost_after_s;
  };
  std::erase_if(s.targets, gone);
  for (const Candidate& candidate : strong) {
    if (candidate.detection->score < s.options.high_score + s.options.new_margin) continue;
    s.targets.emplace_back(*candidate.detection, candidate.object, now_ns);
    s.measure_range(s.targets.back(), candidate, depth, view);
  }
  s.drop_duplicates();

  for (Target& target : s.targets) {
    if (target.hits() < s.options.confirm_hits || target.unseen_s() > s.options.predict_s) continue;
    if (target.id() == 0) target.set_id(s.next_id++);
  }
  return predict(detections.stamp, view);
}

Tracks Tracker::update(std::span<const CameraLook> looks, const View& view) {
  return update(joined(looks, impl_->catalog, view), {}, view);
}

Tracks Tracker::predict(const FrameStamp& stamp, const View& view) const {
  Tracks tracks{stamp, {}};
  const double focal_sigma = view.camera.assumed ? impl_->options.assumed_focal_sigma : 0;
  for (const Target& target : impl_->targets) {
    if (!impl_->is_published(target, stamp.stream_ns)) continue;
    tracks.items.push_back(target.publish(stamp.stream_ns, view, impl_->turns, focal_sigma));
    if (impl_->options.calibrated) tracks.items.back().certainty = target.certainty();
  }
  return tracks;
}

Tracker::Doubt Tracker::doubt(std::int64_t stream_ns) const {
  Doubt doubt;
  for (const Target& target : impl_->targets) {
    if (target.id() == 0) doubt.unconfirmed = true;
    if (!impl_->is_published(target, stream_ns)) continue;
    doubt.place = std::max(doubt.place, target.doubt(stream_ns));
  }
  return doubt;
}

void Tracker::continue_ids_from(int id) { impl_->next_id = std::max(impl_->next_id, id); }

}  // namespace lazarillo
