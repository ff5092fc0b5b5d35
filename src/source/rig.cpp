#include "source/rig.h"

namespace lazarillo {
namespace {

/// Device from upright camera, row by row.
std::array<double, 9> upright_axes(const CameraCalibration& camera) {
  const std::array<double, 12>& from = camera.device_from_camera;
  std::array<double, 9> axes{from[0], from[1], from[2], from[4], from[5],
                             from[6], from[8], from[9], from[10]};
  // A clockwise turn makes of the picture's right (x) what is down, and of its bottom (y) the left.
  const int turns = camera.lens ? camera.lens->mounting().quarter_turns : 0;
  for (int i = 0; i < turns; ++i) {
    for (std::size_t row = 0; row < 3; ++row) {
      const double x = axes[3 * row];
      axes[3 * row] = -axes[3 * row + 1];
      axes[3 * row + 1] = x;
    }
  }
  return axes;
}

}  // namespace

CameraPlace place_of(const CameraCalibration& forward, const CameraCalibration& camera) {
  const std::array<double, 9> walker = upright_axes(forward);
  const std::array<double, 9> own = upright_axes(camera);
  CameraPlace place;
  for (std::size_t row = 0; row < 3; ++row) {
    double along = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      along += walker[3 * k + row] *
               (camera.device_from_camera[4 * k + 3] - forward.device_from_camera[4 * k + 3]);
    }
    place.position_m[row] = along;
    for (std::size_t column = 0; column < 3; ++column) {
      double sum = 0;
      for (std::size_t k = 0; k < 3; ++k) sum += walker[3 * k + row] * own[3 * k + column];
      place.rotation[3 * row + column] = sum;
    }
  }
  return place;
}

}  // namespace lazarillo
