#include "eval/measured_floor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "path/world.h"

namespace lazarillo {
namespace {

using test::World;

constexpr Intrinsics kCamera{350, 350, 207.5, 155.5, 416, 312, false};
constexpr double kDegree = std::numbers::pi / 180;

/// Where down is for a camera that is held so (tests/path/world.h).
Vector3 down_for(double pitch_deg, double roll_deg) {
  const double p = pitch_deg * kDegree;
  const double r = roll_deg * kDegree;
  return {std::sin(r) * std::cos(p), std::cos(r) * std::cos(p), std::sin(p)};
}

double degrees_between(const Vector3& a, const Vector3& b) {
  return std::acos(std::min(dot(a, b), 1.0)) / kDegree;
}

/// A room 5 m wide, with a wall 4 m ahead.
World room() {
  World world;
  world.blocks = {{-3, 3, 4, 5, 0, 3}, {-3, -2.5, -1, 5, 0, 3}, {2.5, 3, -1, 5, 0, 3}};
  world.pitch_deg = 15;
  world.roll_deg = -4;
  return world;
}

TEST(MeasuredFloor, IsTheGroundOfARoom) {
  World world = room();
  world.noise = 0.01;
  const auto floor = find_floor(world.depth(kCamera, 208), kCamera, std::nullopt);
  ASSERT_TRUE(floor);
  EXPECT_LT(degrees_between(floor->down, down_for(15, -4)), 0.5);
  EXPECT_NEAR(floor->height_m, 1.6, 0.02);
  // With a pitch of 15 degrees the foot of the wall is 21.8 degrees below the level.
  const double foot = (155.5 + 350 * std::tan((21.8 - 15) * kDegree)) / 312;
  EXPECT_NEAR(floor->share, 1 - foot, 0.03);
}

TEST(MeasuredFloor, IsBelowALargerTable) {
  World world = room();
  world.blocks.push_back({-1.2, 1.2, 1.2, 3.0, 0.70, 0.75});
  const auto floor = find_floor(world.depth(kCamera, 208), kCamera, std::nullopt);
  ASSERT_TRUE(floor);
  EXPECT_NEAR(floor->height_m, 1.6, 0.02);
}

TEST(MeasuredFloor, IsNotATableTop) {
  World world = room();
  world.blocks.push_back({-2.5, 2.5, 0.5, 4.0, 0.70, 1.0});  // 0.6 m below the camera, to the wall
  EXPECT_FALSE(find_floor(world.depth(kCamera, 208), kCamera, std::nullopt));
}

TEST(MeasuredFloor, IsNotWhereMuchLiesBelow) {
  World world;
  world.pits = {{-1.5, 1.5, 2.2, 9, -2.5, 0}};
  world.pitch_deg = 20;
  const MetricDepth depth = world.depth(kCamera, 208);
  EXPECT_FALSE(find_floor(depth, kCamera, down_for(20, 0)));
}

TEST(MeasuredFloor, IsNotAWall) {
  World world;
  world.blocks = {{-9, 9, 1.5, 2, -9, 9}};
  world.pitch_deg = -10;
  EXPECT_FALSE(find_floor(world.depth(kCamera, 208), kCamera, std::nullopt));
}

TEST(MeasuredFloor, NothingIsKnown) {
  MetricDepth depth = room().depth(kCamera, 208);
  depth.depth_m.values.assign(depth.depth_m.values.size(), 0);
  EXPECT_FALSE(find_floor(depth, kCamera, std::nullopt));
  EXPECT_EQ(down_of_room(depth, kCamera), (Vector3{0, 1, 0}));
}

/// Where no floor is in view walls tell where down is, and a ramp is no floor.
TEST(MeasuredFloor, DownIsThatOfTheRoom) {
  World world = room();
  world.pitch_deg = 25;
  world.roll_deg = 8;
  const MetricDepth depth = world.depth(kCamera, 208);
  EXPECT_LT(degrees_between(down_of_room(depth, kCamera), down_for(25, 8)), 1);
  EXPECT_TRUE(find_floor(depth, kCamera, down_for(25, 8)));
  EXPECT_FALSE(find_floor(depth, kCamera, down_for(5, 8))) << "20 degrees off what was measured";
}

}  // namespace
}  // namespace lazarillo
