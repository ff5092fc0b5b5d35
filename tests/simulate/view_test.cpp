#include "simulate/view.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "trial.h"

namespace lazarillo::simulate {
namespace {

using test::block;
using test::walk_among;

const Intrinsics kCamera = Intrinsics::from_hfov(90, 640, 480, false);

View seen(const World& world, const Eye& eye, int cells = 64) {
  std::vector<Solid> solids;
  for (std::size_t i = 0; i < world.actors.size(); ++i) add_solids(world, i, 0, solids);
  Caster caster(kCamera, cells);
  return caster.cast(solids, world.actors.size(), eye);
}

TEST(View, TheGroundLiesWhereTrigonometryPutsIt) {
  Eye eye;
  eye.height_m = 1.5;
  eye.pitch_deg = 0;
  const View view = seen(walk_among({}), eye);
  const std::size_t row = 40;
  const double y = (40.5 * 480 / 48 - 0.5 - kCamera.cy) / kCamera.fy;
  EXPECT_NEAR(view.depth_m[row * 64 + 10], 1.5 / y, 1e-3);
  EXPECT_EQ(view.depth_m[5 * 64 + 10], 0) << "the sky";
}

TEST(View, AWallHasOneDepthAndHidesWhatIsBehind) {
  Eye eye;
  eye.pitch_deg = 0;
  const World world = walk_among({block(0, 4, 10, 0.2, 3), block(0, 8, 1, 1, 1.5)});
  const View view = seen(world, eye);
  EXPECT_NEAR(view.depth_m[24 * 64 + 32], 3.9, 1e-3);
  EXPECT_NEAR(view.depth_m[24 * 64 + 4], 3.9, 1e-3) << "depth is along the axis, not the ray";
  EXPECT_GT(view.actors[1].alone, 10);
  EXPECT_EQ(view.actors[1].visible, 0);
}

TEST(View, AHeadThatTurnsRightSeesThingsMoveLeft) {
  Eye eye;
  eye.pitch_deg = 0;
  eye.heading_deg = 20;
  const World world = walk_among({block(0, 5, 0.5, 0.5, 1.7)});
  std::vector<Solid> solids;
  add_solids(world, 0, 0, solids);
  const auto box = projected(solids, eye, kCamera);
  ASSERT_TRUE(box);
  // Its middle is seen 20 degrees to the left.
  EXPECT_NEAR(box->centre_x(), kCamera.cx - kCamera.fx * std::tan(20 * std::numbers::pi / 180), 6);
  const View view = seen(world, eye);
  EXPECT_NEAR((view.actors[0].left + view.actors[0].right) / 2.0, box->centre_x() / 10, 1);
}

TEST(View, ABoxIsAsTallAsThePinholeSays) {
  Eye eye;
  eye.height_m = 1.5;
  eye.pitch_deg = 0;
  std::vector<Solid> solids;
  const World world = walk_among({block(0, 6.1, 0.5, 0.2, 1.7)});
  add_solids(world, 0, 0, solids);
  const auto box = projected(solids, eye, kCamera);
  ASSERT_TRUE(box);
  EXPECT_NEAR(box->height(), kCamera.fy * 1.7 / 6, 3);
  EXPECT_NEAR(depth_of(solids, eye), 6, 1e-6);
  EXPECT_FALSE(projected(solids, Eye{{0, 10}, 1.5, 0, 0, 0}, kCamera)) << "it is behind";
}

TEST(View, APitIsDeeperThanTheGround) {
  Actor pit = block(0, 5, 4, 4, 1);  // from 3 to 7 m
  pit.shape = Shape::pit;
  Eye eye;
  eye.height_m = 1.5;
  eye.pitch_deg = 0;
  const View view = seen(walk_among({pit}), eye);
  const View flat = seen(walk_among({}), eye);
  // A ray that meets the ground at 3.5 m ends on the floor, 1 m lower, at 3.5 * 2.5 / 1.5 m.
  int floor = 0;
  for (std::size_t i = 0; i < view.depth_m.size(); ++i) {
    // Farther aside they meet the pit's side first.
    if (i % 64 < 24 || i % 64 >= 40) continue;
    if (std::abs(flat.depth_m[i] - 3.5F) > 0.3F || view.depth_m[i] == flat.depth_m[i]) continue;
    EXPECT_NEAR(view.depth_m[i], std::min(flat.depth_m[i] * 2.5F / 1.5F, 7.0F), 1e-3);
    ++floor;
  }
  EXPECT_GT(floor, 5);
}

TEST(View, StairsDownGoOnDown) {
  Actor stairs = block(0, 4, 2, 2.9, 1);
  stairs.shape = Shape::stairs_down;
  Eye eye;
  eye.height_m = 1.6;
  eye.pitch_deg = 20;
  const View view = seen(walk_among({stairs}), eye, 120);
  EXPECT_GT(view.actors[0].visible, 50);
}

}  // namespace
}  // namespace lazarillo::simulate
