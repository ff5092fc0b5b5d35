#include "source/lens.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "error.h"

namespace lazarillo {
namespace {

constexpr Intrinsics kCamera{612.3, 609.8, 701.2, 698.4, 1408, 1408, false};
constexpr std::array<double, 4> kBent{0.051, -0.0123, 0.0042, -0.0011};

TEST(Lens, PlacesRaysAsOpenCvDoes) {
  const Lens lens(kCamera, kBent);
  // cv2.fisheye.initUndistortRectifyMap (OpenCV 5.0.0) with these numbers and a pinhole camera of
  // f = 420, c = (399.5, 299.5): pixel of that camera, place in the lens's picture.
  struct Known {
    double u, v, x, y;
  };
  for (const Known& k : {Known{0, 0, 260.1306, 369.0861}, Known{799, 0, 1142.2694, 369.0861},
                         Known{400, 300, 701.9290, 699.1260}, Known{123, 456, 349.3699, 896.7241},
                         Known{650, 77, 1015.9105, 420.0081}, Known{0, 599, 260.1306, 1027.7139},
                         Known{399, 0, 700.5554, 313.8638}}) {
    const auto at = lens.project((k.u - 399.5) / 420, (k.v - 299.5) / 420, 1);
    ASSERT_TRUE(at);
    EXPECT_NEAR(at->x, k.x, 1e-3);
    EXPECT_NEAR(at->y, k.y, 1e-3);
  }
}

TEST(Lens, WithoutCoefficientsDistanceIsTheAngle) {
  const Lens lens(kCamera, {});
  for (const double degrees : {1.0, 45.0, 90.0, 120.0}) {
    const double angle = degrees * std::numbers::pi / 180;
    const auto right = lens.project(std::sin(angle), 0, std::cos(angle));
    ASSERT_TRUE(right) << degrees;
    EXPECT_NEAR(right->x, kCamera.cx + kCamera.fx * angle, 1e-9) << "beside and behind, too";
    EXPECT_NEAR(right->y, kCamera.cy, 1e-9);
    const auto up = lens.project(0, -3 * std::sin(angle), 3 * std::cos(angle));
    ASSERT_TRUE(up);
    EXPECT_NEAR(up->y, kCamera.cy - kCamera.fy * angle, 1e-9) << "however far the point is";
  }
  const auto ahead = lens.project(0, 0, 2);
  ASSERT_TRUE(ahead);
  EXPECT_EQ(ahead->x, kCamera.cx);
  EXPECT_EQ(ahead->y, kCamera.cy);
  EXPECT_FALSE(lens.project(0, 0, 0));
  EXPECT_FALSE(lens.project(0, 0, -1)) << "it could lie anywhere around";
  EXPECT_FALSE(lens.project(std::nan(""), 0, 1));
}

TEST(Lens, EndsWhereItWouldFold) {
  // t - t^3 / 3 turns back at 1.
  const Lens lens(kCamera, {-1.0 / 3, 0, 0, 0});
  EXPECT_NEAR(lens.widest_rad(), 1, 1e-9);
  EXPECT_TRUE(lens.project(std::sin(0.99), 0, std::cos(0.99)));
  EXPECT_FALSE(lens.project(std::sin(1.01), 0, std::cos(1.01)));
  EXPECT_EQ(Lens(kCamera, {}).widest_rad(), std::numbers::pi);
}

TEST(Lens, ItsPictureMayBeResized) {
  const Lens whole(kCamera, kBent);
  const Lens half = whole.resized(704, 704);
  const auto a = whole.project(0.7, -0.3, 1);
  const auto b = half.project(0.7, -0.3, 1);
  ASSERT_TRUE(a && b);
  // Edges scale: half a pixel on either side of the centres.
  EXPECT_NEAR((a->x + 0.5) / 2, b->x + 0.5, 1e-9);
  EXPECT_NEAR((a->y + 0.5) / 2, b->y + 0.5, 1e-9);
}

TEST(Lens, RefusesNumbersThatAreNone) {
  Intrinsics camera = kCamera;
  camera.fy = 0;
  EXPECT_THROW(Lens(camera, kBent), Error);
  camera = kCamera;
  camera.width = 0;
  EXPECT_THROW(Lens(camera, kBent), Error);
  EXPECT_THROW(Lens(kCamera, {0, std::numeric_limits<double>::infinity(), 0, 0}), Error);
}

}  // namespace
}  // namespace lazarillo
