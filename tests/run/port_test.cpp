#include "run/port.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace lazarillo {
namespace {

TEST(Port, BlockingPortLosesNothingAndKeepsTheOrder) {
  Port<int> port(PortPolicy::block(2));
  std::thread giver([&] {
    for (int i = 0; i < 10'000; ++i) port.push(i);
    port.close();
  });
  int expected = 0;
  while (const auto value = port.pop()) ASSERT_EQ(*value, expected++);
  giver.join();
  EXPECT_EQ(expected, 10'000);
  EXPECT_EQ(port.dropped(), 0U);
}

TEST(Port, LatestKeepsTheNewestAndCountsTheRest) {
  Port<int> port(PortPolicy::latest());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(port.push(i));
  EXPECT_EQ(port.pop(), 9);
  EXPECT_EQ(port.dropped(), 9U);
}

TEST(Port, BoundedKeepsTheNewestFew) {
  Port<int> port(PortPolicy::bounded(3));
  for (int i = 0; i < 5; ++i) port.push(i);
  port.close();
  std::vector<int> taken;
  while (const auto value = port.pop()) taken.push_back(*value);
  EXPECT_EQ(taken, (std::vector<int>{2, 3, 4}));
  EXPECT_EQ(port.dropped(), 2U);
}

TEST(Port, DropsAndTakesAccountForEveryValue) {
  // Whatever the interleaving, what was given was either taken or counted as dropped.
  Port<int> port(PortPolicy::bounded(4));
  std::vector<std::thread> givers;
  for (int g = 0; g < 3; ++g) {
    givers.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) port.push(i);
    });
  }
  std::uint64_t taken = 0;
  std::thread taker([&] {
    while (port.pop()) ++taken;
  });
  for (std::thread& giver : givers) giver.join();
  port.close();
  taker.join();
  EXPECT_EQ(taken + port.dropped(), 15'000U);
}

TEST(Port, ClosingWakesAGiverThatWaits) {
  Port<int> port(PortPolicy::block(1));
  EXPECT_TRUE(port.push(1));
  std::thread giver([&] { EXPECT_FALSE(port.push(2)); });
  port.close();
  giver.join();
  EXPECT_EQ(port.pop(), 1);
  EXPECT_FALSE(port.pop());
  EXPECT_FALSE(port.push(3));
}

}  // namespace
}  // namespace lazarillo
