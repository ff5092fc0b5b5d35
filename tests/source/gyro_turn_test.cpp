#include "source/gyro_turn.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace lazarillo {
namespace {

constexpr std::array<double, 12> kHere{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
constexpr float kRate = 0.5F;  // rad/s
constexpr std::int64_t kMs = 1'000'000;

GyroTurn still() { return GyroTurn(upright_camera_from_imu(kHere, 0, kHere)); }

TEST(GyroTurn, RightIsAboutDownAndUpIsAboutRight) {
  GyroTurn turn = still();
  for (int i = 0; i <= 1000; ++i) turn.add(i * kMs, {0.1F, kRate, 7});
  const auto turned = turn.at(1000 * kMs);
  ASSERT_TRUE(turned);
  EXPECT_NEAR(turned->right_deg, 0.5 * 180 / std::numbers::pi, 1e-4);
  EXPECT_NEAR(turned->up_deg, 0.1 * 180 / std::numbers::pi, 1e-4);
}

/// A head that swings: the integral of its rate is known.
TEST(GyroTurn, BetweenSamplesAndSinceTheFirst) {
  GyroTurn turn = still();
  const auto angle = [](double s) { return 20 * (1 - std::cos(3 * s)); };
  const auto rate = [](double s) { return 60 * std::sin(3 * s) * std::numbers::pi / 180; };
  for (int i = 0; i <= 400; ++i) {
    turn.add(5 * i * kMs, {0, static_cast<float>(rate(0.005 * i)), 0});
  }
  for (const int ms : {1, 7, 503, 1111, 1998, 2000}) {
    const auto turned = turn.at(ms * kMs);
    ASSERT_TRUE(turned) << ms;
    EXPECT_NEAR(turned->right_deg, angle(ms / 1000.0), 0.01) << ms;
  }
}

TEST(GyroTurn, MountedSideways) {
  // Aria's colour camera: its picture is upright after one quarter turn clockwise, so its right is
  // the wearer's down. What turns the head to the right turns it about its own x axis.
  GyroTurn turn(upright_camera_from_imu(kHere, 1, kHere));
  for (int i = 0; i <= 100; ++i) turn.add(i * kMs, {kRate, 0, 0});
  EXPECT_NEAR(turn.at(100 * kMs)->right_deg, 0.05 * 180 / std::numbers::pi, 1e-4);
  EXPECT_NEAR(turn.at(100 * kMs)->up_deg, 0, 1e-9);
  // An IMU that looks backwards: x and z of the device are its -x and -z.
  const std::array<double, 12> back{-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0};
  GyroTurn other(upright_camera_from_imu(kHere, 0, back));
  for (int i = 0; i <= 100; ++i) other.add(i * kMs, {kRate, 0, 0});
  EXPECT_NEAR(other.at(100 * kMs)->up_deg, -0.05 * 180 / std::numbers::pi, 1e-4);
}

TEST(GyroTurn, GapsCountForNothing) {
  GyroTurn turn = still();
  EXPECT_FALSE(turn.at(0));
  turn.add(0, {0, kRate, 0});
  turn.add(10 * kMs, {0, kRate, 0});
  const double before = turn.at(10 * kMs)->right_deg;
  EXPECT_FALSE(turn.at(10 * kMs + GyroTurn::kGap_ns + 1));
  turn.add(10 * kMs + 500 * kMs, {0, kRate, 0});
  EXPECT_EQ(turn.at(510 * kMs)->right_deg, before);
  EXPECT_EQ(turn.at(300 * kMs)->right_deg, before);
  // Out of order, and no numbers: passed over.
  turn.add(400 * kMs, {0, 100, 0});
  turn.add(511 * kMs, {0, std::numeric_limits<float>::quiet_NaN(), 0});
  EXPECT_EQ(turn.at(510 * kMs)->right_deg, before);
}

}  // namespace
}  // namespace lazarillo
