// Depth maps of made-up worlds, measured as much too far or too near as a network may.

#include "path/map_scale.h"

#include <gtest/gtest.h>

#include <cmath>

#include "path/corridor.h"
#include "path/world.h"

namespace lazarillo {
namespace {

using test::World;

const Intrinsics kCamera = Intrinsics::from_hfov(69, 640, 480);
constexpr double kWorn_m = 1.75;

World walking() {
  World world;
  world.camera_m = 1.6;
  world.pitch_deg = 12;
  world.noise = 0.03;
  return world;
}

/// What is seen along the way after `seconds` of maps that measure `part` of the truth.
CorridorView look(const World& world, double part, double worn_m, double seconds = 0) {
  GroundFinder finder;
  MapScale scale(worn_m);
  CorridorView view;
  for (int map = 0; map <= static_cast<int>(seconds * 10); ++map) {
    MetricDepth depth = world.depth(kCamera, 104);
    depth.stamp.stream_ns = map * 100'000'000LL;
    for (float& z : depth.depth_m.values) z *= static_cast<float>(part);
    view = look_along(depth, kCamera,
                      scale.corrected(finder.find(depth, kCamera), depth.stamp.stream_ns), {});
  }
  return view;
}

// A camera 1.6 m up for which the ground lies 2.16 m down: all is 1.35 times too far. What is known
// is that it is worn at 1.75 m at most: 1.09 times too far is left.
TEST(MapScale, WhatIsTooFarIsBroughtNearer) {
  World world = walking();
  world.blocks = {{-0.5, 0.5, 3, 3.2, 0, 1.2}};
  const CorridorView as_measured = look(world, 1.35, 0);
  ASSERT_TRUE(as_measured.obstacle);
  EXPECT_NEAR(as_measured.obstacle->distance_m, 3 * 1.35, 0.25);
  const CorridorView view = look(world, 1.35, kWorn_m);
  ASSERT_TRUE(view.obstacle);
  EXPECT_NEAR(view.obstacle->distance_m, 3 * kWorn_m / 1.6, 0.2);
  EXPECT_NEAR(view.ground.height_m, kWorn_m, 0.08);
  // By who states how high it is worn, all is right.
  const CorridorView known = look(world, 1.35, 1.6);
  ASSERT_TRUE(known.obstacle);
  EXPECT_NEAR(known.obstacle->distance_m, 3, 0.2);
  EXPECT_NEAR(known.obstacle->high_m, 1.2, 0.1);
}

// A branch at 1.6 m of a map that measures too far seems to hang above everybody.
TEST(MapScale, WhatHangsInTheWayHangsInIt) {
  World world = walking();
  world.blocks = {{-0.5, 0.5, 2.5, 2.7, 1.6, 1.8}};
  EXPECT_FALSE(look(world, 1.37, 0).head);
  const CorridorView view = look(world, 1.37, kWorn_m);
  ASSERT_TRUE(view.head);
  EXPECT_NEAR(view.head->distance_m, 2.5 * kWorn_m / 1.6, 0.2);
}

// Who sits, a child, a table in place of the ground: never is anything made farther.
TEST(MapScale, WhatIsNearStaysNear) {
  World world = walking();
  world.blocks = {{-0.5, 0.5, 3, 3.2, 0, 1.2}};
  for (const double part : {0.7, 1.0}) {
    const CorridorView view = look(world, part, kWorn_m);
    ASSERT_TRUE(view.obstacle);
    EXPECT_DOUBLE_EQ(view.ground.map_scale, 1);
    EXPECT_NEAR(view.obstacle->distance_m, 3 * part, 0.2);
  }
}

// From the top of stairs the ground that is seen lies deep.
TEST(MapScale, FollowsWithinSecondsNotAtOnce) {
  MapScale scale(kWorn_m);
  GroundPlane plane;
  plane.height_m = 1.6;
  for (int map = 0; map < 20; ++map) (void)scale.corrected(plane, map * 100'000'000LL);
  plane.height_m = 3.5;
  const GroundPlane first = scale.corrected(plane, 2'000'000'000);
  EXPECT_GT(first.map_scale, 0.9);
  GroundPlane last;
  for (int map = 1; map < 50; ++map) {
    last = scale.corrected(plane, 2'000'000'000 + map * 100'000'000LL);
  }
  EXPECT_NEAR(last.map_scale, 0.5, 0.01);
  // What is not seen teaches nothing.
  plane.seen = false;
  plane.height_m = 1.5;
  EXPECT_NEAR(scale.corrected(plane, 9'000'000'000).map_scale, 0.5, 0.01);
}

}  // namespace
}  // namespace lazarillo
