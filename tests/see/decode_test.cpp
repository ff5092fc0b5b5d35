#include "see/decode.h"

#include <gmock/gmock.h>

#include <limits>

namespace lazarillo {
namespace {

/// What a decoder found, in the form the tests write expectations.
struct Found {
  int anchor;
  int class_id;
  float score;
  Box box;
};

void expect(const std::vector<Candidate>& candidates, const std::vector<Found>& expected) {
  ASSERT_EQ(candidates.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(candidates[i].anchor, expected[i].anchor);
    EXPECT_EQ(candidates[i].class_id, expected[i].class_id);
    EXPECT_FLOAT_EQ(candidates[i].score, expected[i].score);
    EXPECT_FLOAT_EQ(candidates[i].box.x1, expected[i].box.x1);
    EXPECT_FLOAT_EQ(candidates[i].box.y1, expected[i].box.y1);
    EXPECT_FLOAT_EQ(candidates[i].box.x2, expected[i].box.x2);
    EXPECT_FLOAT_EQ(candidates[i].box.y2, expected[i].box.y2);
  }
}

TEST(DecodeJoint, TakesTheBestClassOfEachAnchor) {
  const std::vector<float> boxes{1, 2, 3, 4, 10, 20, 30, 40, -5, 6, 7, 80, 0, 0, 1, 1};
  const std::vector<float> scores{0.1F, 0.2F,  0.05F,  // below
                                  0.3F, 0.1F,  0.9F,   // class 2
                                  0.5F, 0.5F,  0.4F,   // equal: the first
                                  0.0F, 0.25F, 0.0F};  // exactly the threshold stays
  std::vector<Candidate> found;
  decode_joint(boxes, scores, 3, 0.25F, found);
  expect(
      found,
      {{1, 2, 0.9F, {10, 20, 30, 40}}, {2, 0, 0.5F, {-5, 6, 7, 80}}, {3, 1, 0.25F, {0, 0, 1, 1}}});
}

/// Nx(4+C) by hand, and turned into (4+C)xN.
const std::vector<float> kAnchors{100, 50, 20, 10, 0.0F, 0.8F,  //
                                  10,  20, 4,  8,  0.1F, 0.1F,  //
                                  64,  32, 64, 32, 0.6F, 0.5F};

std::vector<float> turned(const std::vector<float>& rows, std::size_t columns) {
  std::vector<float> out(rows.size());
  const std::size_t count = rows.size() / columns;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < columns; ++j) out[j * count + i] = rows[i * columns + j];
  }
  return out;
}

TEST(DecodeUltralytics, ReadsBothOrders) {
  const std::vector<Found> expected{{0, 1, 0.8F, {90, 45, 110, 55}},
                                    {2, 0, 0.6F, {32, 16, 96, 48}}};
  std::vector<Candidate> found;
  decode_ultralytics(turned(kAnchors, 6), 2, false, 1, 1, 0.3F, found);
  expect(found, expected);
  found.clear();
  decode_ultralytics(kAnchors, 2, true, 1, 1, 0.3F, found);
  expect(found, expected);
}

TEST(DecodeUltralytics, TurnsPartsOfTheInputIntoPixels) {
  // A box in the middle of the left half of an input of 200x100.
  const std::vector<float> anchor{0.25F, 0.5F, 0.1F, 0.2F, 0.9F};
  std::vector<Candidate> found;
  decode_ultralytics(anchor, 1, false, 200, 100, 0.3F, found);
  expect(found, {{0, 0, 0.9F, {40, 40, 60, 60}}});
}

