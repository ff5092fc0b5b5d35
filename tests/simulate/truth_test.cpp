#include "simulate/truth.h"

#include <gtest/gtest.h>

#include "trial.h"

namespace lazarillo::simulate {
namespace {

using test::block;
using test::walk_among;

std::optional<Contact> contact_of(const World& world) { return first_contact(world, Walk(world)); }

TEST(Truth, AWallIsHitWhenTheShouldersReachIt) {
  // Face at 6 - 0.1 m, body 0.25 m thick before its middle, 1.25 m/s.
  const auto contact = contact_of(walk_among({block(0, 6, 4, 0.2, 2)}, 1.25));
  ASSERT_TRUE(contact);
  EXPECT_NEAR(contact->at_s, (6 - 0.1 - 0.25) / 1.25, 0.02);
}

TEST(Truth, WhatIsPassedAtArmsLengthIsNotHit) {
  EXPECT_FALSE(contact_of(walk_among({block(0.25 + 0.1 + 0.02, 5, 0.2, 0.2, 2)})));
  EXPECT_TRUE(contact_of(walk_among({block(0.25 + 0.1 - 0.02, 5, 0.2, 0.2, 2)})));
}

TEST(Truth, HeightsDecide) {
  EXPECT_FALSE(contact_of(walk_among({block(0, 5, 2, 0.2, 0.14)}))) << "the cane finds a kerb";
  EXPECT_TRUE(contact_of(walk_among({block(0, 5, 2, 0.2, 0.3)})));
  EXPECT_FALSE(contact_of(walk_among({block(0, 5, 2, 0.2, 1, 1.8)}))) << "over the head";
  EXPECT_TRUE(contact_of(walk_among({block(0, 5, 2, 0.2, 1, 1.6)}))) << "at the head";
}

TEST(Truth, AnEdgeIsSteppedOver) {
  Actor hole = block(0, 6, 2, 2, 0.5);
  hole.shape = Shape::pit;
  const auto contact = contact_of(walk_among({hole}));
  ASSERT_TRUE(contact);
  EXPECT_NEAR(contact->at_s, 5 - 0.1, 0.02);  // a foot reaches 0.1 m before the body's middle
}

TEST(Truth, WhoComesTheOtherWayIsMetHalfway) {
  Actor person = block(0, 10, 0.5, 0.3, 1.7);
  person.moves = {{0, 0, -1.5}};
  const auto contact = contact_of(walk_among({person}, 1));
  ASSERT_TRUE(contact);
  EXPECT_NEAR(contact->at_s, (10 - 0.15 - 0.25) / 2.5, 0.02);
}

TEST(Truth, ATurnBeforehandAvoidsIt) {
  World world = walk_among({block(0, 6, 2, 0.2, 2)});
  world.legs.push_back({2, 90, 1});
  EXPECT_FALSE(contact_of(world));
  // 90 degrees a second: a quarter circle of radius 1 / (pi / 2).
  const Pose end = Walk(world).at(8);
  EXPECT_NEAR(end.heading_deg, 90, 1e-6);
  EXPECT_NEAR(end.at.y, 2 + 2 / 3.14159, 0.03);
  EXPECT_NEAR(end.at.x, 2 / 3.14159 + 5, 0.03);
}

TEST(Truth, ACourseIsStraightOn) {
  Actor cyclist = block(-10, 8, 0.5, 0.5, 1.7);
  cyclist.moves = {{0, 2.5, 0}};
  const World world = walk_among({cyclist}, 2, 20);
  const Walk walk(world);
  // Both reach (0, 8) after 4 s.
  const auto meeting = meets(world, 0, walk.at(1), 1, kBodyRadius_m, 10);
  ASSERT_TRUE(meeting);
  EXPECT_NEAR(*meeting, 3, 0.35);
  EXPECT_FALSE(meets(world, 0, walk.at(1), 1, kBodyRadius_m, 2)) << "beyond the horizon";
}

TEST(Truth, HazardsAreWhatIsAheadNotWhatIsBeside) {
  const World beside = walk_among({block(1.5, 6, 0.5, 20, 2)}, 1, 6);
  EXPECT_TRUE(without_hazards(beside, Walk(beside), 6));
  const World ahead = walk_among({block(0, 9, 3, 0.2, 2)}, 1, 6);
  EXPECT_FALSE(without_hazards(ahead, Walk(ahead), 6)) << "3 m before a wall, and on";
}

}  // namespace
}  // namespace lazarillo::simulate
