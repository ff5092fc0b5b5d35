#include "guide/path_watch.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace lazarillo {
namespace {

// Not seen for so long it is gone, and what comes then is another.
constexpr double kGone_s = 0.6;
/// Something must have been seen for so long before it is believed, beyond what it was not seen for
/// since; more than kMostEvidence_s counts no more.
constexpr double kEvidence_s = 0.19, kMostEvidence_s = 0.39;
constexpr double kOfPersistence = 0.75;  ///< of a critical track's, it must have been seen for
// The distance of one thing does not jump by more than this part from view to view.
constexpr double kSameDistance = 0.35;
/// Time constant of the filter of distance, whatever the views' rate.
constexpr double kFilter_s = 0.2;
constexpr double kFastest = 3;  ///< m/s a walker comes nearer to what stands; else it is an error
constexpr double kClosing = 0.25;  ///< m/s from which on it comes nearer
// It has come nearer by so much since it was well known: then how fast it does is believed.
constexpr double kCameNearer_m = 0.5;
constexpr double kPasses_mps = 0.5;  ///< across the way, so fast
constexpr double kClear_m = 2.5;     ///< of free ground in view: the way is clear

/// `critical_m` 0: it is never critical.
Threat threat_at(double distance_m, double closing_mps, bool came_nearer, double critical_m,
                 double warning_m, const GuideOptions& options) {
  Threat threat;
  threat.closing = closing_mps > kClosing;
  const double seconds = threat.closing ? distance_m / closing_mps : 1e9;
  threat.urgency = std::min(seconds, distance_m / kWalkingSpeed);
  threat.priority = Priority::info;
  if (distance_m <= warning_m || seconds <= options.warning_ttc_s) {
    threat.priority = Priority::warning;
  }
  if (critical_m > 0 &&
      (distance_m <= critical_m || (came_nearer && seconds <= options.critical_ttc_s))) {
    threat.priority = Priority::critical;
  }
  return threat;
}

/// Whether this track is what the corridor view calls an obstacle, and tells of it itself.
bool explains(const Track& track, double distance_m, double bearing_deg,
              const GuideOptions& options) {
  if (!track.distance_m) return false;
  // What passes from side to side was in the corridor for a moment: whether it will be hit, its
  // track knows better.
  const double across_mps = *track.distance_m * track.bearing_rate_deg_s * std::numbers::pi / 180;
  const bool passes = moves_by_itself(track.kind) && std::abs(across_mps) > kPasses_mps;
  const double off_m = std::abs(*track.distance_m - distance_m);
  if (off_m > std::max(0.5, (passes ? 0.5 : 0.35) * distance_m)) return false;
  if (std::abs(track.bearing_deg - bearing_deg) > track.angular_width_deg / 2 + 10) return false;
  if (passes) return true;
  const auto threat = assess(track, options);
  return threat && threat->priority != Priority::info;
}

}  // namespace

void PathWatch::Followed::meet(double at_s, double distance, double sigma, double bearing) {
  const double step = at_s - last_s;
  const double expected = distance_m - closing_mps * step;
  const bool same = evidence_s >= 0 && step <= kGone_s &&
                    std::abs(distance - expected) <= std::max(0.4, kSameDistance * expected);
  if (same) {
    // Alpha-beta filter (Benedict and Bordner, IRE Trans. Automatic Control 7(4), 1962: beta =
    // alpha^2 / (2 - alpha)).
    const double alpha = 1 - std::exp(-step / kFilter_s);
    const double beta = alpha * alpha / (2 - alpha);
    const double off = distance - expected;
    distance_m = expected + alpha * off;
    closing_mps = std::clamp(closing_mps - beta * off / step, -kFastest, kFastest);
    evidence_s = std::min(evidence_s + step, kMostEvidence_s);
  } else {
    const int next = serial + 1;
    *this = Followed{};
    serial = next;
    first_s = at_s;
    distance_m = distance;
    evidence_s = 0;
  }
  // The first distances of something are the least certain ones.
  if (start_m == 0 && evidence_s >= kMostEvidence_s) start_m = distance_m;
  last_s = at_s;
  sigma_m = sigma;
  bearing_deg = bearing;
}

void PathWatch::Followed::miss(double step_s) {
  evidence_s = evidence_s > step_s ? evidence_s - step_s : -1;
}

bool PathWatch::Followed::believed(double now_s, double stale_s) const {
  return evidence_s >= kEvidence_s && now_s - last_s <= stale_s;
}