TEST(DecodeUltralytics, FindsAnchorsBeyondTheFirstBlock) {
  // More anchors than one block, a last block that is not full; scores rise with the class.
  const int anchors = 1000;
  std::vector<float> values(std::size_t{7} * anchors, 0);
  const auto set = [&](int row, int anchor, float v) {
    values[static_cast<std::size_t>(row) * anchors + static_cast<std::size_t>(anchor)] = v;
  };
  for (const int anchor : {0, 255, 256, 511, 777, 999}) {
    set(0, anchor, static_cast<float>(anchor));
    set(1, anchor, 5);
    set(2, anchor, 2);
    set(3, anchor, 2);
    set(4 + anchor % 3, anchor, 0.5F);
  }
  std::vector<Candidate> found;
  decode_ultralytics(values, 3, false, 1, 1, 0.4F, found);
  std::vector<Found> expected;
  for (const int anchor : {0, 255, 256, 511, 777, 999}) {
    const auto x = static_cast<float>(anchor);
    expected.push_back({anchor, anchor % 3, 0.5F, {x - 1, 4, x + 1, 6}});
  }
  expect(found, expected);
}

TEST(DecodeEndToEnd, TakesRowsAsTheyAre) {
  const std::vector<float> rows{10, 20, 30, 40, 0.9F, 1,    //
                                1,  2,  3,  4,  0.1F, 0,    //
                                5,  6,  7,  8,  0.5F, 0,    //
                                0,  0,  0,  0,  0,    -1};  // what fills the rest
  std::vector<Candidate> found;
  EXPECT_TRUE(decode_end_to_end(rows, 2, 1, 1, 0.3F, found));
  expect(found, {{0, 1, 0.9F, {10, 20, 30, 40}}, {2, 0, 0.5F, {5, 6, 7, 8}}});
  found.clear();
  EXPECT_TRUE(decode_end_to_end(rows, 2, 10, 100, 0.6F, found));
  expect(found, {{0, 1, 0.9F, {100, 2000, 300, 4000}}});
}

TEST(DecodeEndToEnd, TellsAClassItDoesNotKnow) {
  std::vector<Candidate> found;
  EXPECT_FALSE(decode_end_to_end(std::vector<float>{1, 2, 3, 4, 0.9F, 2}, 2, 1, 1, 0.3F, found));
  EXPECT_FALSE(decode_end_to_end(std::vector<float>{1, 2, 3, 4, 0.9F, -1}, 2, 1, 1, 0.3F, found));
}

TEST(DecodeDetr, TurnsLogitsIntoScoresAndCentresIntoCorners) {
  const std::vector<float> logits{-3,  2,   -8,   // 1 / (1 + e^-2) = 0.880797
                                  -1,  -4,  -2,   // 1 / (1 + e) = 0.268941: below
                                  0,   -1,  0,    // equal: the first; 0.5
                                  40,  90,  -90,  // saturates, does not overflow
                                  -90, -90, -90};
  const std::vector<float> boxes{0.5F, 0.5F, 0.2F, 0.4F, 0.1F, 0.1F,  0.1F, 0.1F, 0.25F, 0.75F,
                                 0.5F, 0.5F, 1,    1,    0.5F, 0.25F, 0,    0,    1,     1};
  std::vector<Candidate> found;
  decode_detr(logits, boxes, 3, 200, 100, 0.3F, found);
  expect(found, {{0, 1, 0.880797F, {80, 30, 120, 70}},
                 {2, 0, 0.5F, {0, 50, 100, 100}},
                 {3, 1, 1, {150, 87.5F, 250, 112.5F}}});
}

TEST(AllFinite, FindsOneBadValueAnywhere) {
  std::vector<float> values(1003, 1.5F);
  values[7] = std::numeric_limits<float>::max();
  values[8] = -std::numeric_limits<float>::max();
  values[9] = std::numeric_limits<float>::denorm_min();
  EXPECT_TRUE(all_finite(values));
  EXPECT_TRUE(all_finite({}));
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity}) {
    for (const std::size_t place : {0U, 500U, 1002U}) {
      std::vector<float> spoilt = values;
      spoilt[place] = bad;
      EXPECT_FALSE(all_finite(spoilt)) << bad << " at " << place;
    }
  }
}

}  // namespace
}  // namespace lazarillo
