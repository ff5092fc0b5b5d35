#include "run/usage.h"

#include <gtest/gtest.h>

namespace lazarillo {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

/// Half an hour that swings by 12 MiB every 13 s and grows by `mib_per_minute`.
MemoryTrend half_an_hour(double mib_per_minute) {
  MemoryTrend trend;
  for (int s = 0; s < 1800; ++s) {
    trend.add(s * kSecond, 150 + (s % 13 < 6 ? 12 : 0) + mib_per_minute * s / 60);
  }
  return trend;
}

TEST(MemoryTrend, SwingsAreNoGrowth) {
  EXPECT_DOUBLE_EQ(half_an_hour(0).growth_mib(), 0);
}

TEST(MemoryTrend, ALeakIsFound) {
  // From the first tenth to the last: 27 of the 30 minutes, within a swing's 13 s.
  EXPECT_NEAR(half_an_hour(0.1).growth_mib(), 2.7, 0.1 * 13 / 60);
}

TEST(MemoryTrend, AShortRunIsItsEndAgainstItsBeginning) {
  MemoryTrend trend;
  EXPECT_EQ(trend.growth_mib(), 0);
  trend.add(0, 100);
  trend.add(kSecond, 130);
  trend.add(2 * kSecond, 120);
  EXPECT_EQ(trend.growth_mib(), 20);
}

TEST(MemoryTrend, OneValueASecond) {
  MemoryTrend trend;
  EXPECT_TRUE(trend.due(0));
  trend.add(0, 100);
  EXPECT_FALSE(trend.due(kSecond - 1));
  EXPECT_TRUE(trend.due(kSecond));
}

TEST(ResidentMemory, IsThisProcesss) {
  const double before = resident_mib();
  std::vector<char> more(64 << 20, 1);
  EXPECT_GT(resident_mib(), before + 32) << more.back();
}

}  // namespace
}  // namespace lazarillo
