#include "path/ground.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "path/world.h"

namespace lazarillo {
namespace {

using test::World;

const Intrinsics kCamera = Intrinsics::from_hfov(69, 640, 480);

struct Pose {
  double height_m, pitch_deg, roll_deg;
};

class Poses : public testing::TestWithParam<Pose> {};

TEST_P(Poses, AreFoundInAFurnishedRoom) {
  World world;
  world.camera_m = GetParam().height_m;
  world.pitch_deg = GetParam().pitch_deg;
  world.roll_deg = GetParam().roll_deg;
  world.noise = 0.05;
  world.blocks = {{-5, 5, 6, 6.2, 0, 3}, {-2, -1, 2, 3, 0, 0.75}, {0.6, 1.6, 2, 3.5, 0, 0.45}};
  const GroundPlane ground = GroundFinder().find(world.depth(kCamera, 104), kCamera);
  ASSERT_TRUE(ground.seen);
  EXPECT_NEAR(ground.height_m, world.camera_m, 0.08 * world.camera_m);
  EXPECT_NEAR(ground.pitch_deg(), world.pitch_deg, 3);
  EXPECT_NEAR(ground.roll_deg(), world.roll_deg, 3);
  EXPECT_NEAR(ground.sigma_relative, 0.035, 0.02);  // of what lies within the tolerance
}

INSTANTIATE_TEST_SUITE_P(Walkers, Poses,
                         testing::Values(Pose{1.6, 10, 0}, Pose{1.6, 25, 0}, Pose{1.75, 0, 0},
                                         Pose{1.2, 15, 10}, Pose{1.0, 20, -12}, Pose{1.9, 30, 5}));

TEST(Ground, IsNotATable) {
  // Most of what is seen lies on a table; the floor shows beyond it.
  World world;
  world.pitch_deg = 25;
  world.blocks = {{-1.5, 1.5, 0.3, 1.6, 0.7, 0.75}};
  const GroundPlane ground = GroundFinder().find(world.depth(kCamera, 104), kCamera);
  ASSERT_TRUE(ground.seen);
  EXPECT_NEAR(ground.height_m, 1.6, 0.1);
}

TEST(Ground, IsAssumedWhereAWallIsAllThatIsSeen) {
  World world;
  world.blocks = {{-5, 5, 0.8, 1, 0, 3}};
  const GroundPlane ground = GroundFinder().find(world.depth(kCamera, 104), kCamera);
  EXPECT_FALSE(ground.seen);
  EXPECT_NEAR(ground.height_m, GroundOptions().assumed_height_m, 1e-9);
}

TEST(Ground, IsKeptForAMoment) {
  World world;
  world.pitch_deg = 15;
  GroundFinder finder;
  ASSERT_TRUE(finder.find(world.depth(kCamera, 104), kCamera).seen);
  world.blocks = {{-5, 5, 0.8, 1, 0, 3}};
  MetricDepth wall = world.depth(kCamera, 104);
  wall.stamp.stream_ns = 500'000'000;
  const GroundPlane kept = finder.find(wall, kCamera);
  EXPECT_FALSE(kept.seen);
  EXPECT_NEAR(kept.height_m, 1.6, 0.05);
  EXPECT_NEAR(kept.pitch_deg(), 15, 1);
}

TEST(Ground, FollowsAMeasuredGravity) {
  // A camera rolled by 35 degrees: nothing a walker's is expected to be, unless measured.
  World world;
  world.roll_deg = 35;
  world.pitch_deg = 20;
  const MetricDepth depth = world.depth(kCamera, 104);
  const double r = 35 * std::numbers::pi / 180;
  const double p = 20 * std::numbers::pi / 180;
  const Vector3 down{std::sin(r) * std::cos(p), std::cos(r) * std::cos(p), std::sin(p)};
  const GroundPlane ground = GroundFinder().find(depth, kCamera, MeasuredGravity{down, 1});
  ASSERT_TRUE(ground.seen);
  EXPECT_NEAR(ground.roll_deg(), 35, 1);
}

Vector3 down_of(double pitch_deg, double roll_deg) {
  const double p = pitch_deg * std::numbers::pi / 180;
  const double r = roll_deg * std::numbers::pi / 180;
  return {std::sin(r) * std::cos(p), std::cos(r) * std::cos(p), std::sin(p)};
}

TEST(Ground, WhatLeansAgainstGravityIsNone) {
  // A board leans at 30 degrees: to a camera that might look down so far it is a floor.
  World world;
  world.pitch_deg = 30;
  const MetricDepth leaning = world.depth(kCamera, 104);
  ASSERT_TRUE(GroundFinder().find(leaning, kCamera).seen);
  const GroundPlane found =
      GroundFinder().find(leaning, kCamera, MeasuredGravity{down_of(0, 0), 1});
  EXPECT_FALSE(found.seen);
  // As assumed, it lies across gravity.
  EXPECT_NEAR(found.pitch_deg(), 0, 1e-9);
  // A gravity that is hardly known tells nothing.
  EXPECT_TRUE(GroundFinder().find(leaning, kCamera, MeasuredGravity{down_of(0, 0), 20}).seen);
}

TEST(Ground, ARampIsGround) {
  // 1 in 12, and depth that tilts it by as much again.
  World world;
  world.pitch_deg = 20;
  world.noise = 0.02;
  for (const double off_deg : {-9.5, 0.0, 9.5}) {
    const GroundPlane ground = GroundFinder().find(world.depth(kCamera, 104), kCamera,
                                                   MeasuredGravity{down_of(20 + off_deg, 0), 1});
    ASSERT_TRUE(ground.seen) << off_deg;
    EXPECT_NEAR(ground.pitch_deg(), 20, 1) << off_deg;
  }
}

TEST(Ground, IsFollowedWhenAHeadTurnsFast) {
  // From map to map the head nods by 25 degrees: more than is looked for around the last plane.
  for (const bool with_gravity : {false, true}) {
    GroundFinder finder;
    World world;
    world.noise = 0.02;
    int seen = 0;
    for (int i = 0; i < 8; ++i) {
      world.pitch_deg = i % 2 == 0 ? 10 : 35;
      MetricDepth depth = world.depth(kCamera, 104);
      depth.stamp.stream_ns = i * 100'000'000LL;
      std::optional<MeasuredGravity> gravity;
      if (with_gravity) gravity = {down_of(world.pitch_deg + 2, 1), 1.5};
      const GroundPlane ground = finder.find(depth, kCamera, gravity);
      if (!ground.seen) continue;
      ++seen;
      EXPECT_NEAR(ground.pitch_deg(), world.pitch_deg, 1.5);
    }
    EXPECT_EQ(seen, with_gravity ? 8 : 4);
  }
}

// As a hand-held camera saw a kitchen: from the floor the plane went over to the front of a desk,
// step by step, and stayed.
TEST(Ground, DoesNotLeanMoreThanACameraIsHeld) {
  World world;
  GroundFinder finder;
  GroundPlane ground;
  for (int i = 0; i <= 60; ++i) {
    world.pitch_deg = 20 + i;
    MetricDepth map = world.depth(kCamera, 104);
    map.stamp.stream_ns = i * 33'333'333LL;
    ground = finder.find(map, kCamera);
    if (world.pitch_deg <= 40) {
      ASSERT_TRUE(ground.seen) << world.pitch_deg;
      EXPECT_NEAR(ground.pitch_deg(), world.pitch_deg, 3);
    }
    const GroundOptions o;
    EXPECT_LT(ground.pitch_deg(), o.pitch_deg + 3 * o.pitch_sigma_deg + 1) << world.pitch_deg;
  }
  EXPECT_FALSE(ground.seen);
}

TEST(Ground, NothingUsableIsNoGround) {
  World world;
  MetricDepth depth = world.depth(kCamera, 104);
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), 0.0F, -1.0F, 1e9F,
                            std::numeric_limits<float>::infinity()}) {
    depth.depth_m.values.assign(depth.depth_m.values.size(), value);
    EXPECT_FALSE(GroundFinder().find(depth, kCamera).seen) << value;
  }
  depth.depth_m.values.assign(depth.depth_m.values.size(), 2.0F);  // constant: a wall
  EXPECT_FALSE(GroundFinder().find(depth, kCamera).seen);
  EXPECT_FALSE(GroundFinder().find(MetricDepth(), kCamera).seen);
}

TEST(Ground, UpsideDownIsNoGround) {
  World world;
  world.roll_deg = 180;
  world.blocks = {{-3, 3, 0.2, 5, 2.4, 2.5}};  // the ceiling
  EXPECT_FALSE(GroundFinder().find(world.depth(kCamera, 104), kCamera).seen);
}

TEST(Ground, IsTheSameEveryTime) {
  World world;
  world.noise = 0.1;
  world.pitch_deg = 10;
  const MetricDepth depth = world.depth(kCamera, 104);
  const GroundPlane a = GroundFinder().find(depth, kCamera);
  const GroundPlane b = GroundFinder().find(depth, kCamera);
  EXPECT_EQ(a.down, b.down);
  EXPECT_EQ(a.height_m, b.height_m);
}

}  // namespace
}  // namespace lazarillo
