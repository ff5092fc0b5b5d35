#include "track/range.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lazarillo {
namespace {

const ObjectClass kPerson{"person", ObjectKind::person, 1.7, 0.1, 1.7, 4.5};

/// A 640x480 frame seen at quarter resolution, all at `depth`.
MetricDepth flat(float depth, float sigma) {
  MetricDepth map;
  map.depth_m = {160, 120, 0.25, -0.375, -0.375, std::vector<float>(160 * 120, depth)};
  if (sigma > 0) map.sigma_relative.assign(160 * 120, sigma);
  return map;
}

void fill(MetricDepth& map, int x1, int y1, int x2, int y2, float depth) {
  for (int y = y1; y < y2; ++y) {
    for (int x = x1; x < x2; ++x) map.depth_m.values[static_cast<std::size_t>(y * 160 + x)] = depth;
  }
}

TEST(RangeFromDepth, FindsTheObjectNotTheBackground) {
  MetricDepth map = flat(12, 0.1F);
  // The box spans cells 40..60 x 20..80; the person fills 60 % of its width.
  fill(map, 44, 20, 56, 80, 3.0F);
  const auto range = range_from_depth(map, {160, 80, 240, 320});
  ASSERT_TRUE(range);
  EXPECT_NEAR(range->depth_m, 3.0, 0.05);
}

TEST(RangeFromDepth, FindsAThinObject) {
  MetricDepth map = flat(12, 0.1F);
  // Every other column only: half of the box is seen through.
  for (int x = 40; x < 60; x += 2) fill(map, x, 20, x + 1, 80, 3.0F);
  const auto range = range_from_depth(map, {160, 80, 240, 320});
  ASSERT_TRUE(range);
  EXPECT_NEAR(range->depth_m, 3.0, 0.3);
}

TEST(RangeFromDepth, IgnoresCellsThatAreNotNumbers) {
  MetricDepth map = flat(4, 0.1F);
  fill(map, 40, 20, 50, 80, std::numeric_limits<float>::quiet_NaN());
  fill(map, 50, 20, 52, 80, -1.0F);
  EXPECT_NEAR(range_from_depth(map, {160, 80, 240, 320})->depth_m, 4.0, 0.01);
  MetricDepth nothing = flat(std::numeric_limits<float>::infinity(), 0.1F);
  EXPECT_FALSE(range_from_depth(nothing, {160, 80, 240, 320}));
}

TEST(RangeFromDepth, TrustsANetworkWithoutSigmaLittle) {
  EXPECT_NEAR(range_from_depth(flat(4, 0.1F), {160, 80, 240, 320})->sigma_relative, 0.1, 0.02);
  EXPECT_GE(range_from_depth(flat(4, 0), {160, 80, 240, 320})->sigma_relative, 0.4);
}

TEST(RangeFromDepth, HoldsForTinyBoxesAndBoxesAtTheEdge) {
  EXPECT_NEAR(range_from_depth(flat(4, 0.1F), {100, 100, 101, 101})->depth_m, 4, 1e-3);
  EXPECT_NEAR(range_from_depth(flat(4, 0.1F), {630, 470, 640, 480})->depth_m, 4, 1e-3);
  EXPECT_NEAR(range_from_depth(flat(4, 0.1F), {-20, -20, 0, 0})->depth_m, 4, 1e-3);
}

TEST(RangeFromHeight, IsThePinholeEquation) {
  const auto camera = Intrinsics::from_hfov(60, 640, 480, false);
  // A person of 1.7 m at 5 m covers f * 1.7 / 5 pixels.
  const auto h = static_cast<float>(camera.fy * 1.7 / 5);
  const Box box{300, 100, 300 + h / 3, 100 + h};
  const auto range = range_from_height(kPerson, box, camera);
  ASSERT_TRUE(range);
  EXPECT_NEAR(range->depth_m, 5, 1e-3);
  EXPECT_GE(range->sigma_relative, 0.1 / 1.7);
}

TEST(RangeFromHeight, SaysNothingAboutCutOrCrouchedObjects) {
  const auto camera = Intrinsics::from_hfov(60, 640, 480, false);
  EXPECT_FALSE(range_from_height(kPerson, {300, 200, 380, 479.5F}, camera)) << "cut at the bottom";
  EXPECT_FALSE(range_from_height(kPerson, {0, 100, 80, 300}, camera)) << "cut at the left";
  EXPECT_FALSE(range_from_height(kPerson, {300, 200, 400, 300}, camera))
      << "as wide as tall: sitting";
  EXPECT_FALSE(range_from_height({"cat", ObjectKind::animal}, {300, 100, 380, 300}, camera));
}

TEST(Fuse, WeighsByInverseVariance) {
  const auto both = fuse(Range{4.0, 0.1}, Range{4.4, 0.1});
  EXPECT_NEAR(both->depth_m, std::sqrt(4.0 * 4.4), 1e-9);
  EXPECT_NEAR(both->sigma_relative, 0.1 / std::sqrt(2.0), 1e-9);
  EXPECT_NEAR(fuse(Range{4.0, 0.01}, Range{8.0, 0.5})->depth_m, 4.0, 0.01);
}

TEST(Fuse, DoubtsWhatContradictsItself) {
  const auto both = fuse(Range{2.0, 0.1}, Range{6.0, 0.1});
  EXPECT_GT(both->sigma_relative, 0.2);
  EXPECT_GT(both->depth_m, 2.0);
  EXPECT_LT(both->depth_m, 6.0);
}

TEST(ObjectRange, AHeightThatIsHiddenInPartDoesNotPushAway) {
  const Range depth{8, 0.1}, doubtful_depth{8, 0.45};
  const Range half_hidden{16, 0.1}, whole{8.5, 0.1}, nearer{4, 0.1};
  EXPECT_DOUBLE_EQ(object_range(depth, half_hidden)->depth_m, 8);
  EXPECT_DOUBLE_EQ(object_range(depth, half_hidden)->sigma_relative, 0.1);
  // What agrees, or says nearer, counts; so does anything against a depth that is a guess.
  EXPECT_GT(object_range(depth, whole)->depth_m, 8);
  EXPECT_LT(object_range(depth, nearer)->depth_m, 8);
  EXPECT_GT(object_range(doubtful_depth, half_hidden)->depth_m, 12);
  EXPECT_DOUBLE_EQ(object_range(std::nullopt, half_hidden)->depth_m, 16);
}

TEST(Fuse, PassesOneThrough) {
  EXPECT_FALSE(fuse({}, {}));
  EXPECT_EQ(fuse(Range{3, 0.2}, {})->depth_m, 3);
  EXPECT_EQ(fuse({}, Range{5, 0.2})->depth_m, 5);
}

TEST(CalibratedRange, ObjectsAreSurerThanCellsButDoubtfulOnesStayDoubtful) {
  const Range indoors = calibrated({3, 0.2, 0.5});
  EXPECT_LT(indoors.sigma_relative, 0.2);
  EXPECT_EQ(indoors.depth_m, 3);
  EXPECT_EQ(indoors.age_s, 0.5);
  EXPECT_DOUBLE_EQ(calibrated({3, 0.45}).sigma_relative, 0.45);
  EXPECT_DOUBLE_EQ(calibrated({3, 0.66}).sigma_relative, 0.66);
  // More doubt stated is more doubt told.
  for (double sigma = 0.02; sigma < 0.6; sigma += 0.01) {
    EXPECT_LT(calibrated({3, sigma}).sigma_relative, calibrated({3, sigma + 0.01}).sigma_relative);
  }
}

}  // namespace
}  // namespace lazarillo
