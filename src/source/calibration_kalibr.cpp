#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cmath>

#include "source/calibration_parts.h"

namespace lazarillo {
namespace {

using Pose = std::array<double, 12>;

YAML::Node node_at(const YAML::Node& camera, const char* key, const std::string& origin) {
  YAML::Node node = camera[key];
  if (!node) refuse_calibration(origin, fmt::format("'{}' is missing", key));
  return node;
}

std::string text_at(const YAML::Node& camera, const char* key, const std::string& origin) {
  const YAML::Node node = node_at(camera, key, origin);
  if (!node.IsScalar()) refuse_calibration(origin, fmt::format("'{}' is not a word", key));
  return node.as<std::string>();
}

/// `levels`: lists in lists, no deeper; an alias may make one that holds itself.
void add_numbers(const YAML::Node& node, const char* key, const std::string& origin, int levels,
                 std::vector<double>& numbers) {
  if (!node.IsSequence()) {
    refuse_calibration(origin, fmt::format("'{}' is not a list of numbers", key));
  }
  for (const YAML::Node& entry : node) {
    if (entry.IsSequence() && levels > 1) {
      add_numbers(entry, key, origin, levels - 1, numbers);
    } else if (double number = 0;
               YAML::convert<double>::decode(entry, number) && std::isfinite(number)) {
      numbers.push_back(number);
    } else {
      refuse_calibration(origin, fmt::format("'{}' is not a list of numbers", key));
    }
  }
}

std::vector<double> numbers_at(const YAML::Node& camera, const char* key, const std::string& origin,
                               std::size_t count) {
  std::vector<double> numbers;
  add_numbers(node_at(camera, key, origin), key, origin, 2, numbers);
  if (numbers.size() != count) {
    refuse_calibration(
        origin, fmt::format("'{}' has {} numbers, must have {}", key, numbers.size(), count));
  }
  return numbers;
}

/// `before` times the inverse of a rigid motion, whose rotation's inverse is its transpose.
Pose times_inverse(const Pose& before, const std::vector<double>& motion) {
  Pose inverse{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      inverse[4 * row + column] = motion[4 * column + row];
      inverse[4 * row + 3] -= motion[4 * column + row] * motion[4 * column + 3];
    }
  }
  Pose product{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 4; ++column) {
      double sum = column == 3 ? before[4 * row + 3] : 0;
      for (std::size_t i = 0; i < 3; ++i) sum += before[4 * row + i] * inverse[4 * i + column];
      product[4 * row + column] = sum;
    }
  }
  return product;
}

LensModel model_of(const YAML::Node& camera, const std::string& origin) {
  const std::string kind = text_at(camera, "camera_model", origin);
  if (kind != "pinhole") {
    refuse_calibration(origin, fmt::format("the camera model '{}' is not known: pinhole is", kind));
  }
  const std::string bent = text_at(camera, "distortion_model", origin);
  if (bent == "none") return BrownConrady{};
  if (bent == "radtan") {
    return brown_conrady(numbers_at(camera, "distortion_coeffs", origin, 4), origin);
  }
  if (bent == "equidistant") {
    return kannala_brandt(numbers_at(camera, "distortion_coeffs", origin, 4), origin);
  }
  refuse_calibration(origin, fmt::format("the distortion model '{}' is not known: radtan, "
                                         "equidistant and none are",
                                         bent));
}

CameraCalibration read(const std::string& name, const YAML::Node& node, const std::string& origin,
                       const Pose& pose_before) {
  if (!node.IsMap()) refuse_calibration(origin, "it is not a map of values");
  DescribedCamera camera;
  camera.origin = origin;
  camera.model = model_of(node, origin);
  const std::vector<double> focal = numbers_at(node, "intrinsics", origin, 4);
  camera.fx = focal[0];
  camera.fy = focal[1];
  camera.cx = focal[2];
  camera.cy = focal[3];
  const std::vector<double> size = numbers_at(node, "resolution", origin, 2);
  camera.width = size[0];
  camera.height = size[1];
  CameraCalibration calibration;
  calibration.name = name;
  calibration.lens = plausible_lens(camera);
  calibration.device_from_camera = pose_before;
  if (node["T_cn_cnm1"]) {
    calibration.device_from_camera =
        times_inverse(pose_before, numbers_at(node, "T_cn_cnm1", origin, 16));
  }
  if (node["timeshift_cam_imu"]) {
    if (!YAML::convert<double>::decode(node["timeshift_cam_imu"], calibration.time_offset_s) ||
        !std::isfinite(calibration.time_offset_s)) {
      refuse_calibration(origin, "'timeshift_cam_imu' is not a number");
    }
  }
  return calibration;
}

}  // namespace

std::vector<CameraCalibration> calibrations_from_kalibr(const std::string& text,
                                                        const std::string& origin) {
  constexpr int kMostCameras = 64;
  std::vector<CameraCalibration> cameras;
  try {
    const YAML::Node document = YAML::Load(text);
    Pose pose = CameraCalibration{}.device_from_camera;
    for (int i = 0; i < kMostCameras && document.IsMap(); ++i) {
      const std::string name = fmt::format("cam{}", i);
      const YAML::Node node = document[name];
      if (!node) break;
      cameras.push_back(read(name, node, origin + "#" + name, pose));
      pose = cameras.back().device_from_camera;
    }
  } catch (const YAML::Exception& error) {
    refuse_calibration(origin,
                       fmt::format("it is not YAML: line {}: {}", error.mark.line + 1, error.msg));
  }
  if (cameras.empty()) {
    refuse_calibration(origin,
                       "it is no calibration that is known: it is neither OpenCV's (YAML, "
                       "XML), nor Kalibr's (with cam0), nor JSON");
  }
  return cameras;
}

}  // namespace lazarillo
