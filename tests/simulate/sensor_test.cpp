#include "simulate/sensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "simulate/random_world.h"
#include "trial.h"

namespace lazarillo::simulate {
namespace {

using test::block;
using test::perfect;
using test::walk_among;

Actor person(double x, double y) {
  Actor a = block(x, y, 0.5, 0.3, 1.7);
  a.label = "person";
  return a;
}

/// Stands before it for minutes.
World standing(Actor actor, double seconds = 300) {
  return walk_among({std::move(actor)}, 0, seconds);
}

TEST(Sensor, PerfectEyesSeeTheTruth) {
  const World world = standing(person(0, 4.15), 2);
  const Walk walk(world);
  Sensor sensor(world, walk, perfect());
  const Look look = sensor.look(0);
  ASSERT_EQ(look.detections.items.size(), 1U);
  EXPECT_EQ(look.detections.label(look.detections.items[0]), "person");
  EXPECT_EQ(look.actors, std::vector<int>{0});
  // Its front is 4 m away, along an axis that looks down by about 10 degrees: 3.94 m at the height
  // of the eye, 4.2 m at the feet.
  EXPECT_NEAR(look.detections.items[0].depth->depth_m, 4.05, 0.15);
  ASSERT_TRUE(look.depth);
  ASSERT_NE(look.truth, nullptr);
  for (std::size_t i = 0; i < look.truth->depth_m.size(); ++i) {
    if (look.truth->depth_m[i] > 0) {
      ASSERT_NEAR(look.depth->depth_m.values[i] / look.truth->depth_m[i], 1, 1e-5);
    }
  }
}

TEST(Sensor, AnImuKnowsHowTheHeadIsHeldAndWhetherItWalks) {
  SensorOptions options;
  options.sway_deg = 8;
  World world = standing(person(0, 400), 40);
  world.legs = {{0, 0, 0}, {20, 0, 1.2}};
  const Walk walk(world);
  {
    Sensor none(world, walk, options);
    EXPECT_FALSE(none.look(0).head);
  }
  options.imu = 1;
  options.gravity_error_deg = 3;
  Sensor sensor(world, walk, options);
  double squares = 0;
  int frames = 0;
  Gait gait = Gait::unknown;
  std::vector<double> changes;
  for (; frames < 40 * 30; ++frames) {
    const Look look = sensor.look(frames);
    ASSERT_TRUE(look.head);
    squares += std::pow(look.head->pitch_deg - look.eye.pitch_deg, 2) +
               std::pow(look.head->roll_deg - look.eye.roll_deg, 2);
    if (look.head->gait != gait) changes.push_back(frames / options.fps);
    gait = look.head->gait;
  }
  EXPECT_NEAR(std::sqrt(squares / frames / 2), 3, 1.2);
  ASSERT_EQ(changes.size(), 3U) << "stands from the beginning, sets off, walks";
  EXPECT_NEAR(changes[1], 20.2, 0.1);
  EXPECT_NEAR(changes[2], 22.2, 0.2);
}

TEST(Sensor, MissesAsOftenAsAskedAndInRuns) {
  SensorOptions options = perfect();
  options.miss_large = 0.25;
  options.miss_run_s = 0.2;
  const World world = standing(person(0, 3));
  const Walk walk(world);
  Sensor sensor(world, walk, options);
  int missed = 0, runs = 0;
  bool before = false;
  const int frames = 9000;
  for (int i = 0; i < frames; ++i) {
    const bool miss = sensor.look(i).detections.items.empty();
    missed += miss ? 1 : 0;
    runs += miss && !before ? 1 : 0;
    before = miss;
  }
  EXPECT_NEAR(static_cast<double>(missed) / frames, 0.25, 0.05);
  EXPECT_NEAR(missed / options.fps / runs, 0.2, 0.05);
}

TEST(Sensor, FalseBoxesComeAsOftenAsAsked) {
  SensorOptions options = perfect();
  options.false_boxes = 0.3;
  const World world = walk_among({}, 0, 300);
  const Walk walk(world);
  Sensor sensor(world, walk, options);
  std::size_t boxes = 0;
  for (int i = 0; i < 9000; ++i) boxes += sensor.look(i).detections.items.size();
  EXPECT_NEAR(static_cast<double>(boxes) / 9000, 0.3, 0.05);
}

TEST(Sensor, DistancesErrAsStated) {
  // Over many walks, an object's median error is what was measured of the network: 8 %.
  std::vector<double> errors;
  double map_error = 0;
  int cells = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    World world = standing(person(0, 4.15), 1);
    world.seed = seed;
    const Walk walk(world);
    Sensor sensor(world, walk, SensorOptions{});
    const Look look = sensor.look(0);
    if (!look.comes) continue;  // a lost picture
    const double truth = look.truth->actors[0].depth_m;
    for (std::size_t i = 0; i < look.detections.items.size(); ++i) {
      if (look.actors[i] != 0) continue;
      errors.push_back(std::abs(look.detections.items[i].depth->depth_m / truth - 1));
    }
    for (std::size_t i = 0; i < look.truth->depth_m.size(); i += 7) {
      if (look.truth->depth_m[i] <= 0 || look.depth->depth_m.values[i] <= 0) continue;
      map_error += std::abs(look.depth->depth_m.values[i] / look.truth->depth_m[i] - 1);
      ++cells;
    }
  }
  ASSERT_GT(errors.size(), 300U);
  std::nth_element(errors.begin(), errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2),
                   errors.end());
  EXPECT_NEAR(errors[errors.size() / 2], 0.08, 0.015);
  EXPECT_NEAR(map_error / cells, 0.14, 0.02);
}

TEST(Sensor, TakingAnActorAwayLeavesTheNoiseOfTheRest) {
  World both = standing(person(-1, 4), 3);
  Actor other = person(1.5, 5);
  other.id = 2;
  both.actors.push_back(other);
  World one = both;
  one.actors.erase(one.actors.begin());
  const Walk walk(both);
  Sensor a(both, walk, SensorOptions{});
  Sensor b(one, walk, SensorOptions{});
  int compared = 0;
  for (int i = 0; i < 60; ++i) {
    const Look in_both = a.look(i), alone = b.look(i);
    const auto of = [](const Look& look, int actor) -> const Detection* {
      for (std::size_t k = 0; k < look.actors.size(); ++k) {
        if (look.actors[k] == actor) return &look.detections.items[k];
      }
      return nullptr;
    };
    const Detection* x = of(in_both, 1);
    const Detection* y = of(alone, 0);
    ASSERT_EQ(x == nullptr, y == nullptr);
    if (x == nullptr) continue;
    EXPECT_EQ(x->box.x1, y->box.x1);
    EXPECT_EQ(x->score, y->score);
    ++compared;
  }
  EXPECT_GT(compared, 30);
}

TEST(Sensor, TroublesHideThePictures) {
  World world = standing(person(0, 3), 4);
  world.troubles = {{Trouble::Kind::blind, 1, 2}, {Trouble::Kind::dark, 3, 4}};
  const Walk walk(world);
  Sensor sensor(world, walk, perfect());
  for (int i = 0; i < 120; ++i) {
    const Look look = sensor.look(i);
    const bool blind = i >= 30 && i < 60, dark = i >= 90;
    EXPECT_EQ(look.comes, !blind) << i;
    EXPECT_EQ(look.detections.items.empty(), blind || dark) << i;
  }
}

}  // namespace
}  // namespace lazarillo::simulate
