#include "guide/told.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lazarillo {
namespace {

constexpr double kDegPerRad = 180 / std::numbers::pi;
constexpr double kForgetS = 60;  ///< since it was told, once it is out of view
constexpr double kSameBearingDeg = 10;
// Two tracks this close together are taken for the same thing when one ends and the other begins.
// To the side nothing moves while the walker goes straight on; the head turns a little.
constexpr double kSameAside_m = 2, kSameAside = 0.25;  ///< the latter a part of the distance
constexpr double kSamePlace_m = 1, kSamePlace = 0.15;  ///< likewise, where it is known to have gone
constexpr double kSameDistanceRatio = 1.5;
constexpr double kSameDistance_m = 1.5;  ///< where that is more than the ratio
// So long, and so surely, a track that is not seen any more went on as it did.
constexpr double kFollowedS = 3, kCourseDoubt_mps = 1.5;
// So long after it came into view a track may be another that ended.
constexpr double kNewS = 1;
// Two tracks in view at once are of two things when they are so far apart: one thing's two boxes
// are not.
constexpr double kElsewhereDeg = 8, kElsewhereRatio = 2;

/// How far to the side something is, metres.
double aside(double bearing_deg, double distance_m) {
  return distance_m * std::sin(bearing_deg / kDegPerRad);
}

}  // namespace

Told::Course Told::course_of(const Track& track, double now_s) {
  const double bearing = track.bearing_deg / kDegPerRad;
  const double away_mps = -track.closing_speed_mps;
  const double across_mps = *track.distance_m * track.bearing_rate_deg_s / kDegPerRad;
  return {now_s,
          *track.distance_m * std::sin(bearing),
          *track.distance_m * std::cos(bearing),
          away_mps * std::sin(bearing) + across_mps * std::cos(bearing),
          away_mps * std::cos(bearing) - across_mps * std::sin(bearing),
          track.kind};
}

Told::Place Told::place_of(const Course& course) {
  return {std::atan2(course.right_m, course.ahead_m) * kDegPerRad,
          std::hypot(course.right_m, course.ahead_m)};
}

bool Told::is_news(const Wish& wish, double now_s, const GuideOptions& options) const {
  const auto found = cued_.find(subject_of(wish.cue));
  const bool news = found == cued_.end() || is_news(wish, found->second, now_s, options);
  return news && !told_as_another(wish, now_s, options);
}

bool Told::is_news(const Wish& wish, const Cued& last, double now_s, const GuideOptions& options) {
  const Cue& cue = wish.cue;
  const Threat& threat = wish.threat;
  if (wish.serial != last.serial && is_another(cue, last, now_s, options)) return true;
  if (threat.priority < last.priority) return true;  // enumerated from the most urgent
  // A danger is told again while it closes in; one that only stays is known by now.
  if (threat.priority == Priority::critical && threat.closing) {
    return now_s - last.at_s >= options.repeat_critical_s;
  }
  if (now_s - last.at_s < options.repeat_s) return false;
  const bool nearer = cue.distance_m && last.distance_m > 0 &&
                      *cue.distance_m < options.nearer_factor * last.distance_m;
  const bool elsewhere =
      cue.side != last.side && std::abs(cue.bearing_deg - last.bearing_deg) > kSameBearingDeg;
  return nearer || elsewhere;
}

/// Of a hazard on the path whose distance jumped, or that was gone for a moment.
bool Told::is_another(const Cue& cue, const Cued& last, double now_s, const GuideOptions& options) {
  const double since_s = now_s - last.at_s;
  if (since_s < options.repeat_s) return false;
  const double least_m = last.distance_m - kWalkingSpeed * since_s;
  const double distance_m = cue.distance_m.value_or(0);
  return distance_m > kSameDistanceRatio * last.distance_m ||
         distance_m < least_m / kSameDistanceRatio || since_s > 2 * options.repeat_s;
}

/// A track that broke and began anew under another id is no news, nor is the second track of one
/// thing, whichever of the two was told; nor is who sits on a bicycle.
bool Told::told_as_another(const Wish& wish, double now_s, const GuideOptions& options) const {
  const Cue& cue = wish.cue;
  if (is_of_path(cue.kind)) return false;
  return std::any_of(cued_.begin(), cued_.end(), [&](const auto& entry) {
    const Cued& last = entry.second;
    if (entry.first <= 0 || entry.first == cue.track) return false;
    const bool closing_in = wish.threat.priority == Priority::critical && wish.threat.closing;
    const double patience = closing_in ? options.repeat_critical_s : options.repeat_s;
    if (now_s - last.at_s >= patience || wish.threat.priority < last.priority) return false;
    const bool alike = look_alike(last.kind, wish.kind);
    if (!alike && !(last.moves && wish.threat.approaching)) return false;
    // Where that went since, by its own ways, matters to nobody.
    if (alike && last.moves && wish.threat.priority == Priority::info) return true;
    if (!cue.distance_m || last.distance_m <= 0) {
      return std::abs(cue.bearing_deg - last.bearing_deg) <= kSameBearingDeg;
    }
    const Place here{cue.bearing_deg, *cue.distance_m};
    const auto before = courses_.find(entry.first);
    if (before != courses_.end()) {
      const auto now = courses_.find(cue.track);
      if (now != courses_.end() && away(before->second, now->second) < 1) return true;
      // Its own track is in view, where it should be by now, and that is not here.
      const Place there = place_of(before->second);
      const bool in_view = now_s - before->second.at_s < kInViewS;
      if (in_view && may_be(last, there, now_s) && is_elsewhere(there, here)) return false;
    }
    return may_be(last, here, now_s);
  });
}

