#include <fmt/format.h>

#include <opencv2/core.hpp>

#include "source/calibration_parts.h"

namespace lazarillo {
namespace {

/// OpenCV would print what it throws.
class QuietOpenCv {
 public:
  QuietOpenCv()
      : before_(cv::redirectError(
            [](int, const char*, const char*, const char*, int, void*) { return 0; })) {}
  ~QuietOpenCv() { cv::redirectError(before_); }
  QuietOpenCv(const QuietOpenCv&) = delete;
  QuietOpenCv& operator=(const QuietOpenCv&) = delete;

 private:
  cv::ErrorCallback before_;
};

cv::FileNode node_at(const cv::FileStorage& storage, const char* key, const std::string& origin) {
  cv::FileNode node = storage[key];
  if (node.empty() || node.isNone()) {
    refuse_calibration(origin, fmt::format("'{}' is missing (needed are image_width, image_height, "
                                           "camera_matrix and distortion_coefficients)",
                                           key));
  }
  return node;
}

double number_at(const cv::FileStorage& storage, const char* key, const std::string& origin) {
  const cv::FileNode node = node_at(storage, key, origin);
  if (!node.isInt() && !node.isReal()) {
    refuse_calibration(origin, fmt::format("'{}' is not a number", key));
  }
  return node.real();
}

std::vector<double> matrix_at(const cv::FileStorage& storage, const char* key,
                              const std::string& origin) {
  const cv::FileNode node = node_at(storage, key, origin);
  cv::Mat matrix;
  if (node.isMap()) node >> matrix;
  if (!node.isMap() || matrix.channels() != 1 || matrix.dims > 2 || matrix.total() > 64) {
    refuse_calibration(origin, fmt::format("'{}' is not a matrix of numbers", key));
  }
  matrix.convertTo(matrix, CV_64F);
  return {matrix.begin<double>(), matrix.end<double>()};
}

CameraCalibration read(const std::string& text, const std::string& origin) {
  const cv::FileStorage storage(text, cv::FileStorage::READ | cv::FileStorage::MEMORY);
  DescribedCamera camera;
  camera.origin = origin;
  camera.width = number_at(storage, "image_width", origin);
  camera.height = number_at(storage, "image_height", origin);
  const std::vector<double> m = matrix_at(storage, "camera_matrix", origin);
  if (m.size() != 9) refuse_calibration(origin, "'camera_matrix' is not 3 x 3");
  if (m[1] != 0 || m[3] != 0 || m[6] != 0 || m[7] != 0 || m[8] != 1) {
    refuse_calibration(origin, "'camera_matrix' is not fx 0 cx, 0 fy cy, 0 0 1");
  }
  camera.fx = m[0];
  camera.cx = m[2];
  camera.fy = m[4];
  camera.cy = m[5];
  const std::vector<double> k = matrix_at(storage, "distortion_coefficients", origin);
  const cv::FileNode fisheye = storage["fisheye_model"];
  if (!fisheye.empty() && static_cast<int>(fisheye) != 0) {
    camera.model = kannala_brandt(k, origin);
  } else {
    camera.model = brown_conrady(k, origin);
  }
  CameraCalibration calibration;
  calibration.lens = plausible_lens(camera);
  return calibration;
}

}  // namespace

std::vector<CameraCalibration> calibrations_from_opencv(const std::string& text,
                                                        const std::string& origin) {
  const QuietOpenCv quiet;
  try {
    return {read(text, origin)};
  } catch (const cv::Exception& error) {
    const std::string why = error.err.substr(0, error.err.find('\n'));
    refuse_calibration(origin, "OpenCV cannot read it: " + (why.empty() ? "damaged" : why));
  }
}

}  // namespace lazarillo
