#include "eval/detection.h"

#include <gtest/gtest.h>

#include "error.h"

namespace lazarillo {
namespace {

constexpr Box kHere{10, 10, 60, 60};
constexpr Box kThere{100, 10, 160, 60};

/// "cat" and "dog"; the first picture is labelled for both, the second for cats alone.
DetectionRun two_pictures() {
  DetectionRun run;
  run.names = {"cat", "dog"};
  run.known = {true, true};
  run.name_of_class = {0, 1};
  run.pictures = {{"a.webp", 200, 100, "one", {{0, kHere}, {1, kThere}}, {0, 1}},
                  {"b.webp", 200, 100, "two", {{0, kHere}}, {0}}};
  run.found = {{{0, kHere, 0.9F}, {1, kThere, 0.8F}}, {{0, kHere, 0.7F}}};
  return run;
}

TEST(DetectionScore, MeansAreOverClassesInAllAndInEachSet) {
  DetectionRun run = two_pictures();
  run.found[1].clear();  // one cat of two is missed
  const DetectionScore s = score(run);
  EXPECT_NEAR(s.all.ap50, (51.0 / 101 + 1) / 2, 1e-12);
  EXPECT_NEAR(s.sets.at("one").ap50, 1, 1e-12);
  EXPECT_NEAR(s.sets.at("two").ap50, 0, 1e-12);
  EXPECT_EQ(s.all.classes[0].images, 2U);
  EXPECT_EQ(s.all.classes[1].images, 1U);
}

TEST(DetectionScore, WhatAPictureIsNotLabelledForDoesNotCountThere) {
  DetectionRun run = two_pictures();
  run.found[1].push_back({1, kThere, 0.99F});     // a dog that may well be there
  run.pictures[1].objects.push_back({1, kHere});  // and a stray box of one
  const DetectionScore s = score(run);
  EXPECT_NEAR(s.all.ap50, 1, 1e-12);
  EXPECT_EQ(s.all.classes[1].precision.objects, 1U);
  run.pictures[1].labelled_classes = {0, 1};
  EXPECT_LT(score(run).all.ap50, 0.9);
}

TEST(DetectionScore, ClassesTheNetworkDoesNotKnowAreNamedAndLeftOut) {
  DetectionRun run = two_pictures();
  run.known[1] = false;
  const DetectionScore s = score(run);
  EXPECT_EQ(s.unknown, std::vector<std::string>{"dog"});
  ASSERT_EQ(s.all.classes.size(), 1U);
  EXPECT_EQ(s.all.classes[0].name, "cat");
}

TEST(DetectionScore, WithoutAnObjectThereIsNothingToMeasure) {
  DetectionRun run = two_pictures();
  for (LabelledPicture& picture : run.pictures) picture.objects.clear();
  EXPECT_THROW((void)score(run), Error);
}

TEST(Reliability, IsTheDistanceOfScoresFromWhatIsRight) {
  using enum Verdict;
  const std::vector<Judged> judged{{0.82, right}, {0.88, wrong},  // 0.85, half of them right
                                   {0.31, wrong}, {0.35, right},   {0.39, wrong},
                                   {0.35, wrong}, {0.95, ignored}, {0.02, wrong}};
  const Reliability r = reliability(judged, 0.05);
  EXPECT_EQ(r.bins[8].detections, 2U);
  EXPECT_NEAR(r.bins[8].mean_score, 0.85, 1e-12);
  EXPECT_NEAR(r.bins[8].right, 0.5, 1e-12);
  EXPECT_EQ(r.bins[9].detections, 0U);
  EXPECT_EQ(r.bins[0].detections, 0U);
  EXPECT_NEAR(r.ece, (2 * 0.35 + 4 * 0.10) / 6, 1e-12);
}

}  // namespace
}  // namespace lazarillo
