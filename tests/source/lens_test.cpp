#include "source/lens.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <opencv2/calib3d.hpp>

#include "error.h"

namespace lazarillo {
namespace {

constexpr Intrinsics kCamera{612.3, 609.8, 701.2, 698.4, 1408, 1408, false};
constexpr KannalaBrandt kBent{{0.051, -0.0123, 0.0042, -0.0011}};

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
  const Lens lens(kCamera, KannalaBrandt{});
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
  const Lens lens(kCamera, KannalaBrandt{{-1.0 / 3, 0, 0, 0}});
  EXPECT_NEAR(lens.widest_rad(), 1, 1e-9);
  EXPECT_TRUE(lens.project(std::sin(0.99), 0, std::cos(0.99)));
  EXPECT_FALSE(lens.project(std::sin(1.01), 0, std::cos(1.01)));
  EXPECT_EQ(Lens(kCamera, KannalaBrandt{}).widest_rad(), std::numbers::pi);
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
  EXPECT_THROW(Lens(kCamera, KannalaBrandt{{0, std::numeric_limits<double>::infinity(), 0, 0}}),
               Error);
}

/// Where OpenCV has the rays, by fx, fy, cx and cy of kCamera.
cv::Matx33d camera_matrix() {
  return {kCamera.fx, 0, kCamera.cx, 0, kCamera.fy, kCamera.cy, 0, 0, 1};
}

/// Rays up to so many degrees from the axis, all around it.
std::vector<cv::Point3d> rays_within(double degrees) {
  std::vector<cv::Point3d> rays;
  for (double d = 1; d <= degrees; d += 3) {
    const double angle = d * std::numbers::pi / 180;
    for (int i = 0; i < 16; ++i) {
      const double around = (i + 0.25) * std::numbers::pi / 8;
      rays.emplace_back(2 * std::sin(angle) * std::cos(around),
                        2 * std::sin(angle) * std::sin(around), 2 * std::cos(angle));
    }
  }
  return rays;
}

TEST(Lens, ABrownConradyLensIsOpenCvs) {
  const std::vector<std::pair<BrownConrady, std::vector<double>>> lenses = {
      {{-0.31, 0.12, 0.0011, -0.0007}, {-0.31, 0.12, 0.0011, -0.0007}},
      {{-0.28, 0.09, -0.002, 0.0005, -0.011}, {-0.28, 0.09, -0.002, 0.0005, -0.011}},
      {{1.2, 0.31, 1e-4, -3e-4, 0.02, 1.5, 0.7, 0.06},
       {1.2, 0.31, 1e-4, -3e-4, 0.02, 1.5, 0.7, 0.06}}};
  for (const auto& [model, coefficients] : lenses) {
    const Lens lens(kCamera, model);
    const auto rays = rays_within(45);
    std::vector<cv::Point2d> known;
    cv::projectPoints(rays, cv::Vec3d(), cv::Vec3d(), camera_matrix(), coefficients, known);
    for (std::size_t i = 0; i < rays.size(); ++i) {
      if (std::atan2(std::hypot(rays[i].x, rays[i].y), rays[i].z) > lens.widest_rad()) continue;
      const auto at = lens.project(rays[i].x, rays[i].y, rays[i].z);
      ASSERT_TRUE(at);
      EXPECT_NEAR(at->x, known[i].x, 1e-6);
      EXPECT_NEAR(at->y, known[i].y, 1e-6);
    }
  }
}

TEST(Lens, AFisheyeLensIsOpenCvs) {
  const Lens lens(kCamera, kBent);
  const auto rays = rays_within(85);
  std::vector<cv::Point2d> known;
  cv::fisheye::projectPoints(rays, known, cv::Vec3d(), cv::Vec3d(), camera_matrix(),
                             cv::Vec4d(kBent.k[0], kBent.k[1], kBent.k[2], kBent.k[3]));
  for (std::size_t i = 0; i < rays.size(); ++i) {
    const auto at = lens.project(rays[i].x, rays[i].y, rays[i].z);
    ASSERT_TRUE(at);
    EXPECT_NEAR(at->x, known[i].x, 1e-6);
    EXPECT_NEAR(at->y, known[i].y, 1e-6);
  }
}

TEST(Lens, AriasLensIsProjectariasOwn) {
  const Fisheye624 model{
      {0.41, -0.49, 0.21, 1.02, -1.6, 0.62}, {5e-4, -3e-4}, {-4e-4, 2e-4, 3e-4, -1.5e-4}};
  const Intrinsics camera{611, 611, 702.5, 706.25, 1408, 1408, false};
  const Lens lens(camera, model);
  // CameraProjection(FISHEYE624, ...).project() of projectaria_tools 2.3.0 with these numbers.
  struct Known {
    double x, y, u, v;
  };
  for (const Known& k :
       {Known{0, 0, 702.5, 706.25}, Known{0.1, 0.2, 763.738790, 828.720594},
        Known{-0.5, 0.3, 402.782101, 886.090786}, Known{1.1, -0.7, 1260.749431, 351.026838},
        Known{-0.9, -1.0, 253.598907, 207.057042}, Known{0.3, 1.4, 847.650227, 1382.165034},
        Known{1.5, 0.2, 1404.824965, 799.688357}}) {
    const auto at = lens.project(k.x, k.y, 1);
    ASSERT_TRUE(at) << k.x;
    EXPECT_NEAR(at->x, k.u, 2e-6);
    EXPECT_NEAR(at->y, k.v, 2e-6);
  }
}

TEST(Lens, ABarrelLensEndsWhereItWouldFold) {
  // r - 0.2 r^3 turns back where 1 = 0.6 r^2.
  const Lens barrel(kCamera, BrownConrady{-0.2});
  EXPECT_NEAR(std::tan(barrel.widest_rad()), std::sqrt(1 / 0.6), 1e-7);
  // With tangential terms somewhere around the axis earlier.
  const Lens tilted(kCamera, BrownConrady{-0.2, 0, 0.02, 0.01});
  EXPECT_LT(tilted.widest_rad(), barrel.widest_rad() - 0.01);
  EXPECT_GT(tilted.widest_rad(), barrel.widest_rad() - 0.2);
  // A pole: r / (1 - r^2) grows for ever, first to the one side and then from the other.
  EXPECT_NEAR(Lens(kCamera, BrownConrady{0, 0, 0, 0, 0, -1}).widest_rad(), std::numbers::pi / 4,
              1e-3);
  const Lens pinhole(kCamera, BrownConrady{});
  EXPECT_NEAR(pinhole.widest_rad() * 180 / std::numbers::pi, 89.9, 1e-9);
  EXPECT_FALSE(pinhole.project(1, 0, -1));
  EXPECT_TRUE(pinhole.straight());
  EXPECT_FALSE(barrel.straight());
}

TEST(Lens, ATurnedCameraIsSeenUpright) {
  const Intrinsics sideways{300, 310, 340, 225, 640, 480, false};
  for (int turns = 0; turns < 4; ++turns) {
    const Lens lens(sideways, BrownConrady{}, {turns});
    EXPECT_EQ(lens.upright_width(), turns % 2 == 0 ? 640 : 480);
    EXPECT_EQ(lens.upright_height(), turns % 2 == 0 ? 480 : 640);
    EXPECT_EQ(lens.straight(), turns == 0);
    // What the walker has above lies at the left of a picture that must be turned clockwise.
    const auto above = lens.project(0, -0.2, 1);
    const auto right = lens.project(0.1, 0, 1);
    ASSERT_TRUE(above && right);
    const double expected[4][4] = {{340, 225 - 62, 340 + 30, 225},
                                   {340 - 60, 225, 340, 225 - 31},
                                   {340, 225 + 62, 340 - 30, 225},
                                   {340 + 60, 225, 340, 225 + 31}};
    EXPECT_NEAR(above->x, expected[turns][0], 1e-9) << turns;
    EXPECT_NEAR(above->y, expected[turns][1], 1e-9) << turns;
    EXPECT_NEAR(right->x, expected[turns][2], 1e-9) << turns;
    EXPECT_NEAR(right->y, expected[turns][3], 1e-9) << turns;
  }
}

TEST(Lens, NothingIsSeenBeyondItsRadius) {
  const Lens lens(kCamera, KannalaBrandt{}, {0, kCamera.fx * 0.5});
  EXPECT_TRUE(lens.project(std::sin(0.499), 0, std::cos(0.499)));
  EXPECT_FALSE(lens.project(std::sin(0.501), 0, std::cos(0.501)));
  const Lens half = lens.resized(704, 704);
  EXPECT_TRUE(half.project(std::sin(0.499), 0, std::cos(0.499)));
  EXPECT_FALSE(half.project(std::sin(0.501), 0, std::cos(0.501)));
  EXPECT_THROW(Lens(kCamera, KannalaBrandt{}, {0, 0}), Error);
}

}  // namespace
}  // namespace lazarillo
