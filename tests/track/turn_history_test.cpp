#include "track/turn_history.h"

#include <gtest/gtest.h>

namespace lazarillo {
namespace {

constexpr std::int64_t kMs = 1'000'000;

TEST(TurnHistory, GoesForwardAndBack) {
  TurnHistory turns;
  turns.add(0, {7, 7});
  turns.add(100 * kMs, {9, 6});
  turns.add(200 * kMs, {13, 6.5});
  EXPECT_DOUBLE_EQ(turns.between(0, 200 * kMs).right_deg, 6);
  EXPECT_DOUBLE_EQ(turns.between(0, 200 * kMs).up_deg, -0.5);
  EXPECT_DOUBLE_EQ(turns.between(200 * kMs, 0).right_deg, -6);
  EXPECT_DOUBLE_EQ(turns.between(100 * kMs, 150 * kMs).right_deg, 2);  // half of it
  EXPECT_DOUBLE_EQ(turns.between(50 * kMs, 150 * kMs).up_deg, -0.25);
}

TEST(TurnHistory, KnowsNothingBeyondItsFrames) {
  TurnHistory turns;
  EXPECT_EQ(turns.between(0, 100 * kMs).right_deg, 0);
  turns.add(100 * kMs, {1, 0});
  turns.add(200 * kMs, {4, 0});
  EXPECT_DOUBLE_EQ(turns.between(-50 * kMs, 900 * kMs).right_deg, 3);
  EXPECT_DOUBLE_EQ(turns.between(200 * kMs, 900 * kMs).right_deg, 0);
  turns.add(150 * kMs, {90, 0});  // out of order: ignored
  EXPECT_DOUBLE_EQ(turns.between(100 * kMs, 200 * kMs).right_deg, 3);
}

TEST(TurnHistory, ForgetsWhatIsLongAgo) {
  TurnHistory turns;
  for (int i = 0; i <= 1000; ++i) turns.add(i * 33 * kMs, {double(i), 0});
  EXPECT_DOUBLE_EQ(turns.between(999 * 33 * kMs, 1000 * 33 * kMs).right_deg, 1);
  // From before the beginning: from the oldest it still knows, three seconds ago.
  EXPECT_LT(turns.between(0, 1000 * 33 * kMs).right_deg, 100);
  EXPECT_GT(turns.between(0, 1000 * 33 * kMs).right_deg, 80);
}

}  // namespace
}  // namespace lazarillo
