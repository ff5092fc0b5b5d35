#pragma once

#include <string>
#include <vector>

#include "source/calibration_file.h"

/// What the readers of calibration files share. Private to source/.
namespace lazarillo {

/// Throws Error(usage): "'FILE': PROBLEM".
[[noreturn]] void refuse_calibration(const std::string& origin, const std::string& problem);

/// A camera as a file describes it: its numbers still to be judged.
struct DescribedCamera {
  std::string origin;  ///< for messages: file, and camera
  double fx = 0, fy = 0, cx = 0, cy = 0;
  double width = 0, height = 0;
  LensModel model;
  LensMounting mounting;
};

/// OpenCV's coefficients: none, or k1 k2 p1 p2, or with k3, or with k3 k4 k5 k6; more only where
/// they are 0 (thin prism and tilt). Throws Error(usage).
[[nodiscard]] BrownConrady brown_conrady(const std::vector<double>& k, const std::string& origin);
/// k1 k2 k3 k4. Throws Error(usage).
[[nodiscard]] KannalaBrandt kannala_brandt(const std::vector<double>& k, const std::string& origin);

/// The lens, when its numbers are those of a camera. Throws Error(usage): not finite, a size or
/// focal length that cannot be, the axis outside the picture, or a formula that ends where there
/// still is picture.
[[nodiscard]] std::shared_ptr<const Lens> plausible_lens(const DescribedCamera& camera);

/// Readers of one kind each, of a file's text. Throw Error(usage).
[[nodiscard]] std::vector<CameraCalibration> calibrations_from_opencv(const std::string& text,
                                                                      const std::string& origin);
[[nodiscard]] std::vector<CameraCalibration> calibrations_from_kalibr(const std::string& text,
                                                                      const std::string& origin);

}  // namespace lazarillo
