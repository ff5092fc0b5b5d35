#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "eval/ground.h"

namespace lazarillo {
namespace {

/// Down, turned about the camera's x axis.
Vector3 turned(double degrees) {
  const double a = degrees * std::numbers::pi / 180;
  return {0, std::cos(a), std::sin(a)};
}

GroundPicture picture(const char* set, double share, bool found, double off_deg = 0,
                      double height_m = 1.6) {
  GroundPicture p{"a.png", set, std::nullopt, {}};
  if (share > 0) p.floor = MeasuredFloor{turned(10), 1.6, share};
  p.found = {turned(10 + off_deg), height_m, 0, 0.3, found};
  return p;
}

TEST(GroundScore, CountsWhatIsFoundOfWhatIsThere) {
  const GroundScores scores = score({picture("a", 0.3, true, 2), picture("a", 0.1, true, -4, 1.44),
                                     picture("a", 0.5, false), picture("a", 0.09, true, 80),
                                     picture("b", 0, true, 70), picture("b", 0, false)});
  const GroundScore& all = scores.at("all");
  EXPECT_EQ(all.pictures, 6U);
  EXPECT_EQ(all.with_floor, 3U);
  EXPECT_EQ(all.found, 2U);
  EXPECT_EQ(all.without_floor, 2U);
  EXPECT_EQ(all.found_without, 1U);
  EXPECT_NEAR(all.tilt_median_deg, 3, 1e-9);
  EXPECT_NEAR(all.tilt_p90_deg, 3.8, 1e-9);
  EXPECT_NEAR(all.height_median, 0.05, 1e-9);
  EXPECT_NEAR(all.height_bias, -0.05, 1e-9);
  EXPECT_EQ(scores.at("b").with_floor, 0U);
  EXPECT_EQ(scores.at("b").found_without, 1U);
}

TEST(GroundScore, TiltIsAnAngleOfAnySize) {
  EXPECT_NEAR(tilt_error_deg(picture("a", 0.3, true, 1e-5)), 1e-5, 1e-9);
  EXPECT_NEAR(tilt_error_deg(picture("a", 0.3, true, 170)), 170, 1e-9);
}

}  // namespace
}  // namespace lazarillo
