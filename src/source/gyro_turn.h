#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "source/camera_turn.h"

namespace lazarillo {

/// How a camera turns, by the gyroscope that is built in beside it: the sum of the small turns
/// about the axes of the upright camera (x right, y down, z forward), as Frame::turned has it. A
/// turn about y is one to the right, about x one upwards. Where samples are missing for longer than
/// kGap_ns nothing is counted. Not thread-safe.
class GyroTurn {
 public:
  static constexpr std::int64_t kGap_ns = 100'000'000;
  static constexpr std::int64_t kJump_ns = 1'000'000'000;
  using Matrix = std::array<double, 9>;  ///< row by row

  /// `camera_from_imu`: takes a direction of the IMU's frame into the upright camera's.
  explicit GyroTurn(const Matrix& camera_from_imu) : camera_from_imu_(camera_from_imu) {}

  /// In order of time, any clock; others are passed over. When time goes back by more than kJump_ns
  /// it is another clock's: what was turned stays, and is counted on from there. rad/s in the IMU's
  /// frame.
  void add(std::int64_t time_ns, const std::array<float, 3>& rad_s);

  /// Since the first sample; the last rate holds for kGap_ns beyond the last sample. nullopt before
  /// the first, farther beyond the last, and more than two seconds ago.
  [[nodiscard]] std::optional<CameraTurn> at(std::int64_t time_ns) const;

 private:
  struct Known {
    std::int64_t time_ns = 0;
    CameraTurn turned;  ///< up to then
    double right_deg_s = 0, up_deg_s = 0;
  };
  Matrix camera_from_imu_;
  std::deque<Known> known_;
};

/// The rotation of the upright camera from the IMU: T_device_camera and T_device_imu are 3 x 4 row
/// by row; so many quarter turns clockwise turn the camera's picture upright.
[[nodiscard]] GyroTurn::Matrix upright_camera_from_imu(
    const std::array<double, 12>& device_from_camera, int quarter_turns,
    const std::array<double, 12>& device_from_imu);

}  // namespace lazarillo
