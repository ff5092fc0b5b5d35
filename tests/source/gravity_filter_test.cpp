#include "source/gravity_filter.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "source/moving_head.h"

namespace lazarillo {
namespace {

using testing::angle_deg;
using testing::gait;
using testing::ImuErrors;
using testing::MovingHead;
using testing::Vec;

constexpr double kRate = 400;  // samples a second

double wave(double t, double amplitude, double hz) {
  return amplitude * std::sin(2 * std::numbers::pi * hz * t);
}

/// Looks around, nods and tilts its head.
MovingHead lively() {
  MovingHead head;
  head.yaw_deg = [](double t) { return wave(t, 40, 0.2) + wave(t, 8, 0.7); };
  head.pitch_deg = [](double t) { return 12 + wave(t, 12, 0.5) + wave(t, 2, 1.9); };
  head.roll_deg = [](double t) { return wave(t, 6, 0.3) + wave(t, 1.5, 0.95); };
  return head;
}

std::int64_t ns(double t) { return std::llround(t * 1e9); }

struct Fed {
  GravityFilter filter;
  ImuErrors errors;

  void feed(const MovingHead& head, double from_s, double until_s, double clock_s = 0) {
    for (int i = 0; from_s + i / kRate < until_s; ++i) {
      const double t = from_s + i / kRate;
      filter.add(ns(t + clock_s), errors.gyro(head.rate_rad_s(t)),
                 errors.accel(head.force_m_s2(t)));
    }
  }
  [[nodiscard]] double error_deg(const MovingHead& head, double t, double clock_s = 0) const {
    const auto known = filter.at(ns(t + clock_s));
    return known ? angle_deg(known->down, head.down(t)) : 1e9;
  }
  [[nodiscard]] double deviation_deg(double t) const { return filter.at(ns(t))->deviation_deg; }
};

TEST(MovingHead, ItsRatesAreThoseOfItsAxes) {
  // The reference itself: who turns to the right turns about down (y), who nods about right (x).
  MovingHead head;
  head.yaw_deg = [](double t) { return 30 * t; };
  EXPECT_NEAR(head.rate_rad_s(0.4)[1] * 180 / std::numbers::pi, 30, 1e-6);
  MovingHead nods;
  nods.pitch_deg = [](double t) { return 30 * t; };
  EXPECT_NEAR(nods.rate_rad_s(0)[0] * 180 / std::numbers::pi, -30, 1e-6);
  EXPECT_NEAR(nods.down(0.5)[2], std::sin(15 * std::numbers::pi / 180), 1e-9);
  EXPECT_NEAR(nods.force_m_s2(0)[1], -9.81, 0.05) << "at rest it points up";
}

TEST(GravityFilter, AHeadAtRestIsKnownWithinASecond) {
  Fed fed;
  MovingHead head;
  head.pitch_deg = [](double) { return 25; };
  head.roll_deg = [](double) { return -8; };
  fed.feed(head, 0, 0.2);
  EXPECT_GT(fed.deviation_deg(0.19), 2) << "not that soon";
  fed.feed(head, 0.2, 3);
  EXPECT_LT(fed.error_deg(head, 2.9), 0.7) << "the accelerometer's own bias is 0.4";
  EXPECT_LT(fed.deviation_deg(2.9), 1.5);
}

/// Its error, and how much of it its deviation explains, over minutes.
void expect_known(const MovingHead& head, double most_rms_deg, double most_deg) {
  Fed fed;
  double squares = 0, worst = 0, normed = 0;
  int count = 0;
  for (int i = 0; i < 600; ++i) {
    fed.feed(head, i * 0.1, (i + 1) * 0.1 - 1e-6);
    if (i < 50) continue;
    const double t = (i + 1) * 0.1 - 0.003;
    const double error = fed.error_deg(head, t);
    squares += error * error;
    worst = std::max(worst, error);
    normed += std::pow(error / fed.deviation_deg(t), 2);
    ++count;
    ASSERT_LT(error, 3.5 * fed.deviation_deg(t)) << t;
  }
  EXPECT_LT(std::sqrt(squares / count), most_rms_deg);
  EXPECT_LT(worst, most_deg);
  // Two axes: of a deviation that is right the mean is 2. It may be cautious.
  EXPECT_LT(normed / count, 2.5);
  EXPECT_GT(normed / count, 0.1);
}

TEST(GravityFilter, AHeadThatLooksAroundIsKnown) { expect_known(lively(), 0.8, 1.5); }

TEST(GravityFilter, AHeadThatWalksIsKnown) {
  MovingHead head = lively();
  head.neck_m = gait(8, 1.9);
  expect_known(head, 1.8, 3.5);
}

TEST(GravityFilter, WhatItSaysOfAMomentDoesNotDependOnLaterSamples) {
  Fed fed;
  const MovingHead head = lively();
  fed.feed(head, 0, 4);
  const auto before = fed.filter.at(ns(3.9612));
  fed.feed(head, 4, 5);
  ASSERT_TRUE(before);
  EXPECT_EQ(fed.filter.at(ns(3.9612))->down, before->down);
  EXPECT_EQ(fed.filter.at(ns(3.9612))->deviation_deg, before->deviation_deg);
  EXPECT_LT(fed.error_deg(head, 3.9612), 2);
  EXPECT_FALSE(fed.filter.at(ns(2.9))) << "too long ago";
  EXPECT_FALSE(fed.filter.at(-1));
  EXPECT_FALSE(fed.filter.at(ns(5.11))) << "nothing came for long";
}

TEST(GravityFilter, AfterAGapItIsUnsureUntilItHasSettled) {
  Fed fed;
  MovingHead head;
  head.pitch_deg = [](double t) { return t < 5 ? 0.0 : 40.0; };  // it turned meanwhile
  fed.feed(head, 0, 4.9);
  EXPECT_LT(fed.deviation_deg(4.89), 1.5);
  fed.feed(head, 5.6, 5.65);
  EXPECT_GT(fed.deviation_deg(5.64), 3);
  EXPECT_LT(fed.error_deg(head, 5.64), 3 * fed.deviation_deg(5.64));
  fed.feed(head, 5.65, 8);
  EXPECT_LT(fed.deviation_deg(7.99), 1.5);
  EXPECT_LT(fed.error_deg(head, 7.99), 1);
}

TEST(GravityFilter, AClockThatJumpsBeginsAnew) {
  Fed fed;
  MovingHead head;
  fed.feed(head, 0, 3, 1000);
  head.roll_deg = [](double) { return 30; };
  fed.feed(head, 0, 0.05);  // back by a thousand seconds
  ASSERT_TRUE(fed.filter.at(ns(0.04)));
  EXPECT_GT(fed.deviation_deg(0.04), 3);
  fed.feed(head, 0.05, 3);
  EXPECT_LT(fed.error_deg(head, 2.99), 1);
  fed.feed(head, 3, 6, 1e5);  // forward: a gap
  EXPECT_LT(fed.error_deg(head, 5.99, 1e5), 1);
  // A sample out of order is passed over.
  const auto before = fed.filter.at(ns(1e5 + 5.99));
  fed.filter.add(ns(1e5 + 5.5), std::array<float, 3>{9, 9, 9}, std::array<float, 3>{9, 0, 0});
  EXPECT_EQ(fed.filter.at(ns(1e5 + 5.99))->down, before->down);
}

TEST(GravityFilter, ReadingsThatAreNoneChangeNothing) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  Fed clean, dirty;
  MovingHead head = lively();
  dirty.filter.add(-5, std::array<float, 3>{kNan, 0, 0}, std::array<float, 3>{kInf, 0, 0});
  EXPECT_FALSE(dirty.filter.at(-5));
  for (int i = 0; i < 50; ++i) {
    clean.feed(head, i * 0.1, (i + 1) * 0.1 - 1e-6);
    dirty.feed(head, i * 0.1, (i + 1) * 0.1 - 1e-6);
    const std::int64_t after = ns((i + 1) * 0.1 - 0.002);
    dirty.filter.add(after, std::array<float, 3>{kNan, 0, 0}, std::array<float, 3>{0, kNan, 0});
    dirty.filter.add(after + 1, std::array<float, 3>{1e6F, 0, 0}, std::array<float, 3>{kInf, 0, 0});
    dirty.filter.add(after + 2, std::nullopt, std::nullopt);
  }
  EXPECT_EQ(dirty.filter.at(ns(4.99))->down, clean.filter.at(ns(4.99))->down);
}

TEST(GravityFilter, WithoutAGyroscopeItIsUnsure) {
  GravityFilter filter;
  const MovingHead head = lively();
  ImuErrors errors;
  for (int i = 0; i < 4000; ++i) {
    const double t = i / kRate;
    filter.add(ns(t), std::nullopt, errors.accel(head.force_m_s2(t)));
  }
  const auto known = filter.at(ns(9.99));
  ASSERT_TRUE(known);
  EXPECT_GT(known->deviation_deg, 4) << "any guide leaves it alone";
  EXPECT_LT(angle_deg(known->down, head.down(9.99)), 3 * known->deviation_deg);
}

TEST(GravityFilter, WithoutAnAccelerometerItDoesNotKnow) {
  GravityFilter filter;
  for (int i = 0; i < 100; ++i) filter.add(ns(i / kRate), std::array<float, 3>{}, std::nullopt);
  EXPECT_FALSE(filter.at(ns(0.2)));
}

}  // namespace
}  // namespace lazarillo
