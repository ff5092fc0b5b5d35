// What was told of one track and goes on under another, and what is not believed at once. Tracks
// are made up, without a tracker: where they break is what is tested.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include "guide/guide.h"

namespace lazarillo {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kFps = 30;

/// Something at a place (metres to the right and ahead) that moves straight (m/s), seen since a
/// moment and now.
struct Mover {
  int id;
  std::string label;
  ObjectKind kind;
  double right_m, ahead_m, right_mps, ahead_mps;
  double first_s = 0;
};

Track track_of(const Mover& mover, double t, double unseen_s = 0) {
  const double since = t - mover.first_s;
  const double right = mover.right_m + mover.right_mps * since;
  const double ahead = mover.ahead_m + mover.ahead_mps * since;
  const double distance = std::hypot(right, ahead);
  Track track;
  track.id = mover.id;
  track.label = mover.label;
  track.kind = mover.kind;
  track.hits = 100;
  track.first_seen_ns = std::llround(mover.first_s * 1e9);
  track.last_seen_ns = std::llround((t - unseen_s) * 1e9);
  track.distance_m = distance;
  track.distance_sigma_m = 0.05 * distance;
  track.bearing_deg = std::atan2(right, ahead) * 180 / std::numbers::pi;
  track.closing_speed_mps = -(right * mover.right_mps + ahead * mover.ahead_mps) / distance;
  track.closing_speed_sigma_mps = 0.1;
  track.bearing_rate_deg_s = (ahead * mover.right_mps - right * mover.ahead_mps) /
                             (distance * distance) * 180 / std::numbers::pi;
  track.bearing_rate_sigma_deg_s = 1;
  track.angular_width_deg = 2 * std::atan(0.25 / distance) * 180 / std::numbers::pi;
  track.angular_height_deg = 15;
  if (track.closing_speed_mps > 0.2) track.ttc_s = distance / track.closing_speed_mps;
  return track;
}

struct Said {
  double at_s;
  Cue cue;
};

std::vector<Said> play(double seconds, const std::function<std::vector<Track>(double)>& tracks) {
  Guide guide{GuideOptions()};
  std::vector<Said> said;
  for (int frame = 0; frame < static_cast<int>(seconds * kFps); ++frame) {
    const double t = frame / kFps;
    Tracks now;
    now.stamp.stream_ns = std::llround(t * 1e9);
    now.items = tracks(t);
    for (const Cue& cue : guide.update(now, {now.stamp.stream_ns})) said.push_back({t, cue});
  }
  return said;
}

const Mover kCrossing{1, "person", ObjectKind::person, 4, 7, -1.2, 0};

TEST(Told, WhoCrossesUnderAnotherTrackIsNotToldAgain) {
  // From the right to the left; a post hides them for half a second. The cooldown is 6 s.
  const auto said = play(6, [](double t) -> std::vector<Track> {
    if (t < 2) return {track_of(kCrossing, t)};
    if (t < 2.5) return {};
    Mover again = kCrossing;
    again.id = 2;
    again.first_s = 2.5;
    again.right_m += again.right_mps * 2.5;
    return {track_of(again, t)};
  });
  ASSERT_THAT(said, SizeIs(1));
  EXPECT_EQ(said[0].cue.track, 1);
}

TEST(Told, WhoComesFromWhereTheOtherCannotBeIsTold) {
  const auto said = play(7, [](double t) -> std::vector<Track> {
    if (t < 2) return {track_of(kCrossing, t)};
    if (t < 2.5) return {};
    return {track_of({2, "person", ObjectKind::person, -5, 9, 0.8, 0, 2.5}, t)};
  });
  ASSERT_THAT(said, SizeIs(2));
  EXPECT_EQ(said[1].cue.track, 2);
}

TEST(Told, ABicycleThatIsAMotorcycleNowIsNotToldAgain) {
  // It stands beside the way.
  const auto said = play(5, [](double t) -> std::vector<Track> {
    if (t < 1.5) return {track_of({1, "bicycle", ObjectKind::cycle, 2, 5, 0, 0}, t)};
    return {track_of({2, "motorcycle", ObjectKind::motorcycle, 2, 5, 0, 0, 1.5}, t)};
  });
  EXPECT_THAT(said, SizeIs(1));
}

TEST(Told, ACarWhoseTrackWentOverToTheNextOneIsNotToldAgain) {
  // Parked in a row; the walker comes nearer at 1.2 m/s. The first track goes on at the car behind.
  const auto said = play(5, [](double t) -> std::vector<Track> {
    const Mover near{1, "car", ObjectKind::vehicle, 3, 9, 0, -1.2, 0};
    if (t < 1.5) return {track_of(near, t)};
    Mover behind = near;
    behind.ahead_m = 16;
    Mover again = near;
    again.id = 2;
    again.first_s = 1.5;
    again.ahead_m = 9 - 1.2 * 1.5;
    return {track_of(behind, t), track_of(again, t)};
  });
  EXPECT_THAT(said, SizeIs(1));
}

TEST(Told, OfTwoTracksOfOneOnlyOneIsTold) {
  // A box of its own and one that lags behind, both all the time.
  const auto said = play(6, [](double t) -> std::vector<Track> {
    const Mover coming{1, "person", ObjectKind::person, 3, 12, -0.3, -1.5, 0};
    Mover double_of_it = coming;
    double_of_it.id = 2;
    double_of_it.ahead_m += 1;
    return {track_of(coming, t), track_of(double_of_it, t)};
  });
  // Each priority once, whichever of the two tells it.
  for (const Priority priority : {Priority::info, Priority::warning}) {
    EXPECT_LE(std::count_if(said.begin(), said.end(),
                            [&](const Said& s) {
                              return s.cue.priority == priority && s.cue.others.empty();
                            }),
              1);
  }
}

TEST(Told, WhatCameStraightAndWasLostOnTheWayIsNotToldAgain) {
  // A bicycle from 24 m away, 45 degrees aside; not seen for three seconds in between.
  const Mover coming{1, "bicycle", ObjectKind::cycle, 10, 20, -1.9, -3.8, 0};
  const auto said = play(4.8, [&](double t) -> std::vector<Track> {
    if (t < 1) return {track_of(coming, t)};
    if (t < 4) return {};
    Mover again{2, "bicycle", ObjectKind::cycle, 10 - 1.9 * 4, 20 - 3.8 * 4, -1.9, -3.8, 4};
    return {track_of(again, t)};
  });
  std::vector<Said> warnings;
  for (const Said& s : said) {
    if (s.cue.priority == Priority::warning) warnings.push_back(s);
  }
  ASSERT_THAT(warnings, SizeIs(1));
  EXPECT_EQ(warnings[0].cue.track, 1);
  // What is critical now is told, whatever was told before.
  EXPECT_EQ(said.back().cue.priority, Priority::critical);
}

TEST(Told, WhatIsOutOfViewDoesNotBecomeCritical) {
  // Straight at the walker; 3 s before contact nobody detects it any more.
  const Mover coming{1, "person", ObjectKind::person, 0, 8, 0, -2, 0};
  const auto unseen = [&](double lost_s) {
    std::vector<Said> critical;
    for (const Said& s : play(3.5, [&](double t) -> std::vector<Track> {
           return {track_of(coming, t, std::min(std::max(t - lost_s, 0.0), 0.25))};
         })) {
      if (s.cue.priority == Priority::critical) critical.push_back(s);
    }
    return critical;
  };
  EXPECT_THAT(unseen(1.0), IsEmpty());
  // Seen when it became that, it stays so.
  ASSERT_THAT(unseen(1.7), ::testing::Not(IsEmpty()));
  EXPECT_NEAR(unseen(1.7)[0].at_s, 4 - 2.7 + 0.2, 0.1);
}

}  // namespace
}  // namespace lazarillo