void PathWatch::see(const CorridorView& view) {
  const double now_s = static_cast<double>(view.stamp.stream_ns) / 1e9;
  if (now_s <= seen_s_) return;
  const double step_s = now_s - std::exchange(seen_s_, now_s);
  const auto meet = [&](Followed& followed, const std::optional<Obstacle>& o) {
    if (!o) return followed.miss(step_s);
    followed.meet(now_s, o->distance_m, o->distance_sigma_m, o->bearing_deg);
  };
  meet(obstacle_, view.obstacle);
  meet(low_, view.low);
  meet(head_, view.head);
  // The ground's own spread is what the edge is known by.
  const double part = std::max(2 * view.ground.sigma_relative, 0.1);
  const auto meet_edge = [&](Followed& followed, const auto& edge) {
    // Edges are missed in many maps, and seldom seen where there is none.
    if (!edge) return;
    followed.meet(now_s, edge->distance_m, part * edge->distance_m, 0);
  };
  meet_edge(drop_, view.drop);
  if (view.drop) drop_.stairs = view.drop->stairs;
  meet_edge(stairs_up_, view.stairs_up);
  way_round_.reset();
  if (view.way_round_m) way_round_ = *view.way_round_m < 0 ? Side::left : Side::right;
  way_deg_.reset();
  const std::optional<Obstacle>& first = view.first();
  if (view.way_round_m && first) {
    way_deg_ = std::atan2(*view.way_round_m, first->distance_m) * 180 / std::numbers::pi;
  } else if (view.ground.seen && !first && !view.head && !view.drop) {
    way_deg_ = 0;
  }
  const bool clear =
      view.ground.seen && view.clear_m >= kClear_m && !first && !view.head && !view.drop;
  if (!clear) {
    clear_since_s_ = 1e9;
  } else if (clear_since_s_ > now_s) {
    clear_since_s_ = now_s;
  }
}

std::vector<Wish> PathWatch::wishes(double now_s, const Tracks& tracks,
                                    const GuideOptions& options) const {
  std::vector<Wish> wishes;
  const auto add = [&](CueKind kind, const Followed& f, double critical_m, double warning_m) {
    if (!f.believed(now_s, options.stale_s)) return;
    // It went on coming nearer since it was seen.
    const double distance =
        std::max(f.distance_m - std::max(f.closing_mps, 0.0) * (now_s - f.last_s), 0.1);
    Wish wish;
    wish.threat = threat_at(distance, f.closing_mps, f.start_m > f.distance_m + kCameNearer_m,
                            critical_m, warning_m, options);
    if (is_vague(distance, f.sigma_m) && wish.threat.priority == Priority::critical) {
      wish.threat.priority = Priority::warning;
    }
    if (wish.threat.priority == Priority::info) return;
    if (f.last_s - f.first_s < kOfPersistence * options.persistence_critical_s) return;
    wish.serial = &f == &low_ ? -f.serial : f.serial;  // low things are others
    wish.cue.kind = kind;
    wish.cue.priority = wish.threat.priority;
    wish.cue.stamp = tracks.stamp;
    wish.cue.bearing_deg = f.bearing_deg;
    wish.cue.side = side_of(f.bearing_deg, options.ahead_deg);
    wish.cue.clock_hour = clock_hour_of(f.bearing_deg);
    wish.cue.distance_m = distance;
    wish.cue.distance_sigma_m = f.sigma_m;
    if (wish.threat.closing) wish.cue.ttc_s = distance / f.closing_mps;
    wishes.push_back(std::move(wish));
  };
  add(drop_.stairs ? CueKind::stairs_down : CueKind::drop, drop_, options.drop_critical_m,
      options.drop_warning_m);
  add(CueKind::head_level, head_, options.critical_distance_m, options.warning_distance_m);
  if (stairs_up_.believed(now_s, options.stale_s)) {
    // A cane finds the first step: a warning is enough.
    add(CueKind::stairs_up, stairs_up_, 0, options.drop_warning_m);
  } else {
    add(CueKind::obstacle, obstacle_, options.obstacle_critical_m, options.warning_distance_m);
    // Ground that looks raised, because depth errs there, goes along with the walker.
    const auto is_told = [&] {
      return !wishes.empty() && wishes.back().cue.kind == CueKind::obstacle;
    };
    if (!is_told() && low_.start_m > low_.distance_m + kCameNearer_m) {
      add(CueKind::obstacle, low_, options.obstacle_critical_m, options.warning_distance_m);
    }
    if (is_told()) {
      Cue& cue = wishes.back().cue;
      cue.way_round = way_round_;
      const bool known = std::any_of(tracks.items.begin(), tracks.items.end(), [&](const Track& t) {
        return explains(t, *cue.distance_m, cue.bearing_deg, options);
      });
      if (known) wishes.pop_back();
    }
  }
  return wishes;
}

std::optional<double> PathWatch::way_deg(double now_s, double stale_s) const {
  return now_s - seen_s_ <= stale_s ? way_deg_ : std::nullopt;
}

bool PathWatch::take_clear(double now_s, const GuideOptions& options) {
  if (!owes_clear_ || now_s - clear_since_s_ < options.clear_s ||
      now_s - seen_s_ > options.stale_s) {
    return false;
  }
  owes_clear_ = false;
  return true;
}

}  // namespace lazarillo
