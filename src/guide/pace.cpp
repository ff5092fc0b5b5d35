#include "guide/pace.h"

#include <algorithm>
#include <sstream>

namespace lazarillo {
namespace {

/// A minute, and as long as a sentence may wait until it begins: what is meant to be spread over
/// two minutes must not be heard in one.
constexpr double kMinute_s = 63;
constexpr double kInfoShare = 0.7;  ///< of the budget that information may use up
constexpr int kOfTheSystem = 4;     ///< words of "I can see again"

}  // namespace

const std::vector<PacePreset>& pace_presets() {
  static const std::vector<PacePreset> presets{
      {"critical-only", 0}, {"calm", 30}, {"normal", 60}, {"dense", 120}};
  return presets;
}

std::optional<double> words_per_minute_of(std::string_view preset) {
  const auto& all = pace_presets();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const PacePreset& each) { return each.name == preset; });
  if (found == all.end()) return std::nullopt;
  return found->words_per_minute;
}

const PacePreset& next_preset(double words_per_minute, int step) {
  const auto& all = pace_presets();
  if (step > 0) {
    const auto above = std::find_if(all.begin(), all.end(), [&](const PacePreset& each) {
      return each.words_per_minute > words_per_minute;
    });
    return above == all.end() ? all.back() : *above;
  }
  const auto below = std::find_if(all.rbegin(), all.rend(), [&](const PacePreset& each) {
    return each.words_per_minute < words_per_minute;
  });
  return below == all.rend() ? all.front() : *below;
}

int words_in(const std::string& sentence) {
  std::istringstream stream(sentence);
  int count = 0;
  for (std::string word; stream >> word;) ++count;
  return count;
}

Cue as_part(Cue part) {
  part.priority = Priority::info;
  part.clock_hour = 12;  // left out of a sentence
  return part;
}

int words_of(const Cue& cue) {
  constexpr int kHour = 2, kWayRound = 4;
  const bool urgent = cue.priority == Priority::critical;
  int words = 2;  // what, and where
  switch (cue.kind) {
    case CueKind::path_clear:
    case CueKind::muted:
    case CueKind::unmuted:
    case CueKind::pace_calm:
    case CueKind::pace_normal:
    case CueKind::pace_dense:
      return 1;
    case CueKind::pace_critical_only:
      return 2;
    case CueKind::nothing_to_repeat:
      return 3;
    case CueKind::repeated:
      return 0;  // not known here
    case CueKind::around: {
      if (cue.parts.empty()) return 3;
      int sum = 0;
      for (const Cue& part : cue.parts) sum += words_of(as_part(part));
      return sum;
    }
    case CueKind::vision_lost:
    case CueKind::vision_back:
    case CueKind::too_dark:
    case CueKind::view_blocked:
    case CueKind::too_bright:
    case CueKind::view_blurred:
    case CueKind::vision_slow:
      return kOfTheSystem;
    case CueKind::head_level:
      words = 4;
      break;
    case CueKind::drop:
    case CueKind::stairs_down:
      words = 3;
      break;
    case CueKind::approaching:
      words = 3;
      [[fallthrough]];
    case CueKind::object:
      if (!cue.others.empty()) {
        ++words;  // how many
      } else if (!urgent && cue.side != Side::ahead && cue.clock_hour != 12) {
        words += kHour;
      }
      break;
    case CueKind::obstacle:
    case CueKind::stairs_up:
      break;
  }
  if (cue.maybe) ++words;
  if (!urgent && cue.way_round) words += kWayRound;
  if (cue.distance_m && !is_vague(*cue.distance_m, cue.distance_sigma_m)) {
    const double metres = *cue.distance_m;
    // "Half a metre", "one and a half metres", "about 15 metres", "4 metres".
    words += metres < 0.75 ? 3 : metres > 1.25 && metres < 1.75 ? 5 : metres > 10 ? 3 : 2;
  }
  return words;
}

bool WordBudget::affords(Priority priority, int words, double now_s) {
  while (!last_minute_.empty() && now_s - last_minute_.front().at_s >= kMinute_s) {
    sum_ -= last_minute_.front().words;
    last_minute_.pop_front();
  }
  if (priority == Priority::critical) return true;
  // That the system sees again is told in any case: room is kept for it.
  const double free = limit_ - kOfTheSystem;
  return sum_ + words <= free * (priority == Priority::info ? kInfoShare : 1);
}

void WordBudget::spend(int words, double now_s) {
  last_minute_.push_back({now_s, words});
  sum_ += words;
}

}  // namespace lazarillo
