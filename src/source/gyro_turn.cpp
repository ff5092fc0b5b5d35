#include "source/gyro_turn.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lazarillo {
namespace {

constexpr std::int64_t kKept_ns = 2'000'000'000;
constexpr double kDegPerRad = 180 / std::numbers::pi;

double seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace

void GyroTurn::add(std::int64_t time_ns, const std::array<float, 3>& rad_s) {
  const auto about = [&](std::size_t axis) {
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i) sum += camera_from_imu_[3 * axis + i] * rad_s[i];
    return sum * kDegPerRad;
  };
  Known now{time_ns, {}, about(1), about(0)};
  if (!std::isfinite(now.right_deg_s) || !std::isfinite(now.up_deg_s)) return;
  if (!known_.empty()) {
    const Known last = known_.back();
    if (last.time_ns - time_ns > kJump_ns) known_.clear();
    if (!known_.empty() && time_ns <= last.time_ns) return;
    now.turned = last.turned;
    if (!known_.empty() && time_ns - last.time_ns <= kGap_ns) {
      const double dt = seconds(time_ns - last.time_ns);
      now.turned.right_deg += dt * (last.right_deg_s + now.right_deg_s) / 2;
      now.turned.up_deg += dt * (last.up_deg_s + now.up_deg_s) / 2;
    }
  }
  known_.push_back(now);
  while (time_ns - known_.front().time_ns > kKept_ns) known_.pop_front();
}

std::optional<CameraTurn> GyroTurn::at(std::int64_t time_ns) const {
  const auto after =
      std::upper_bound(known_.begin(), known_.end(), time_ns,
                       [](std::int64_t time, const Known& known) { return time < known.time_ns; });
  if (after == known_.begin()) return std::nullopt;
  const Known& before = *(after - 1);
  const bool last = after == known_.end();
  if (last && time_ns - before.time_ns > kGap_ns) return std::nullopt;
  CameraTurn turned = before.turned;
  if (!last && after->time_ns - before.time_ns > kGap_ns) return turned;
  const double dt = seconds(time_ns - before.time_ns);
  // The rate is taken to change evenly between two samples.
  const double part = last ? 0 : dt / seconds(after->time_ns - before.time_ns) / 2;
  const auto mean = [&](double from, double to) { return from + part * (to - from); };
  turned.right_deg += dt * mean(before.right_deg_s, last ? 0 : after->right_deg_s);
  turned.up_deg += dt * mean(before.up_deg_s, last ? 0 : after->up_deg_s);
  return turned;
}

GyroTurn::Matrix upright_camera_from_imu(const std::array<double, 12>& device_from_camera,
                                         int quarter_turns,
                                         const std::array<double, 12>& device_from_imu) {
  GyroTurn::Matrix camera{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      for (std::size_t k = 0; k < 3; ++k) {
        camera[3 * row + column] +=
            device_from_camera[4 * k + row] * device_from_imu[4 * k + column];
      }
    }
  }
  // One turn clockwise takes what points right (x) to the bottom, and the bottom (y) to the left.
  for (int i = 0; i < (quarter_turns % 4 + 4) % 4; ++i) {
    for (std::size_t column = 0; column < 3; ++column) {
      const double x = camera[column];
      camera[column] = -camera[3 + column];
      camera[3 + column] = x;
    }
  }
  return camera;
}

}  // namespace lazarillo
