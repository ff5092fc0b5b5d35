#include "guide/pace.h"

#include <algorithm>

namespace lazarillo {
namespace {

constexpr double kMinute_s = 60;
constexpr double kInfoShare = 0.7;  ///< of the budget that information may use up

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

bool WordBudget::affords(Priority priority, int words, double now_s) {
  while (!last_minute_.empty() && now_s - last_minute_.front().at_s >= kMinute_s) {
    sum_ -= last_minute_.front().words;
    last_minute_.pop_front();
  }
  if (priority == Priority::critical) return true;
  return sum_ + words <= limit_ * (priority == Priority::info ? kInfoShare : 1);
}

void WordBudget::spend(int words, double now_s) {
  last_minute_.push_back({now_s, words});
  sum_ += words;
}

}  // namespace lazarillo
