#include "simulate/properties.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "simulate/shrink.h"
#include "simulate/world_file.h"
#include "trial.h"

namespace lazarillo::simulate {
namespace {

using test::block;
using test::perfect;
using test::usual_trial;
using test::walk_among;

Trial with_perfect_eyes() {
  Trial trial = usual_trial();
  trial.sensor = perfect();
  return trial;
}

TEST(Properties, AWallAheadIsAnnouncedInTime) {
  const World world = walk_among({block(0, 9, 4, 0.2, 2.5)}, 1.2, 12);
  const Outcome outcome = play(world, with_perfect_eyes(), Limits{});
  EXPECT_TRUE(outcome.judgement.contact);
  const Verdict& announced = outcome.judgement[Property::announced];
  EXPECT_EQ(announced.cases, 1);
  EXPECT_EQ(announced.failures, 0) << announced.why.front();
}

TEST(Properties, AGuideThatSaysNothingFails) {
  Trial trial = with_perfect_eyes();
  trial.guiding.persistence_s = trial.guiding.persistence_critical_s = 1e6;
  trial.guiding.vision_lost_s = 1e6;
  World world = walk_among({block(0, 9, 4, 0.2, 2.5)}, 1.2, 12);
  EXPECT_EQ(play(world, trial, Limits{}).judgement[Property::announced].failures, 1);
  world.actors.clear();
  world.troubles = {{Trouble::Kind::blind, 2, 5}};
  EXPECT_EQ(play(world, trial, Limits{}).judgement[Property::vision_told].failures, 1);
  EXPECT_EQ(play(world, usual_trial(), Limits{}).judgement[Property::vision_told].failures, 0);
}

TEST(Properties, WhatComesFromBehindIsNotAskedFor) {
  Actor bicycle = block(0, -20, 0.5, 1.7, 1.1);
  bicycle.label = "bicycle";
  bicycle.moves = {{0, 0, 5}};
  const Judgement judgement =
      play(walk_among({bicycle}, 1, 12), with_perfect_eyes(), Limits{}).judgement;
  EXPECT_TRUE(judgement.contact);
  EXPECT_EQ(judgement[Property::announced].cases, 0);
  EXPECT_EQ(judgement.late_courses, 1);
}

TEST(Properties, TheSameWorldIsToldTheSame) {
  const World world = walk_among({block(0.2, 8, 0.3, 0.3, 2)}, 1.2, 10);
  const Outcome a = play(world, usual_trial(), Limits{});
  const Outcome b = play(world, usual_trial(), Limits{});
  ASSERT_EQ(a.record.said.size(), b.record.said.size());
  for (std::size_t i = 0; i < a.record.said.size(); ++i) {
    EXPECT_EQ(a.record.said[i].sentence, b.record.said[i].sentence);
    EXPECT_EQ(a.record.said[i].begun_s, b.record.said[i].begun_s);
  }
}

TEST(Shrink, LeavesOnlyWhatMatters) {
  Trial trial = with_perfect_eyes();
  trial.guiding.persistence_s = trial.guiding.persistence_critical_s = 1e6;
  World world = walk_among({block(3, 4, 0.3, 0.3, 2), block(0, 9, 4, 0.2, 2.5),
                            block(-3, 6, 0.3, 0.3, 2), block(4, 9, 0.3, 0.3, 2)},
                           1.2, 20);
  world.legs.push_back({15, 40, 1});
  world.troubles = {{Trouble::Kind::blind, 1, 1.2}};
  ASSERT_GT(play(world, trial, Limits{}).judgement[Property::announced].failures, 0);
  const World small = shrunk(world, Property::announced, trial, Limits{});
  ASSERT_EQ(small.actors.size(), 1U);
  EXPECT_EQ(small.actors[0].id, 2);
  EXPECT_TRUE(small.troubles.empty());
  EXPECT_EQ(small.legs.size(), 1U);
  EXPECT_LT(small.seconds, 12);
}

/// Every world of the folder has its verdict in its first line: "# holds" or "# fails: PROPERTY".
TEST(Properties, WorldsKeptAsFilesHaveTheVerdictsTheyState) {
  int worlds = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(LZ_SOURCE_DIR "/tests/simulate/worlds")) {
    if (entry.path().extension() != ".toml") continue;
    ++worlds;
    std::ifstream stream(entry.path());
    std::string stated;
    std::getline(stream, stated);
    Trial trial = usual_trial();
    const World world = read_world(entry.path(), trial.sensor);
    const Judgement judgement = play(world, trial, Limits{}).judgement;
    std::string found;
    for (std::size_t i = 0; i < kProperties; ++i) {
      if (judgement.of[i].failures == 0) continue;
      found +=
          (found.empty() ? "# fails: " : " ") + std::string(to_string(static_cast<Property>(i)));
    }
    EXPECT_EQ(found.empty() ? "# holds" : found, stated) << entry.path().filename();
  }
  EXPECT_GE(worlds, 5);
}

}  // namespace
}  // namespace lazarillo::simulate
