#include "guide/guide.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>

#include "guide/groups.h"
#include "guide/pace.h"
#include "guide/path_watch.h"
#include "guide/threat.h"
#include "guide/vision_watch.h"

namespace lazarillo {
namespace {

constexpr double kNsPerS = 1e9;
constexpr double kDegPerRad = 180 / std::numbers::pi;
constexpr double kNever = -1e9;
constexpr double kForgetS = 60;
constexpr double kFar_m = 1e6;
constexpr double kSameBearingDeg = 10;
// Two tracks this close together are taken for the same thing when one ends and the other begins.
// To the side nothing moves while the walker goes straight on; the head turns a little.
constexpr double kSameAside_m = 2, kSameAside = 0.25;  ///< the latter a part of the distance
constexpr double kSamePlace_m = 1, kSamePlace = 0.15;  ///< likewise, where it is known to have gone
constexpr double kSameDistanceRatio = 1.5;
constexpr double kSameDistance_m = 1.5;  ///< where that is more than the ratio
// So long, and so surely, a track that is not seen any more went on as it did.
constexpr double kFollowedS = 3, kCourseDoubt_mps = 1;
constexpr double kSeenS = 0.15;
// Two tracks in view at once are of two things when they are so far apart: one thing's two boxes
// are not.
constexpr double kElsewhereDeg = 8, kElsewhereRatio = 2;
// A hazard on the path that flickers is the same for so long.
constexpr double kSameHazardS = 3;

/// How far to the side something is, metres.
double aside(double bearing_deg, double distance_m) {
  return distance_m * std::sin(bearing_deg / kDegPerRad);
}

/// What the walker was told about one track.
struct Told {
  double at_s = kNever;
  Priority priority = Priority::info;
  std::string label;
  double bearing_deg = 0;
  double distance_m = 0;  ///< 0: not known
  double closing_mps = 0;
  bool moves = false;  ///< it comes by itself
  Side side = Side::ahead;
  int serial = 0;  ///< Wish::serial
};

/// Where a track was seen last, and how it went on from there; metres to the right and ahead.
struct Course {
  double at_s = kNever;
  double right_m = 0, ahead_m = 0, right_mps = 0, ahead_mps = 0;
};

Course course_of(const Track& track, double now_s) {
  const double bearing = track.bearing_deg / kDegPerRad;
  const double away_mps = -track.closing_speed_mps;
  const double across_mps = *track.distance_m * track.bearing_rate_deg_s / kDegPerRad;
  return {now_s, *track.distance_m * std::sin(bearing), *track.distance_m * std::cos(bearing),
          away_mps * std::sin(bearing) + across_mps * std::cos(bearing),
          away_mps * std::cos(bearing) - across_mps * std::sin(bearing)};
}

}  // namespace

struct Guide::Impl {
  explicit Impl(GuideOptions o) : options(o), budget(o.words_per_minute) {}

  GuideOptions options;
  std::unordered_map<int, Told> told;       ///< by subject_of()
  std::unordered_map<int, Course> courses;  ///< of what was seen lately, by its id
  /// Since when a track has been critical without a break, by its id.
  std::unordered_map<int, double> critical_since_s;
  double last_any_s = kNever;
  double last_urgent_s = kNever;  ///< critical or warning
  double last_critical_s = kNever;
  bool muted = false;
  std::optional<double> stands_since_s;  ///< unset: the walker walks, or that is not known
  VisionWatch vision{options.vision_lost_s, options.vision_slow_s};
  PathWatch path;
  WordBudget budget;

