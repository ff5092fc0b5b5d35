#include <gmock/gmock.h>

#include <cmath>
#include <string>
#include <vector>

#include "guide/guide.h"

// What is said of seeing itself.

namespace lazarillo {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class VisionCues : public ::testing::Test {
 protected:
  /// Pictures at 30 a second up to `until_s`, each looked at `age_s` after it was taken.
  void go(double until_s, PictureState picture, double age_s = 0) {
    for (; now_s < until_s - 1e-9; now_s += 1 / 30.0) {
      Tracks tracks;
      tracks.stamp.stream_ns = std::llround(now_s * 1e9);
      vision.picture = picture;
      vision.looked_ns = std::llround((now_s - age_s) * 1e9);
      if (shows_something(picture)) vision.last_seen_ns = tracks.stamp.stream_ns;
      for (const Cue& cue : guide.update(tracks, vision)) {
        told.emplace_back(to_string(cue.kind));
        at_s.push_back(now_s);
        priorities.push_back(cue.priority);
      }
    }
  }

  Guide guide{GuideOptions{}};
  Vision vision;
  double now_s = 0;
  std::vector<std::string> told;
  std::vector<double> at_s;
  std::vector<Priority> priorities;
};

TEST_F(VisionCues, SaysWhyNothingIsSeenWithinHalfASecond) {
  go(2, PictureState::clear);
  go(4, PictureState::dark);
  go(6, PictureState::clear);
  go(8, PictureState::blocked);
  go(10, PictureState::clear);
  go(12, PictureState::repeated);
  EXPECT_THAT(told,
              ElementsAre("too_dark", "vision_back", "view_blocked", "vision_back", "vision_lost"));
  EXPECT_LE(at_s[0] - 2, 0.5);
  EXPECT_LE(at_s[2] - 6, 0.5);
  EXPECT_LE(at_s[4] - 10, 0.5);
  EXPECT_EQ(priorities[0], Priority::critical);
  EXPECT_EQ(priorities[1], Priority::warning);
}

TEST_F(VisionCues, WhiteAllOverIsNotSeeing) {
  go(2, PictureState::clear);
  go(4, PictureState::bright);
  EXPECT_THAT(told, ElementsAre("too_bright"));
  EXPECT_EQ(priorities[0], Priority::critical);
}

TEST_F(VisionCues, ABlurThatStaysIsSaidOnce) {
  go(2, PictureState::clear);
  go(2.9, PictureState::blurred);  // a head that turns
  go(4, PictureState::clear);
  EXPECT_THAT(told, IsEmpty());
  go(10, PictureState::blurred);
  EXPECT_THAT(told, ElementsAre("view_blurred"));
  EXPECT_LE(at_s[0] - 4, 1.1);
  EXPECT_EQ(priorities[0], Priority::warning);
  go(11, PictureState::clear);
  go(14, PictureState::blurred);
  EXPECT_THAT(told, ElementsAre("view_blurred"));
  go(18, PictureState::clear);
  go(20, PictureState::blurred);
  EXPECT_THAT(told, ElementsAre("view_blurred", "view_blurred"));
}

TEST_F(VisionCues, AMomentOfDarknessIsNothing) {
  go(2, PictureState::clear);
  go(2.3, PictureState::dark);
  go(4, PictureState::clear);
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(VisionCues, WhatIsKnownToBeBrokenIsNotCalledDark) {
  go(2, PictureState::clear);
  vision.broken = true;
  go(2.1, PictureState::dark);
  EXPECT_THAT(told, ElementsAre("vision_lost"));
}

TEST_F(VisionCues, SaysThatSeeingIsSlowAndThatItIsNotAnyMore) {
  go(2, PictureState::clear, 0.05);
  go(6, PictureState::clear, 0.35);
  EXPECT_THAT(told, ElementsAre("vision_slow"));
  EXPECT_LE(at_s[0] - 2, 0.5);
  go(12, PictureState::clear, 0.05);
  EXPECT_THAT(told, ElementsAre("vision_slow", "vision_back"));
}

TEST_F(VisionCues, OneLookThatTakesLongIsNotSlow) {
  go(2, PictureState::clear, 0.05);
  go(2.1, PictureState::clear, 0.3);
  go(6, PictureState::clear, 0.05);
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(VisionCues, SeeingThatIsNowSlowNowFastIsSaidOnce) {
  go(2, PictureState::clear, 0.05);
  for (double t = 2; t < 8; t += 1) {
    go(t + 0.5, PictureState::clear, 0.35);
    go(t + 1, PictureState::clear, 0.05);
  }
  EXPECT_THAT(told, ElementsAre("vision_slow"));
}

}  // namespace
}  // namespace lazarillo
