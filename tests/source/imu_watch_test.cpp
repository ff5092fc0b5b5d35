#include "source/imu_watch.h"

#include <gtest/gtest.h>

#include <vector>

#include "source/moving_head.h"

namespace lazarillo {
namespace {

using testing::gait;
using testing::ImuErrors;
using testing::MovingHead;
using testing::Vec;

constexpr std::array<double, 12> kHere{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
/// The IMU's frame as a camera's that lies on its side, as in Aria glasses: its picture must be
/// turned by a quarter clockwise, so the wearer's up is its right.
Vec in_lying_camera(const Vec& upright) { return {upright[1], -upright[0], upright[2]}; }

std::vector<ImuSample> samples_of(const MovingHead& head, double from_s, double until_s) {
  std::vector<ImuSample> samples;
  for (double t = from_s; t < until_s; t += 0.0025) {
    const Vec rate = in_lying_camera(head.rate_rad_s(t));
    const Vec force = in_lying_camera(head.force_m_s2(t));
    ImuSample sample;
    sample.device_ns = std::llround(t * 1e9);
    for (std::size_t i = 0; i < 3; ++i) {
      sample.gyro_rad_s[i] = static_cast<float>(rate[i]);
      sample.accel_m_s2[i] = static_cast<float>(force[i]);
    }
    sample.flags = ImuSample::kAccel | ImuSample::kGyro;
    samples.push_back(sample);
  }
  return samples;
}

TEST(ImuWatch, TellsOfTheUprightCamera) {
  MovingHead head;
  head.yaw_deg = [](double t) { return 20 * t; };
  head.pitch_deg = [](double t) { return 15 + 4 * std::sin(t); };
  head.roll_deg = [](double) { return -7; };
  head.neck_m = gait(0, 1.8);
  ImuWatch watch(upright_camera_from_imu(kHere, 1, kHere));
  watch.add(samples_of(head, 0, 6));
  const std::int64_t when = 5'960'000'000;
  const auto motion = watch.head_at(when);
  ASSERT_TRUE(motion);
  EXPECT_NEAR(motion->pitch_deg, head.pitch_deg(5.96), 2);
  EXPECT_NEAR(motion->roll_deg, -7, 2);
  EXPECT_LT(motion->deviation_deg, 4);
  EXPECT_LT(testing::angle_deg(motion->gravity(), head.down(5.96)), 2);
  EXPECT_EQ(motion->gait, Gait::walking);
  EXPECT_NEAR(motion->steps_per_min, 108, 4);
  const auto turned = watch.turned_at(when);
  ASSERT_TRUE(turned);
  // Who looks down turns to the right about an axis that leans: cos of the pitch.
  EXPECT_NEAR(turned->right_deg, 20 * 5.96, 6);
}

TEST(ImuWatch, TakesOnlyWhatIsValid) {
  MovingHead head;
  ImuWatch watch(upright_camera_from_imu(kHere, 1, kHere));
  std::vector<ImuSample> samples = samples_of(head, 0, 2);
  for (ImuSample& sample : samples) sample.flags = ImuSample::kGyro;
  watch.add(samples);
  EXPECT_TRUE(watch.turned_at(1'990'000'000));
  EXPECT_FALSE(watch.head_at(1'990'000'000)) << "gravity is not known";
  EXPECT_FALSE(ImuWatch(upright_camera_from_imu(kHere, 0, kHere)).head_at(0));
}

}  // namespace
}  // namespace lazarillo