  /// True when this may be told again: never told, more urgent now, or changed since.
  bool news(const Wish& wish, double now_s) const {
    const Cue& cue = wish.cue;
    const Threat& threat = wish.threat;
    const auto found = told.find(subject_of(cue));
    if (found == told.end()) return !told_as_another(wish, now_s);
    const Told& last = found->second;
    if (wish.serial != last.serial && is_another(cue, last, now_s)) return true;
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
  static bool is_another(const Cue& cue, const Told& last, double now_s) {
    if (now_s - last.at_s < kSameHazardS) return false;
    const double since_s = now_s - last.at_s;
    const double least_m = last.distance_m - kWalkingSpeed * since_s;
    const double distance_m = cue.distance_m.value_or(0);
    return distance_m > kSameDistanceRatio * last.distance_m ||
           distance_m < least_m / kSameDistanceRatio || since_s > 2 * kSameHazardS;
  }

  /// A track that broke and began anew under another id is no news; nor is who sits on a bicycle.
  bool told_as_another(const Wish& wish, double now_s) const {
    const Cue& cue = wish.cue;
    if (is_of_path(cue.kind)) return false;
    return std::any_of(told.begin(), told.end(), [&](const auto& entry) {
      const Told& last = entry.second;
      if (entry.first <= 0) return false;
      const double patience =
          wish.threat.priority == Priority::critical ? options.repeat_critical_s : options.repeat_s;
      if (now_s - last.at_s >= patience || wish.threat.priority < last.priority) return false;
      if (last.label != cue.label && !(last.moves && wish.threat.approaching)) return false;
      if (!cue.distance_m || last.distance_m <= 0) {
        return std::abs(cue.bearing_deg - last.bearing_deg) <= kSameBearingDeg;
      }
      if (went_there(entry.first, cue, now_s)) return true;
      if (is_elsewhere(entry.first, cue, now_s)) return false;
      const double aside_m =
          aside(cue.bearing_deg, *cue.distance_m) - aside(last.bearing_deg, last.distance_m);
      if (std::abs(aside_m) > kSameAside_m + kSameAside * *cue.distance_m) return false;
      // Since then it came nearer as it did, or by the walker's steps; or not at all.
      const double most_m = last.distance_m;
      const double least_m =
          most_m - std::max(last.closing_mps, kWalkingSpeed) * (now_s - last.at_s);
      return *cue.distance_m < std::max(kSameDistanceRatio * most_m, most_m + kSameDistance_m) &&
             *cue.distance_m > std::min(least_m / kSameDistanceRatio, least_m - kSameDistance_m);
    });
  }

  /// Whether a track is in view now, and not where the cue is.
  bool is_elsewhere(int track, const Cue& cue, double now_s) const {
    const auto found = courses.find(track);
    if (found == courses.end() || now_s - found->second.at_s >= kSeenS) return false;
    const Course& course = found->second;
    const double bearing_deg = std::atan2(course.right_m, course.ahead_m) * kDegPerRad;
    const double ratio = std::hypot(course.right_m, course.ahead_m) / *cue.distance_m;
    return std::abs(bearing_deg - cue.bearing_deg) > kElsewhereDeg || ratio > kElsewhereRatio ||
           ratio < 1 / kElsewhereRatio;
  }

  /// Whether a track that was seen until a moment ago would be by now where the cue is.
  bool went_there(int track, const Cue& cue, double now_s) const {
    const auto found = courses.find(track);
    if (found == courses.end()) return false;
    const Course& course = found->second;
    const double since_s = now_s - course.at_s;
    const double bearing = cue.bearing_deg / kDegPerRad;
    const double off_m = std::hypot(
        course.right_m + course.right_mps * since_s - *cue.distance_m * std::sin(bearing),
        course.ahead_m + course.ahead_mps * since_s - *cue.distance_m * std::cos(bearing));
    return off_m < kSamePlace_m + kSamePlace * *cue.distance_m + kCourseDoubt_mps * since_s;
  }

  void follow(const Tracks& tracks, double now_s) {
    std::erase_if(courses, [&](const auto& c) { return now_s - c.second.at_s > kFollowedS; });
    for (const Track& track : tracks.items) {
      // Predicted for a moment or not: what is long unseen goes on as it did while it was.
      const double unseen_s =
          static_cast<double>(tracks.stamp.stream_ns - track.last_seen_ns) / kNsPerS;
      if (unseen_s < kSeenS && track.distance_m) courses[track.id] = course_of(track, now_s);
    }
  }

  /// A warning that there is little time left for: neither believed later nor held back longer than
  /// what is critical.
  bool soon(const Threat& threat) const {
    return threat.priority == Priority::warning && threat.urgency < options.soon_s;
  }

  bool may_speak(const Threat& threat, double now_s) const {
    switch (threat.priority) {
      case Priority::critical:
        return threat.closing ? now_s - last_critical_s >= options.gap_critical_s
                              : now_s - last_urgent_s >= options.gap_warning_s;
      case Priority::warning:
        return now_s - last_urgent_s >=
               (soon(threat) ? options.gap_critical_s : options.gap_warning_s);
      case Priority::info:
        return now_s - last_any_s >= options.gap_info_s;
    }
    return false;
  }

  /// An estimate that swings must not cry out: what has not been critical for long enough is no
  /// more than a warning.
  void believe(Threat& threat, int track, double now_s,
               std::unordered_map<int, double>& still_critical) const {
    if (threat.priority != Priority::critical) return;
    const auto before = critical_since_s.find(track);
    const double since_s = before == critical_since_s.end() ? now_s : before->second;
    still_critical[track] = since_s;
    if (now_s - since_s < options.persistence_critical_s) threat.priority = Priority::warning;
  }

  /// What stands does not hit who stands: it is no more than a warning. What comes nearer then
  /// comes by itself, or the walker has set off after all.
  void spare_who_stands(Threat& threat, double now_s) const {
    if (threat.priority != Priority::critical || threat.closing || !stands_since_s) return;
    if (now_s - *stands_since_s >= options.standing_s) threat.priority = Priority::warning;
  }

  /// What of tracks and path there is to tell, most urgent first.
  std::vector<Wish> wishes(const Tracks& tracks, double now_s) {
    std::vector<Wish> wishes;
    std::unordered_map<int, double> still_critical;
    for (const Track& track : tracks.items) {
      auto threat = assess(track, options);
      if (!threat) continue;
      const bool may_be_critical = threat->priority == Priority::critical;
      believe(*threat, track.id, now_s, still_critical);
      spare_who_stands(*threat, now_s);
      const bool critical = threat->priority == Priority::critical;
      const double followed_s =
          static_cast<double>(tracks.stamp.stream_ns - track.first_seen_ns) / kNsPerS;
      const double unseen_s =
          static_cast<double>(tracks.stamp.stream_ns - track.last_seen_ns) / kNsPerS;
      // What is about to be critical is told once, as that.
      const bool believed_soon = critical || (soon(*threat) && !may_be_critical);
      if (followed_s < (believed_soon ? options.persistence_critical_s : options.persistence_s)) {
        continue;
      }
      if (unseen_s > (critical ? options.stale_critical_s : options.stale_s)) continue;
      wishes.push_back({object_cue(track, *threat, tracks.stamp, options), *threat, 0, {}});
    }
    critical_since_s = std::move(still_critical);
    std::vector<Wish> of_path = path.wishes(now_s, tracks, options);
    for (Wish& wish : of_path) {
      spare_who_stands(wish.threat, now_s);
      wish.cue.priority = wish.threat.priority;
      wishes.push_back(std::move(wish));
    }
    std::erase_if(wishes, [&](const Wish& wish) { return !news(wish, now_s); });
    std::sort(wishes.begin(), wishes.end(), [](const Wish& a, const Wish& b) {
      return std::tuple(a.threat.priority, a.threat.urgency, subject_of(a.cue)) <
             std::tuple(b.threat.priority, b.threat.urgency, subject_of(b.cue));
    });
    if (options.groups) join_groups(wishes);
    return wishes;
  }

  void remember(const Cue& cue, double now_s, int serial = 0) {
    last_any_s = now_s;
    if (cue.priority != Priority::info) last_urgent_s = now_s;
    if (cue.priority == Priority::critical) last_critical_s = now_s;
    if (subject_of(cue) != 0) {
      const double distance_m = cue.distance_m.value_or(0);
      Told& now = told[subject_of(cue)];
      now.at_s = now_s;
      now.priority = cue.priority;
      now.label = cue.label;
      now.bearing_deg = cue.bearing_deg;
      now.distance_m = distance_m;
      now.closing_mps = cue.ttc_s ? distance_m / *cue.ttc_s : 0;
      now.moves = cue.kind == CueKind::approaching;
      now.side = cue.side;
      now.serial = serial;
    }
  }

  /// Gives a cue out and remembers it, where the budget allows for it.
  bool tell(const Cue& cue, double now_s, int serial, std::vector<Cue>& cues) {
    const int words = words_of(cue);
    if (muted && cue.priority != Priority::critical) return false;
    if (!budget.affords(cue.priority, words, now_s)) return false;
    budget.spend(words, now_s);
    cues.push_back(cue);
    remember(cue, now_s, serial);
    return true;
  }

  /// The answer to "what is around me".
  Cue look_around(const Tracks& tracks, const Vision& seeing, double now_s) {
    if (const auto lost = vision.asked(seeing, tracks.stamp, now_s)) return *lost;
    // Of the path, too, what is too far away to warn of.
    GuideOptions far = options;
    far.warning_distance_m = far.drop_warning_m = kFar_m;
    return around(tracks, path.wishes(now_s, tracks, far), options);
  }

  CueKind choose_pace(const PacePreset& preset) {
    budget.set_limit(options.words_per_minute = preset.words_per_minute);
    muted = false;
    const auto index = static_cast<int>(&preset - pace_presets().data());
    return static_cast<CueKind>(static_cast<int>(CueKind::pace_critical_only) + index);
  }
};

Guide::Guide(GuideOptions options) : impl_(std::make_unique<Impl>(options)) {}
Guide::~Guide() = default;
Guide::Guide(Guide&&) noexcept = default;

std::vector<Cue> Guide::update(const Tracks& tracks, const Vision& vision) {
  Impl& s = *impl_;
  const double now_s = static_cast<double>(tracks.stamp.stream_ns) / kNsPerS;
  std::vector<Cue> cues;
  for (const Cue& cue : s.vision.update(vision, tracks.stamp, now_s)) {
    cues.push_back(cue);
    s.budget.spend(words_of(cue), now_s);
    s.remember(cue, now_s);
  }
  if (s.vision.lost()) return cues;

  s.follow(tracks, now_s);
  for (const Wish& wish : s.wishes(tracks, now_s)) {
    if (!s.may_speak(wish.threat, now_s)) continue;
    const bool told = s.tell(wish.cue, now_s, wish.serial, cues);
    for (const Cue& member : wish.members) {
      if (told) s.remember(member, now_s);
    }
    if (told && is_of_path(wish.cue.kind)) s.path.told_of_hazard();
  }
  if (cues.empty() && s.path.take_clear(now_s, s.options)) {
    Cue cue;
    cue.kind = CueKind::path_clear;
    cue.stamp = tracks.stamp;
    s.tell(cue, now_s, 0, cues);
    // What stands in the way next is another.
    std::erase_if(s.told, [](const auto& entry) { return entry.first < 0; });
  }
  // What is still in view stays remembered; what left is forgotten after a minute.
  std::erase_if(s.told, [&](const auto& entry) {
    const bool in_view = std::any_of(tracks.items.begin(), tracks.items.end(),
                                     [&](const Track& track) { return track.id == entry.first; });
    return !in_view && now_s - entry.second.at_s > kForgetS;
  });
  return cues;
}

void Guide::see_path(const CorridorView& view) { impl_->path.see(view); }

void Guide::walk(Gait gait, std::int64_t now_ns) {
  std::optional<double>& since_s = impl_->stands_since_s;
  if (gait != Gait::standing) {
    since_s.reset();
  } else if (!since_s) {
    since_s = static_cast<double>(now_ns) / kNsPerS;
  }
}

bool Guide::sees() const { return !impl_->vision.lost(); }

std::optional<double> Guide::way_deg(std::int64_t now_ns) const {
  return impl_->path.way_deg(static_cast<double>(now_ns) / kNsPerS, impl_->options.stale_s);
}

Cue Guide::obey(Command command, const Tracks& tracks, const Vision& vision) {
  Impl& s = *impl_;
  const double now_s = static_cast<double>(tracks.stamp.stream_ns) / kNsPerS;
  Cue answer;
  answer.stamp = tracks.stamp;
  switch (command) {
    case Command::critical_only:
    case Command::calm:
    case Command::normal:
    case Command::dense:
      answer.kind = s.choose_pace(pace_presets().at(static_cast<std::size_t>(command)));
      break;
    case Command::more:
    case Command::less:
      answer.kind =
          s.choose_pace(next_preset(s.options.words_per_minute, command == Command::more ? 1 : -1));
      break;
    case Command::repeat:
      answer.kind = CueKind::repeated;
      break;
    case Command::around:
      answer = s.look_around(tracks, vision, now_s);
      break;
    case Command::mute:
    case Command::unmute:
    case Command::toggle_mute:
      s.muted = command == Command::mute || (command == Command::toggle_mute && !s.muted);
      answer.kind = s.muted ? CueKind::muted : CueKind::unmuted;
      break;
  }
  // Information waits as after anything else that was said.
  s.last_any_s = now_s;
  return answer;
}

Manner Guide::manner() const { return {impl_->options.words_per_minute, impl_->muted}; }

void Guide::set_manner(const Manner& manner) {
  impl_->muted = manner.muted;
  impl_->budget.set_limit(impl_->options.words_per_minute = manner.words_per_minute);
}

}  // namespace lazarillo
