#include "path/corridor.h"

#include <gtest/gtest.h>

#include "path/world.h"

namespace lazarillo {
namespace {

using test::World;

const Intrinsics kCamera = Intrinsics::from_hfov(69, 640, 480);

CorridorView look(const World& world) {
  const MetricDepth depth = world.depth(kCamera, 104);
  return look_along(depth, kCamera, GroundFinder().find(depth, kCamera), {});
}

/// As look(), after the ground was seen a moment before without what the world holds.
CorridorView look_after_walking(const World& world) {
  GroundFinder finder;
  World before = world;
  before.blocks.clear();
  before.pits.clear();
  finder.find(before.depth(kCamera, 104), kCamera);
  MetricDepth depth = world.depth(kCamera, 104);
  depth.stamp.stream_ns = 100'000'000;
  return look_along(depth, kCamera, finder.find(depth, kCamera), {});
}

World walking(double noise = 0.03) {
  World world;
  world.pitch_deg = 12;
  world.noise = noise;
  return world;
}

TEST(Corridor, IsClearOverOpenGround) {
  for (const double noise : {0.0, 0.03, 0.06}) {
    const CorridorView view = look(walking(noise));
    ASSERT_TRUE(view.ground.seen);
    EXPECT_FALSE(view.obstacle) << view.obstacle->distance_m;
    EXPECT_FALSE(view.head);
    EXPECT_FALSE(view.drop);
    EXPECT_FALSE(view.stairs_up);
    EXPECT_GT(view.clear_m, 4);
  }
}

// What stands before it and ends lower is another thing; what stands beneath it holds it.
TEST(Corridor, WhatHangsBehindSomethingLowHangs) {
  World world = walking();
  world.blocks = {{-0.3, 0.3, 1.5, 1.8, 0, 0.6}, {-0.5, 0.5, 3.2, 3.4, 1.5, 1.9}};
  const CorridorView view = look(world);
  ASSERT_TRUE(view.obstacle);
  EXPECT_NEAR(view.obstacle->distance_m, 1.5, 0.2);
  ASSERT_TRUE(view.head);
  EXPECT_NEAR(view.head->distance_m, 3.2, 0.3);
  world.blocks[0] = {-0.3, 0.3, 3.2, 3.4, 0, 1.5};
  EXPECT_FALSE(look(world).head);
}

TEST(Corridor, WhatDoesNotReachToTheKneeIsToldApart) {
  World world = walking(0.02);
  world.blocks = {{-0.3, 0.3, 2, 2.5, 0, 0.3}};
  const CorridorView box = look(world);
  EXPECT_FALSE(box.obstacle);
  ASSERT_TRUE(box.low);
  EXPECT_NEAR(box.low->distance_m, 2, 0.2);
  EXPECT_LT(box.low->high_m, 0.4);
  world.blocks.push_back({-2, 2, 4, 4.2, 0, 2});
  const CorridorView both = look(world);
  ASSERT_TRUE(both.obstacle);
  EXPECT_NEAR(both.obstacle->distance_m, 4, 0.35);
  ASSERT_TRUE(both.low);
  EXPECT_NEAR(both.low->distance_m, 2, 0.2);
  world.blocks = {{-2, 2, 2.5, 2.7, 0, 2}};
  EXPECT_FALSE(look(world).low);  // the foot of a wall is the wall
}

TEST(Corridor, TellsWhatStandsInIt) {
  struct Case {
    test::Block block;
    double distance_m;
  };
  for (const Case& c : {Case{{-0.3, 0.3, 2, 2.5, 0, 0.9}, 2},          // a bin
                        Case{{-3, 3, 3, 3.2, 0, 3}, 3},                // a wall
                        Case{{-0.1, 0.1, 1.5, 1.7, 0, 1.0}, 1.5},      // a post
                        Case{{-0.5, 0.5, 2.5, 3.0, 0, 0.45}, 2.5}}) {  // a bench
    World world = walking();
    world.blocks = {c.block};
    const CorridorView view = look(world);
    ASSERT_TRUE(view.obstacle) << c.distance_m;
    EXPECT_NEAR(view.obstacle->distance_m, c.distance_m, 0.08 * c.distance_m);
    EXPECT_NEAR(view.obstacle->bearing_deg, 0, 5);
    EXPECT_FALSE(view.head);
    EXPECT_FALSE(view.drop);
  }
}

TEST(Corridor, LeavesOutWhatStandsBesideIt) {
  World world = walking();
  world.blocks = {{0.7, 1.2, 1.5, 2, 0, 1.5}, {-1.4, -0.6, 2, 3, 0, 1.8}};
  const CorridorView view = look(world);
  EXPECT_FALSE(view.obstacle);
  EXPECT_FALSE(view.head);
}

TEST(Corridor, TellsWhatHangsAtHeadHeight) {
  World world = walking(0.02);
  world.pitch_deg = 5;
  world.blocks = {{-0.6, 0.6, 2, 2.3, 1.5, 1.9}};  // a sign, a branch
  const CorridorView view = look(world);
  ASSERT_TRUE(view.head);
  EXPECT_NEAR(view.head->distance_m, 2, 0.2);
  EXPECT_FALSE(view.obstacle);
  // With a post under it, it is a thing that a cane finds.
  world.blocks.push_back({-0.1, 0.1, 2.05, 2.25, 0, 1.5});
  const CorridorView both = look(world);
  EXPECT_TRUE(both.obstacle);
  EXPECT_FALSE(both.head);
}

TEST(Corridor, WhatHangsHigherIsInNobodysWay) {
  World world = walking();
  world.pitch_deg = 0;
  world.blocks = {{-1, 1, 2, 3, 2.2, 2.5}};
  const CorridorView view = look(world);
  EXPECT_FALSE(view.head);
  EXPECT_FALSE(view.obstacle);
}

TEST(Corridor, TellsADrop) {
  for (const double depth_m : {0.25, 1.0}) {
    World world = walking(0.02);
    world.pitch_deg = 20;
    world.pits = {{-5, 5, 2, 12, -depth_m, 0}};
    const CorridorView view = look_after_walking(world);
    ASSERT_TRUE(view.drop) << depth_m;
    EXPECT_NEAR(view.drop->distance_m, 2, 0.35);
    EXPECT_GT(view.drop->depth_m, 0.5 * depth_m);
    EXPECT_LT(view.drop->depth_m, 1.5 * depth_m);
    EXPECT_FALSE(view.obstacle);
  }
}

TEST(Corridor, StairsDownAreADropThatGoesOn) {
  World world = walking(0.02);
  world.pitch_deg = 25;
  world.pits = {{-5, 5, 1.5, 5.1, -2.1, 0}};
  for (int step = 0; step < 12; ++step) {
    const double from = 1.5 + 0.3 * step;
    world.blocks.push_back({-5, 5, from, from + 0.3, -2.1, -0.17 * (step + 1)});
  }
  const CorridorView view = look_after_walking(world);
  ASSERT_TRUE(view.drop);
  EXPECT_NEAR(view.drop->distance_m, 1.5, 0.5);
  EXPECT_TRUE(view.drop->stairs);
}

TEST(Corridor, StairsUpAreTold) {
  World world = walking(0.02);
  world.pitch_deg = 22;
  for (int step = 0; step < 10; ++step) {
    world.blocks.push_back({-2, 2, 2 + 0.3 * step, 6, 0, 0.17 * (step + 1)});
  }
  const CorridorView view = look_after_walking(world);
  ASSERT_TRUE(view.stairs_up);
  EXPECT_NEAR(view.stairs_up->distance_m, 2, 0.35);
  // A wall and a bench before a wall are none.
  world.blocks = {{-2, 2, 2, 2.2, 0, 3}};
  EXPECT_FALSE(look_after_walking(world).stairs_up);
}

TEST(Corridor, TellsTheWayRound) {
  World world = walking();
  world.blocks = {{-3, 0.3, 2.5, 3, 0, 1.5}};
  const CorridorView right = look(world);
  ASSERT_TRUE(right.obstacle);
  ASSERT_TRUE(right.way_round_m);
  EXPECT_NEAR(*right.way_round_m, 0.8, 0.21);
  world.blocks = {{-0.3, 3, 2.5, 3, 0, 1.5}};
  const CorridorView left = look(world);
  ASSERT_TRUE(left.way_round_m);
  EXPECT_NEAR(*left.way_round_m, -0.8, 0.21);
  world.blocks = {{-3, 3, 2.5, 3, 0, 2.5}};
  const CorridorView wall = look(world);
  ASSERT_TRUE(wall.obstacle);
  EXPECT_FALSE(wall.way_round_m);
}

TEST(Corridor, AWallWithoutAnyGroundInViewIsAnObstacle) {
  World world;
  world.blocks = {{-5, 5, 0.9, 1, 0, 3}};
  const CorridorView view = look(world);
  EXPECT_FALSE(view.ground.seen);
  ASSERT_TRUE(view.obstacle);
  EXPECT_NEAR(view.obstacle->distance_m, 0.9, 0.1);
  EXPECT_FALSE(view.drop);
}

}  // namespace
}  // namespace lazarillo
