#include "source/imu_watch.h"

#include <cmath>
#include <numbers>

namespace lazarillo {

void ImuWatch::add(std::span<const ImuSample> samples) {
  for (const ImuSample& sample : samples) {
    GravityFilter::Reading gyro, accel;
    if ((sample.flags & ImuSample::kGyro) != 0) gyro = sample.gyro_rad_s;
    if ((sample.flags & ImuSample::kAccel) != 0) accel = sample.accel_m_s2;
    if (gyro) turn_.add(sample.device_ns, *gyro);
    if (accel) gait_.add(sample.device_ns, *accel);
    gravity_.add(sample.device_ns, gyro, accel);
  }
}

std::optional<HeadMotion> ImuWatch::head_at(std::int64_t device_ns) const {
  const auto gravity = gravity_.at(device_ns);
  if (!gravity) return std::nullopt;
  GravityFilter::Vector down{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t i = 0; i < 3; ++i) {
      down[row] += camera_from_imu_[3 * row + i] * gravity->down[i];
    }
  }
  constexpr double kDegree = std::numbers::pi / 180;
  HeadMotion head;
  head.pitch_deg = static_cast<float>(std::atan2(down[2], std::hypot(down[0], down[1])) / kDegree);
  head.roll_deg = static_cast<float>(std::atan2(down[0], down[1]) / kDegree);
  head.deviation_deg = static_cast<float>(gravity->deviation_deg);
  const GaitWatch::Known known = gait_.at(device_ns);
  head.gait = known.gait;
  head.steps_per_min = static_cast<float>(known.steps_per_min);
  return head;
}

}  // namespace lazarillo
