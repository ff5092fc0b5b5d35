#include "source/intrinsics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "error.h"

namespace lazarillo {
namespace {

TEST(Intrinsics, FieldOfViewReachesFromEdgeToEdge) {
  // Pixel centres are whole numbers, so the picture's edges lie at -0.5 and width - 0.5.
  const auto camera = Intrinsics::from_hfov(69, 768, 576);
  EXPECT_NEAR(camera.bearing_deg(-0.5), -34.5, 1e-9);
  EXPECT_NEAR(camera.bearing_deg(767.5), 34.5, 1e-9);
  EXPECT_NEAR(camera.bearing_deg(383.5), 0, 1e-9);
  EXPECT_GT(camera.elevation_deg(0), 0);  // the top row looks up
  EXPECT_NEAR(camera.elevation_deg(287.5), 0, 1e-9);
}

TEST(Intrinsics, NinetyDegreesSeeAsFarAsideAsAhead) {
  const auto camera = Intrinsics::from_hfov(90, 640, 480);
  EXPECT_NEAR(camera.fx, 320, 1e-9);
  EXPECT_NEAR(camera.fy, 320, 1e-9);
  // A point 1 m to the right and 2 m ahead.
  EXPECT_NEAR(camera.bearing_deg(camera.cx + camera.fx * 0.5), std::atan(0.5) * 180 / M_PI, 1e-9);
}

TEST(Intrinsics, ResizingKeepsTheDirectionsOfPixelEdges) {
  const auto camera = Intrinsics::from_hfov(75, 641, 479, false);
  const auto half = camera.resized(320, 240);
  EXPECT_EQ(half.width, 320);
  EXPECT_EQ(half.height, 240);
  EXPECT_FALSE(half.assumed);
  for (const double part : {0.0, 0.25, 0.5, 0.9, 1.0}) {
    EXPECT_NEAR(half.bearing_deg(part * 320 - 0.5), camera.bearing_deg(part * 641 - 0.5), 1e-9);
    EXPECT_NEAR(half.elevation_deg(part * 240 - 0.5), camera.elevation_deg(part * 479 - 0.5), 1e-9);
  }
}

TEST(Intrinsics, RefusesWhatIsNoCamera) {
  for (const double hfov : {0.0, 1.0, 179.0, -60.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW(Intrinsics::from_hfov(hfov, 640, 480), Error) << hfov;
  }
  EXPECT_THROW(Intrinsics::from_hfov(69, 0, 480), Error);
  EXPECT_THROW(Intrinsics::from_hfov(69, 640, -1), Error);
}

}  // namespace
}  // namespace lazarillo