/// Whether what was told of may be at a place by now: it came nearer as it did, or by the walker's
/// steps; or not at all.
bool Told::may_be(const Cued& last, const Place& place, double now_s) {
  const double aside_m =
      aside(place.bearing_deg, place.distance_m) - aside(last.bearing_deg, last.distance_m);
  // What comes straight at the walker keeps its bearing.
  const bool same_bearing =
      last.moves && std::abs(place.bearing_deg - last.bearing_deg) <= kSameBearingDeg;
  if (!same_bearing && std::abs(aside_m) > kSameAside_m + kSameAside * place.distance_m) {
    return false;
  }
  const double most_m = last.distance_m;
  const double least_m = most_m - std::max(last.closing_mps, kWalkingSpeed) * (now_s - last.at_s);
  return place.distance_m < std::max(kSameDistanceRatio * most_m, most_m + kSameDistance_m) &&
         place.distance_m > std::min(least_m / kSameDistanceRatio, least_m - kSameDistance_m);
}

bool Told::is_elsewhere(const Place& a, const Place& b) {
  const double ratio = a.distance_m / b.distance_m;
  return std::abs(a.bearing_deg - b.bearing_deg) > kElsewhereDeg || ratio > kElsewhereRatio ||
         ratio < 1 / kElsewhereRatio;
}

/// How far something is from where what was seen until a moment ago would be by now, as a part of
/// what that may be.
double Told::away(const Course& before, const Course& now) {
  const double since_s = now.at_s - before.at_s;
  const double off_m = std::hypot(before.right_m + before.right_mps * since_s - now.right_m,
                                  before.ahead_m + before.ahead_mps * since_s - now.ahead_m);
  const double distance_m = std::hypot(now.right_m, now.ahead_m);
  return off_m / (kSamePlace_m + kSamePlace * distance_m + kCourseDoubt_mps * since_s);
}

/// Takes a track that is new for what was told under another one, where that would be by now.
void Told::take_over(int track) {
  const Course& now = courses_.at(track);
  double nearest = 1;
  int found = 0;
  for (const auto& [id, cued] : cued_) {
    if (id <= 0 || !look_alike(cued.kind, now.kind)) continue;
    const auto left = left_.find(id);
    const auto seen = courses_.find(id);
    if (left == left_.end() && (seen == courses_.end() || seen->second.at_s >= now.at_s)) continue;
    const double off = away(left != left_.end() ? left->second : seen->second, now);
    if (off > nearest || (off == nearest && id > found)) continue;
    nearest = off;
    found = id;
  }
  if (found == 0) return;
  cued_[track] = Cued(cued_.at(found));
  // Once; and should that one come back, it is known as well.
  if (left_.erase(found) == 0) courses_.erase(found);
}

void Told::follow(const Tracks& tracks, double now_s) {
  const auto is_old = [&](const auto& c) { return now_s - c.second.at_s > kFollowedS; };
  std::erase_if(courses_, is_old);
  std::erase_if(left_, is_old);
  std::vector<int> fresh;
  for (const Track& track : tracks.items) {
    // Predicted for a moment or not: what is long unseen goes on as it did while it was.
    if (tracks.unseen_s(track) >= kInViewS || !track.distance_m) continue;
    const Course now = course_of(track, now_s);
    const bool told = cued_.contains(track.id);
    const auto before = courses_.find(track.id);
    if (told && before != courses_.end() && away(before->second, now) > 1) {
      left_.insert_or_assign(track.id, before->second);
    }
    courses_.insert_or_assign(track.id, now);
    if (!told && tracks.followed_s(track) < kNewS) fresh.push_back(track.id);
  }
  for (const int track : fresh) take_over(track);
  std::erase_if(cued_, [&](const auto& entry) {
    const bool in_view = std::any_of(tracks.items.begin(), tracks.items.end(),
                                     [&](const Track& track) { return track.id == entry.first; });
    return !in_view && now_s - entry.second.at_s > kForgetS;
  });
}

void Told::remember(const Cue& cue, ObjectKind kind, double now_s, int serial) {
  if (subject_of(cue) == 0) return;
  const double distance_m = cue.distance_m.value_or(0);
  cued_[subject_of(cue)] = {now_s,
                            cue.priority,
                            cue.bearing_deg,
                            distance_m,
                            cue.ttc_s ? distance_m / *cue.ttc_s : 0,
                            kind,
                            cue.kind == CueKind::approaching,
                            cue.side,
                            serial};
}

void Told::forget_path() {
  std::erase_if(cued_, [](const auto& entry) { return entry.first < 0; });
}

}  // namespace lazarillo
