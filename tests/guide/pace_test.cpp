#include "guide/pace.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace lazarillo {
namespace {

TEST(Pace, PresetsGrow) {
  double before = -1;
  for (const PacePreset& preset : pace_presets()) {
    EXPECT_GT(preset.words_per_minute, before);
    before = preset.words_per_minute;
    EXPECT_EQ(words_per_minute_of(preset.name), preset.words_per_minute);
  }
  EXPECT_EQ(words_per_minute_of("critical-only"), 0);
  EXPECT_FALSE(words_per_minute_of("chatty"));
}

TEST(Pace, NoMinuteHasMoreThanTheBudget) {
  std::minstd_rand random(3);
  for (const double limit : {30.0, 60.0, 120.0}) {
    WordBudget budget(limit);
    std::vector<std::pair<double, int>> said;
    int held_back = 0;
    for (double t = 0; t < 600; t += 0.25) {
      const int words = 2 + static_cast<int>(random() % 8);
      const Priority priority = random() % 2 == 0 ? Priority::info : Priority::warning;
      if (!budget.affords(priority, words, t)) {
        ++held_back;
        continue;
      }
      budget.spend(words, t);
      said.emplace_back(t, words);
    }
    EXPECT_GT(held_back, 0);
    for (const auto& [end, unused] : said) {
      int sum = 0;
      for (const auto& [at, words] : said) sum += at <= end && end - at < 60 ? words : 0;
      EXPECT_LE(sum, limit);
    }
  }
}

TEST(Pace, WhatIsCriticalIsNeverHeldBack) {
  WordBudget budget(0);
  EXPECT_FALSE(budget.affords(Priority::warning, 1, 0));
  for (double t = 0; t < 60; ++t) {
    EXPECT_TRUE(budget.affords(Priority::critical, 9, t));
    budget.spend(9, t);
  }
}

TEST(Pace, ThatItSeesAgainStillFits) {
  Cue again;
  again.kind = CueKind::vision_back;
  for (const PacePreset& preset : pace_presets()) {
    if (preset.words_per_minute == 0) continue;
    WordBudget budget(preset.words_per_minute);
    int sum = 0;
    for (double t = 0; t < 30; t += 0.1) {
      if (!budget.affords(Priority::warning, 1, t)) continue;
      budget.spend(1, t);
      ++sum;
    }
    EXPECT_GT(sum, preset.words_per_minute / 2);
    EXPECT_LE(sum + words_of(again), preset.words_per_minute);
  }
}

TEST(Pace, InformationLeavesRoomForWarnings) {
  WordBudget budget(60);
  double t = 0;
  while (budget.affords(Priority::info, 6, t)) {
    budget.spend(6, t);
    t += 0.1;
  }
  EXPECT_TRUE(budget.affords(Priority::warning, 6, t));
  EXPECT_FALSE(budget.affords(Priority::info, 6, t + 30));
  EXPECT_TRUE(budget.affords(Priority::info, 6, t + 64));
}

}  // namespace
}  // namespace lazarillo
