#include "eval/average_precision.h"

#include <gtest/gtest.h>

namespace lazarillo {
namespace {

constexpr CocoBox kHere{100, 100, 100, 100};
constexpr CocoBox kThere{400, 100, 100, 100};

CocoBox part_of(const CocoBox& box, double part) {
  return {box.x, box.y, box.width * part, box.height};
}

AveragePrecision of(const std::vector<ClassInPicture>& pictures) {
  const auto result = average_precision(pictures);
  EXPECT_TRUE(result);
  return result.value_or(AveragePrecision{});
}

TEST(AveragePrecision, AllFoundIsOne) {
  const AveragePrecision p = of({{{{kHere}}, {{kHere, 0.3}}}, {{{kThere}}, {{kThere, 0.9}}}});
  EXPECT_NEAR(p.ap50, 1, 1e-12);
  EXPECT_NEAR(p.ap, 1, 1e-12);
  EXPECT_EQ(p.objects, 2U);
}

TEST(AveragePrecision, OneOfTwoFoundHasPrecisionUpToHalfTheRecall) {
  // 51 of the 101 recalls are 0.50 or less.
  EXPECT_NEAR(of({{{{kHere}, {kThere}}, {{kHere, 0.9}}}}).ap, 51.0 / 101, 1e-12);
}

TEST(AveragePrecision, WhatIsWrongAndSurerHalvesThePrecision) {
  EXPECT_NEAR(of({{{{kHere}}, {{kThere, 0.9}, {kHere, 0.8}}}}).ap50, 0.5, 1e-12);
  EXPECT_NEAR(of({{{{kHere}}, {{kThere, 0.7}, {kHere, 0.8}}}}).ap50, 1, 1e-12) << "less sure";
}

TEST(AveragePrecision, ALooseBoxCountsUpToItsOverlap) {
  // IoU 0.62: right at 0.50, 0.55 and 0.60, wrong at the other seven.
  const AveragePrecision p = of({{{{kHere}}, {{part_of(kHere, 0.62), 0.9}}}});
  EXPECT_NEAR(p.ap50, 1, 1e-12);
  EXPECT_NEAR(p.ap, 0.3, 1e-12);
}

TEST(AveragePrecision, AnObjectIsFoundOnce) {
  // Ranked: right, wrong (a second time), right. Precision 1 up to recall 0.5, then 2/3.
  const AveragePrecision p =
      of({{{{kHere}, {kThere}}, {{kHere, 0.9}, {kHere, 0.8}, {kThere, 0.7}}}});
  EXPECT_NEAR(p.ap50, (51 + 50 * 2.0 / 3) / 101, 1e-12);
}

TEST(AveragePrecision, DifficultObjectsCountNeitherWay) {
  const TrueBox difficult{kThere, true};
  const AveragePrecision p =
      of({{{difficult, {kHere}}, {{kThere, 0.9}, {part_of(kThere, 0.2), 0.8}, {kHere, 0.7}}}});
  EXPECT_NEAR(p.ap50, 1, 1e-12) << "both boxes in the difficult one are neither right nor wrong";
  EXPECT_EQ(p.objects, 1U);
}

TEST(AveragePrecision, WhatFitsAnObjectThatCountsIsItsOwn) {
  // The difficult box fits better, and stands first.
  const TrueBox around{{90, 90, 120, 120}, true};
  const std::vector<Judged> judged = judge({{around, {part_of(kHere, 0.8)}}, {{kHere, 0.9}}}, 0.5);
  ASSERT_EQ(judged.size(), 1U);
  EXPECT_EQ(judged[0].verdict, Verdict::right);
}

TEST(AveragePrecision, NoObjectNoNumber) {
  EXPECT_FALSE(average_precision({}));
  EXPECT_FALSE(average_precision(std::vector<ClassInPicture>{{{{kHere, true}}, {{kHere, 0.5}}}}));
}

TEST(AveragePrecision, OnlyTheHundredBestOfAPictureCount) {
  ClassInPicture crowded{{{kHere}}, std::vector<FoundBox>(kMostFound, {kThere, 0.9})};
  crowded.found.push_back({kHere, 0.8});
  EXPECT_EQ(of({crowded}).ap50, 0);
  crowded.found.back().score = 0.95;
  EXPECT_GT(of({crowded}).ap50, 0.99);
}

}  // namespace
}  // namespace lazarillo
