#include "guide/threat.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lazarillo {
namespace {

Track person(double distance_m, double bearing_deg) {
  Track track;
  track.id = 1;
  track.kind = ObjectKind::person;
  track.distance_m = distance_m;
  track.bearing_deg = bearing_deg;
  track.angular_width_deg = 5;
  return track;
}

TEST(Threat, ClockHoursTurnWithTheWatch) {
  EXPECT_EQ(clock_hour_of(0), 12);
  EXPECT_EQ(clock_hour_of(14), 12);
  EXPECT_EQ(clock_hour_of(16), 1);
  EXPECT_EQ(clock_hour_of(-16), 11);
  EXPECT_EQ(clock_hour_of(90), 3);
  EXPECT_EQ(clock_hour_of(-90), 9);
  EXPECT_EQ(clock_hour_of(180), 6);
}

TEST(Threat, SidesAreSymmetric) {
  for (double bearing : {0.0, 5.0, 11.9}) {
    EXPECT_EQ(side_of(bearing, 12), Side::ahead);
    EXPECT_EQ(side_of(-bearing, 12), Side::ahead);
  }
  EXPECT_EQ(side_of(12.1, 12), Side::right);
  EXPECT_EQ(side_of(-12.1, 12), Side::left);
}

TEST(Threat, NearerIsNeverLessUrgent) {
  const GuideOptions options;
  for (double bearing : {-60.0, -20.0, 0.0, 20.0, 60.0}) {
    int last = 3;
    for (double distance = 30; distance > 0.3; distance -= 0.1) {
      const auto threat = assess(person(distance, bearing), options);
      const int rank = threat ? static_cast<int>(threat->priority) : 3;
      EXPECT_LE(rank, last) << distance << " m at " << bearing;
      last = rank;
    }
  }
}

TEST(Threat, ConstantBearingCollidesAndMovingBearingPasses) {
  // The sailor's rule: whoever comes nearer on a constant bearing collides.
  Track track = person(3.0, 30);
  track.closing_speed_mps = 2;
  track.ttc_s = 1.5;
  EXPECT_EQ(assess(track, {})->priority, Priority::critical);
  track.bearing_rate_deg_s = 25;
  EXPECT_NE(assess(track, {})->priority, Priority::critical);
}

TEST(Threat, WhatWasPassedIsInNobodysWay) {
  // Walking past a lamp post at 0.6 m: in the corridor as long as it is ahead.
  Track post = person(0.7, 60);
  post.kind = ObjectKind::thing;
  post.angular_width_deg = 15;
  post.angular_height_deg = 60;
  EXPECT_EQ(assess(post, {})->priority, Priority::warning);
  for (const double bearing : {95.0, 120.0, 170.0}) {
    post.bearing_deg = bearing;
    EXPECT_EQ(assess(post, {})->priority, Priority::info) << bearing;
    post.bearing_deg = -bearing;
    EXPECT_EQ(assess(post, {})->priority, Priority::info) << bearing;
  }
}

TEST(Threat, WhoComesFromTheSideAndPassesBehindDoesNotCollide) {
  // Seen at a right angle, coming nearer: on a constant bearing they meet, however far to the side.
  Track track = person(3.0, 88);
  track.closing_speed_mps = 2;
  track.closing_speed_sigma_mps = 0.2;
  track.ttc_s = 1.5;
  EXPECT_EQ(assess(track, {})->priority, Priority::critical);
  // Falling behind by 45 degrees a second they pass 3 m x 0.79 x 1.5 = 3.5 m from the walker.
  track.bearing_rate_deg_s = 45;
  track.bearing_rate_sigma_deg_s = 5;
  EXPECT_EQ(assess(track, {})->priority, Priority::info);
}

TEST(Threat, WhoMayComeIsAWarningAndWhoLikelyDoesIsCritical) {
  // 4 m away, comes at 2.5 m/s; passes at 4 m x 1.6 s x rate.
  Track track = person(4.0, 15);
  track.closing_speed_mps = 2.5;
  track.closing_speed_sigma_mps = 0.2;
  track.ttc_s = 1.6;
  const auto priority = [&](double miss_m, double sigma_deg_s) {
    track.bearing_rate_deg_s = miss_m / (4 * 1.6 * std::cos(15 * 3.14159 / 180)) * 180 / 3.14159;
    track.bearing_rate_sigma_deg_s = sigma_deg_s;
    return assess(track, {})->priority;
  };
  EXPECT_EQ(priority(0.3, 1), Priority::critical);
  // 1.1 m beside the way there is room, but not much.
  EXPECT_EQ(priority(1.1, 2), Priority::warning);
  EXPECT_EQ(priority(2.0, 1), Priority::info);
  // When nobody knows where, it is no alarm, but said.
  EXPECT_EQ(priority(1.4, 15), Priority::warning);
}

TEST(Threat, AnUncertainSpeedIsNoAlarm) {
  Track track = person(6.0, 0);
  track.closing_speed_mps = 3.2;
  track.closing_speed_sigma_mps = 0.1;
  track.ttc_s = 1.9;
  EXPECT_EQ(assess(track, {})->priority, Priority::critical);
  track.closing_speed_mps = 2.1;
  track.ttc_s = 2.9;
  EXPECT_EQ(assess(track, {})->priority, Priority::warning);
  track.closing_speed_sigma_mps = 2;
  EXPECT_EQ(assess(track, {})->priority, Priority::warning);
}

TEST(Threat, WithoutADistanceNothingIsCritical) {
  Track track = person(1, 0);
  track.distance_m.reset();
  EXPECT_FALSE(assess(track, {}).has_value());
  track.angular_width_deg = 40;
  EXPECT_EQ(assess(track, {})->priority, Priority::info);
}

}  // namespace
}  // namespace lazarillo
