#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "ring/layout.h"
#include "source/gait_watch.h"
#include "source/gravity_filter.h"
#include "source/gyro_turn.h"

namespace lazarillo {

/// What an IMU beside a camera tells of it, at the moment of each of its pictures. Both count by
/// the device's clock, so that picture and sample belong together whatever way they came. Not
/// thread-safe.
class ImuWatch {
 public:
  explicit ImuWatch(const GyroTurn::Matrix& camera_from_imu)
      : camera_from_imu_(camera_from_imu), turn_(camera_from_imu) {}

  /// In order of ImuSample::device_ns, as the three watches say.
  void add(std::span<const ImuSample> samples);

  /// Frame::turned and Frame::head of a picture taken then. nullopt where there were no samples.
  [[nodiscard]] std::optional<CameraTurn> turned_at(std::int64_t device_ns) const {
    return turn_.at(device_ns);
  }
  [[nodiscard]] std::optional<HeadMotion> head_at(std::int64_t device_ns) const;

 private:
  GyroTurn::Matrix camera_from_imu_;
  GyroTurn turn_;
  GravityFilter gravity_;
  GaitWatch gait_;
};

}  // namespace lazarillo
