#include "source/gait_watch.h"

#include <gtest/gtest.h>

#include <limits>

#include "source/moving_head.h"

namespace lazarillo {
namespace {

using testing::gait;
using testing::ImuErrors;
using testing::MovingHead;

std::int64_t ns(double t) { return std::llround(t * 1e9); }

struct Fed {
  GaitWatch watch;
  ImuErrors errors;

  void feed(const MovingHead& head, double from_s, double until_s, double rate = 200) {
    for (int i = 0; from_s + i / rate < until_s; ++i) {
      const double t = from_s + i / rate;
      watch.add(ns(t), errors.accel(head.force_m_s2(t)));
    }
  }
  [[nodiscard]] Gait gait_at(double t) const { return watch.at(ns(t)).gait; }
};

MovingHead walker(double stands_s, double steps_per_s, double until_s = 1e9) {
  MovingHead head;
  head.yaw_deg = [](double t) { return 25 * std::sin(1.3 * t); };
  head.pitch_deg = [](double t) { return 10 + 8 * std::sin(2.1 * t); };
  head.neck_m = gait(stands_s, steps_per_s, 1.2, until_s);
  return head;
}

class Cadences : public ::testing::TestWithParam<double> {};

TEST_P(Cadences, AreCounted) {
  const double steps_per_s = GetParam();
  for (const double rate : {50.0, 200.0, 1000.0}) {
    Fed fed;
    fed.feed(walker(0, steps_per_s), 0, 20, rate);
    // The steps of the last 17 s, by what it says of each tenth of a second.
    double steps = 0;
    for (int i = 0; i < 19; ++i) {
      const auto known = fed.watch.at(ns(18.05 + i * 0.1));
      EXPECT_EQ(known.gait, Gait::walking) << rate << " Hz, " << 18 + i * 0.1 << " s";
      steps += known.steps_per_min / 60 * 0.1;
    }
    EXPECT_NEAR(steps, steps_per_s * 1.9, 0.03 * steps_per_s * 1.9) << rate << " Hz";
  }
}

INSTANTIATE_TEST_SUITE_P(OfWalkers, Cadences, ::testing::Values(1.2, 1.5, 1.9, 2.3));

TEST(GaitWatch, StepsThatDifferFromLeftToRightAreSteps) {
  // Heavier on one foot: two steps are more alike than one.
  MovingHead head;
  head.neck_m = [](double t) {
    const double w = 2 * std::numbers::pi * 1.8;
    return testing::Vec{0, 1.2 * t, 1.5 + 0.02 * std::cos(w * t) + 0.012 * std::cos(w / 2 * t)};
  };
  Fed fed;
  fed.feed(head, 0, 6);
  EXPECT_EQ(fed.gait_at(5.99), Gait::walking);
  EXPECT_NEAR(fed.watch.at(ns(5.99)).steps_per_min, 108, 4);
}

TEST(GaitWatch, StandsWalksAndStandsAgain) {
  Fed fed;
  const MovingHead head = walker(5, 1.9, 12);
  std::vector<std::pair<double, Gait>> changes;
  for (int i = 0; i < 170; ++i) {
    fed.feed(head, i * 0.1, (i + 1) * 0.1 - 1e-6);
    const double t = (i + 1) * 0.1 - 0.001;
    if (changes.empty() || changes.back().second != fed.gait_at(t)) {
      changes.emplace_back(t, fed.gait_at(t));
    }
  }
  ASSERT_EQ(changes.size(), 6U) << "no flicker";
  EXPECT_EQ(changes[0].second, Gait::unknown);
  EXPECT_EQ(changes[1].second, Gait::standing);
  EXPECT_LT(changes[1].first, 1.5);
  EXPECT_EQ(changes[2].second, Gait::unknown);
  EXPECT_LT(changes[2].first, 5.6) << "it takes a second to get to speed";
  EXPECT_EQ(changes[3].second, Gait::walking);
  EXPECT_LT(changes[3].first, 7.8);
  EXPECT_EQ(changes[4].second, Gait::unknown);
  EXPECT_GT(changes[4].first, 12);
  EXPECT_EQ(changes[5].second, Gait::standing);
  EXPECT_LT(changes[5].first, 14);
}

TEST(GaitWatch, WhoLooksAroundStands) {
  Fed fed;
  for (int i = 0; i < 10; ++i) {
    fed.feed(walker(1e8, 1.9), i, i + 1 - 1e-6);
    for (double t = std::max(i + 0.1, 1.5); t < i + 1; t += 0.1) {
      EXPECT_EQ(fed.gait_at(t), Gait::standing) << t;
    }
  }
}

TEST(GaitWatch, WhatShakesWithoutARhythmIsNoWalk) {
  // A bus: jolts of the size of steps, at no rate.
  GaitWatch watch;
  std::minstd_rand random(3);
  double value = 0;
  int walking = 0, standing = 0;
  for (int i = 0; i < 6000; ++i) {
    value +=
        0.2 * (static_cast<double>(random()) / std::minstd_rand::max() - 0.5) * 12 - 0.2 * value;
    watch.add(ns(i / 100.0), {0, static_cast<float>(-9.81 + value), 0});
    if (i < 200 || i % 10 != 0) continue;
    const Gait gait = watch.at(ns(i / 100.0)).gait;
    walking += gait == Gait::walking ? 1 : 0;
    standing += gait == Gait::standing ? 1 : 0;
  }
  EXPECT_EQ(standing, 0);
  EXPECT_LE(walking, 20) << "of 580";
}

TEST(GaitWatch, AfterAGapItDoesNotKnow) {
  Fed fed;
  const MovingHead head = walker(0, 1.9);
  fed.feed(head, 0, 5);
  EXPECT_EQ(fed.gait_at(4.99), Gait::walking);
  EXPECT_EQ(fed.gait_at(5.35), Gait::unknown) << "nothing came";
  fed.feed(head, 5.5, 6);
  EXPECT_EQ(fed.gait_at(5.99), Gait::unknown);
  fed.feed(head, 6, 9);
  EXPECT_EQ(fed.gait_at(8.99), Gait::walking);
  // What is short is bridged.
  fed.feed(head, 9.06, 9.5);
  EXPECT_EQ(fed.gait_at(9.49), Gait::walking);
}

TEST(GaitWatch, AClockThatJumpsBeginsAnewAndWhatIsNoNumberIsPassedOver) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  Fed fed;
  fed.feed(walker(0, 1.9), 100, 105);
  EXPECT_EQ(fed.gait_at(104.99), Gait::walking);
  fed.watch.add(ns(104.9), {0, 500, 0});  // out of order
  fed.watch.add(ns(105), {kNan, 0, 0});
  EXPECT_EQ(fed.gait_at(104.99), Gait::walking);
  fed.feed(walker(1e8, 1.9), 0, 0.5);
  EXPECT_EQ(fed.gait_at(0.49), Gait::unknown);
  fed.feed(walker(1e8, 1.9), 0.5, 3);
  EXPECT_EQ(fed.gait_at(2.99), Gait::standing);
}

}  // namespace
}  // namespace lazarillo
