#include "source/stream_clock.h"

#include <gtest/gtest.h>

#include <random>

namespace lazarillo {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;

TEST(StreamClock, HonestTimesOnlyLoseTheirStart) {
  StreamClock clock;
  for (const std::int64_t t : {0, 33, 40, 140, 141, 5000}) {
    EXPECT_EQ(clock.place((777 + t) * kMs, std::nullopt), t * kMs);
  }
}

TEST(StreamClock, MissingTimesFollowAtTheFrameDuration) {
  StreamClock clock;
  EXPECT_EQ(clock.place(std::nullopt, 100 * kMs), 0);
  EXPECT_EQ(clock.place(std::nullopt, 100 * kMs), 100 * kMs);
  EXPECT_EQ(clock.place(std::nullopt, std::nullopt), 200 * kMs);
}

TEST(StreamClock, RepeatedAndSlightlyEarlierFramesAreSkipped) {
  StreamClock clock;
  EXPECT_EQ(clock.place(0, std::nullopt), 0);
  EXPECT_EQ(clock.place(80 * kMs, std::nullopt), 80 * kMs);
  EXPECT_EQ(clock.place(80 * kMs, std::nullopt), std::nullopt);
  EXPECT_EQ(clock.place(40 * kMs, std::nullopt), std::nullopt);
  EXPECT_EQ(clock.place(120 * kMs, std::nullopt), 120 * kMs);
}

TEST(StreamClock, JumpsAreClosedAndTheSpacingAfterThemIsKept) {
  StreamClock clock;
  EXPECT_EQ(clock.place(0, 40 * kMs), 0);
  EXPECT_EQ(clock.place(26 * 3600 * kSecond, 40 * kMs), 40 * kMs);  // a counter wrapped
  EXPECT_EQ(clock.place(26 * 3600 * kSecond + 50 * kMs, 40 * kMs), 90 * kMs);
  EXPECT_EQ(clock.place(5 * kSecond, 40 * kMs), 130 * kMs);  // joined recordings
  EXPECT_EQ(clock.place(5 * kSecond + 70 * kMs, 40 * kMs), 200 * kMs);
}

TEST(StreamClock, AlwaysGrowsWhateverItIsFed) {
  std::mt19937_64 random(7);
  StreamClock clock;
  std::int64_t last = -1;
  for (int i = 0; i < 100'000; ++i) {
    std::optional<std::int64_t> time;
    std::optional<std::int64_t> duration;
    const auto any = [&] { return static_cast<std::int64_t>(random() >> (2 + random() % 40)); };
    if (random() % 4 != 0) time = any();
    if (random() % 2 != 0) duration = any() - 1000;
    const auto place = clock.place(time, duration);
    if (!place) continue;
    ASSERT_GT(*place, last);
    last = *place;
  }
}

}  // namespace
}  // namespace lazarillo
