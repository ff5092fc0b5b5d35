#include "guide/groups.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "guide/pace.h"

namespace lazarillo {
namespace {

// "About the same distance": one number serves for all of them.
constexpr double kSameDistanceRatio = 1.5, kSameDistance_m = 1.5;
constexpr double kPathInterest = 2.5;  ///< as a person: it is in the way
constexpr double kFar_m = 1e6;         ///< stands for a distance that is not known

bool near_each_other(const Cue& a, const Cue& b) {
  if (a.distance_m.has_value() != b.distance_m.has_value()) return false;
  if (!a.distance_m) return true;
  const auto [near_m, far_m] = std::minmax(*a.distance_m, *b.distance_m);
  return far_m <= std::max(near_m * kSameDistanceRatio, near_m + kSameDistance_m);
}

bool alike(const Cue& a, const Cue& b) {
  return !is_of_path(a.kind) && !is_of_path(b.kind) && a.label == b.label && a.side == b.side &&
         near_each_other(a, b);
}

/// Takes `other` into the group of `lead`; the nearest of them leads.
void join(Cue& lead, Cue other) {
  if (other.distance_m && *other.distance_m < lead.distance_m.value_or(kFar_m)) {
    std::swap(lead, other);
    lead.others = std::exchange(other.others, {});
  }
  lead.others.push_back(other.track);
  lead.priority = std::min(lead.priority, other.priority);
  lead.maybe = lead.maybe && other.maybe;
  if (other.kind == CueKind::object) lead.kind = CueKind::object;
}

/// Something in view and how early it is told: smaller first.
struct InView {
  Cue cue;
  double order = 0;
};

}  // namespace

Cue object_cue(const Track& track, const Threat& threat, const FrameStamp& stamp,
               const GuideOptions& options) {
  Cue cue;
  cue.kind = threat.approaching ? CueKind::approaching : CueKind::object;
  cue.priority = threat.priority;
  cue.stamp = stamp;
  cue.track = track.id;
  cue.label = track.label;
  // In danger every word costs a step, and what it is matters less than that it is there.
  cue.maybe = cue.priority != Priority::critical && track.certainty &&
              *track.certainty < options.maybe_below;
  cue.bearing_deg = track.bearing_deg;
  cue.side = side_of(track.bearing_deg, options.ahead_deg);
  cue.clock_hour = clock_hour_of(track.bearing_deg);
  cue.distance_m = track.distance_m;
  cue.distance_sigma_m = track.distance_sigma_m;
  cue.ttc_s = track.ttc_s;
  return cue;
}

void join_groups(std::vector<Wish>& wishes) {
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    if (wishes[i].cue.priority == Priority::critical) continue;
    for (std::size_t k = i + 1; k < wishes.size();) {
      Wish& lead = wishes[i];
      const Cue& cue = wishes[k].cue;
      if (cue.priority != lead.cue.priority || cue.kind != lead.cue.kind || !alike(lead.cue, cue)) {
        ++k;
        continue;
      }
      if (lead.members.empty()) lead.members.push_back(lead.cue);
      lead.members.push_back(cue);
      join(lead.cue, cue);
      wishes.erase(wishes.begin() + static_cast<std::ptrdiff_t>(k));
    }
  }
}

Cue around(const Tracks& tracks, const std::vector<Wish>& of_path, const GuideOptions& options) {
  std::vector<InView> items;
  for (const Track& track : tracks.items) {
    // A track that has left the picture is not in view.
    if (tracks.unseen_s(track) > options.stale_critical_s || track.box.x2 <= track.box.x1) continue;
    const Threat threat = assess(track, options).value_or(Threat{});
    items.push_back({object_cue(track, threat, tracks.stamp, options),
                     track.distance_m.value_or(kFar_m) / interest_factor(track.kind)});
  }
  for (const Wish& wish : of_path) {
    InView item{wish.cue, wish.cue.distance_m.value_or(kFar_m) / kPathInterest};
    item.cue.way_round.reset();
    if (item.cue.priority != Priority::critical &&
        wish.cue.distance_m.value_or(kFar_m) > options.warning_distance_m) {
      item.cue.priority = Priority::info;
    }
    items.push_back(std::move(item));
  }
  std::sort(items.begin(), items.end(), [](const InView& a, const InView& b) {
    return std::tuple(a.cue.priority, a.order, a.cue.track) <
           std::tuple(b.cue.priority, b.order, b.cue.track);
  });
  std::vector<Cue> groups;
  for (InView& item : items) {
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const Cue& group) { return alike(group, item.cue); });
    if (same == groups.end()) {
      groups.push_back(std::move(item.cue));
    } else {
      join(*same, std::move(item.cue));
    }
  }
  Cue answer;
  answer.kind = CueKind::around;
  answer.stamp = tracks.stamp;
  for (Cue& group : groups) {
    answer.parts.push_back(std::move(group));
    if (answer.parts.size() > 1 && words_of(answer) > kMostAroundWords) {
      answer.parts.pop_back();
      break;
    }
  }
  return answer;
}

}  // namespace lazarillo
