#include "guide/guide.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "guide/groups.h"
#include "guide/pace.h"
#include "guide/path_watch.h"
#include "guide/threat.h"
#include "guide/told.h"
#include "guide/vision_watch.h"

namespace lazarillo {
namespace {

constexpr double kNsPerS = 1e9;
constexpr double kNever = -1e9;
constexpr double kFar_m = 1e6;

}  // namespace

struct Guide::Impl {
  explicit Impl(GuideOptions o) : options(o), budget(o.words_per_minute) {}

  GuideOptions options;
  Told told;
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

  /// An estimate that swings must not cry out: what has not been critical for long enough, in view,
  /// is no more than a warning. What was that long stays critical when it is not seen for a moment.
  void believe(Threat& threat, int track, double now_s, double unseen_s,
               std::unordered_map<int, double>& still_critical) const {
    if (threat.priority != Priority::critical) return;
    const auto before = critical_since_s.find(track);
    const double since_s = before == critical_since_s.end() ? now_s : before->second;
    const bool believed = now_s - since_s >= options.persistence_critical_s;
    if (!believed) threat.priority = Priority::warning;
    if (believed || unseen_s <= kInViewS) still_critical[track] = since_s;
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
      const double unseen_s = tracks.unseen_s(track);
      believe(*threat, track.id, now_s, unseen_s, still_critical);
      spare_who_stands(*threat, now_s);
      const bool critical = threat->priority == Priority::critical;
      // What is about to be critical is told once, as that.
      const bool believed_soon = critical || (soon(*threat) && !may_be_critical);
      const double persistence_s =
          believed_soon ? options.persistence_critical_s : options.persistence_s;
      if (tracks.followed_s(track) < persistence_s) continue;
      if (unseen_s > (critical ? options.stale_critical_s : options.stale_s)) continue;
      wishes.push_back(
          {object_cue(track, *threat, tracks.stamp, options), *threat, track.kind, 0, {}});
    }
    critical_since_s = std::move(still_critical);
    std::vector<Wish> of_path = path.wishes(now_s, tracks, options);
    for (Wish& wish : of_path) {
      spare_who_stands(wish.threat, now_s);
      wish.cue.priority = wish.threat.priority;
      wishes.push_back(std::move(wish));
    }
    std::erase_if(wishes, [&](const Wish& wish) { return !told.is_news(wish, now_s, options); });
    std::sort(wishes.begin(), wishes.end(), [](const Wish& a, const Wish& b) {
      return std::tuple(a.threat.priority, a.threat.urgency, subject_of(a.cue)) <
             std::tuple(b.threat.priority, b.threat.urgency, subject_of(b.cue));
    });
    if (options.groups) join_groups(wishes);
    return wishes;
  }

  void remember(const Cue& cue, double now_s, ObjectKind kind = ObjectKind::thing, int serial = 0) {
    last_any_s = now_s;
    if (cue.priority != Priority::info) last_urgent_s = now_s;
    if (cue.priority == Priority::critical) last_critical_s = now_s;
    told.remember(cue, kind, now_s, serial);
  }

  /// Gives a cue out and remembers it, where the budget allows for it.
  bool tell(const Wish& wish, double now_s, std::vector<Cue>& cues) {
    const Cue& cue = wish.cue;
    const int words = words_of(cue);
    if (muted && cue.priority != Priority::critical) return false;
    if (!budget.affords(cue.priority, words, now_s)) return false;
    budget.spend(words, now_s);
    cues.push_back(cue);
    remember(cue, now_s, wish.kind, wish.serial);
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

  s.told.follow(tracks, now_s);
  for (const Wish& wish : s.wishes(tracks, now_s)) {
    if (!s.may_speak(wish.threat, now_s)) continue;
    const bool told = s.tell(wish, now_s, cues);
    for (const Cue& member : wish.members) {
      if (told) s.remember(member, now_s, wish.kind);
    }
    if (told && is_of_path(wish.cue.kind)) s.path.told_of_hazard();
  }
  if (cues.empty() && s.path.take_clear(now_s, s.options)) {
    Wish wish;
    wish.cue.kind = CueKind::path_clear;
    wish.cue.stamp = tracks.stamp;
    s.tell(wish, now_s, cues);
    s.told.forget_path();
  }
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
