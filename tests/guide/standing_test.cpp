// What is told to somebody who stands, as an IMU knows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "guide/guide.h"

namespace lazarillo {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;

struct Said {
  double at_s;
  Priority priority;
  CueKind kind;
};

/// Ground without anything on it, as a depth map shows it ten times a second.
CorridorView open_ground() {
  CorridorView view;
  view.ground.height_m = 1.6;
  view.ground.sigma_relative = 0.03;
  view.ground.seen = true;
  view.clear_m = 4;
  return view;
}

/// `look` changes the open ground; `gait` nothing: there is no IMU.
std::vector<Said> play(double seconds, const std::function<void(double, CorridorView&)>& look,
                       const std::function<Gait(double)>& gait = {}, GuideOptions options = {}) {
  Guide guide(options);
  std::vector<Said> said;
  for (int frame = 0; frame < static_cast<int>(seconds * 30); ++frame) {
    const double t = frame / 30.0;
    Tracks now;
    now.stamp.stream_ns = static_cast<std::int64_t>(t * 1e9);
    if (gait) guide.walk(gait(t), now.stamp.stream_ns);
    if (frame % 3 == 0) {
      CorridorView view = open_ground();
      view.stamp = now.stamp;
      look(t, view);
      guide.see_path(view);
    }
    for (const Cue& cue : guide.update(now, {now.stamp.stream_ns})) {
      said.push_back({t, cue.priority, cue.kind});
    }
  }
  return said;
}

void wall(double, CorridorView& view) { view.obstacle = Obstacle{0.7, 0.05, 0, 0.1, 2}; }
void edge(double, CorridorView& view) { view.drop = Drop{1.4, 0.5, false}; }
void sign(double, CorridorView& view) { view.head = Obstacle{0.9, 0.05, 0, 1.5, 1.9}; }

const auto critical = Field(&Said::priority, Priority::critical);
const auto warning = Field(&Said::priority, Priority::warning);
Gait stands(double) { return Gait::standing; }

TEST(Standing, WhatStandsBeforeWhoStandsIsAWarning) {
  for (const auto look : {wall, edge, sign}) {
    const auto later = [&](double t, CorridorView& view) {
      if (t > 2) look(t, view);
    };
    EXPECT_THAT(play(6, later), Contains(critical)) << "without an IMU";
    EXPECT_THAT(play(6, later, [](double) { return Gait::walking; }), Contains(critical));
    EXPECT_THAT(play(6, later, [](double) { return Gait::unknown; }), Contains(critical));
    const auto said = play(6, later, stands);
    EXPECT_THAT(said, Contains(warning));
    EXPECT_THAT(said, Not(Contains(critical)));
  }
}

TEST(Standing, OnlyWhoHasStoodForASecond) {
  const auto just = [](double t) { return t < 0.2 ? Gait::walking : Gait::standing; };
  EXPECT_THAT(play(1.1, wall, just), Contains(critical));
  // Who fidgets has not.
  const auto fidgets = [](double t) {
    return std::fmod(t, 0.8) < 0.1 ? Gait::unknown : Gait::standing;
  };
  EXPECT_THAT(play(6, wall, fidgets), Contains(critical));
  GuideOptions never;
  never.standing_s = 1e9;
  EXPECT_THAT(play(6, wall, stands, never), Contains(critical));
}

TEST(Standing, WhoSetsOffIsToldAtOnce) {
  const auto sets_off = [](double t) { return t < 4 ? Gait::standing : Gait::unknown; };
  const auto said = play(
      6,
      [](double t, CorridorView& view) {
        if (t > 2) wall(t, view);
      },
      sets_off);
  ASSERT_THAT(said, Contains(critical));
  for (const Said& s : said) {
    if (s.priority != Priority::critical) continue;
    EXPECT_GE(s.at_s, 4);
    EXPECT_LT(s.at_s, 4.1);
    break;
  }
}

TEST(Standing, WhatComesByItselfIsCritical) {
  // A trolley without a name comes at the walker at 1 m/s.
  const auto said = play(
      5,
      [](double t, CorridorView& view) {
        view.obstacle = Obstacle{6 - t, 0.2, 0, 0.1, 1};
      },
      stands);
  EXPECT_THAT(said, Contains(AllOf(critical, Field(&Said::kind, CueKind::obstacle))));
}

TEST(Standing, TheWayIsClearAsEver) {
  EXPECT_THAT(play(
                  10, [](double, CorridorView&) {}, stands),
              IsEmpty());
}

}  // namespace
}  // namespace lazarillo
