#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "source/lens.h"

namespace lazarillo {

/// All that is known of one camera of a device. A value; safe to share between threads.
struct CameraCalibration {
  std::string name;  ///< "cam0", "camera-rgb"; empty where a file holds one camera without a name
  std::shared_ptr<const Lens> lens;  ///< never null
  /// T_device_camera, 3 x 4 row by row: the place in the device's frame, metres, of a point in the
  /// camera's own frame (x right, y down, z forward in its picture as it comes, not turned
  /// upright). The device's frame is what the file says: Kalibr's is that of cam0. The identity
  /// where nothing is known.
  std::array<double, 12> device_from_camera{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
  double time_offset_s = 0;  ///< the device's clock minus the camera's at the same moment
  double readout_s = 0;      ///< from a picture's first row to its last; 0: all at once, or unknown
};

/// Every camera of a calibration file; at least one. The file is known by its content:
///  - OpenCV's YAML or XML (cv::FileStorage), as its samples and `lazarillo calibrate` write it:
///    image_width, image_height, camera_matrix, distortion_coefficients, fisheye_model;
///  - Kalibr's camchain YAML: cam0, cam1, ..., each pinhole with radtan, equidistant or none;
///  - JSON, as a bridge tells of its cameras (calibrations_from_json).
/// Throws Error(usage), one line with the file's name: it cannot be read, is none of these, lacks a
/// value, a value is none or cannot be, or the lens would fold within the picture.
[[nodiscard]] std::vector<CameraCalibration> read_calibrations(const std::filesystem::path& file);

/// The camera that "FILE" or "FILE#NAME" names. Throws Error(usage) as read_calibrations, and where
/// FILE has several cameras and none of them is named, with their names.
[[nodiscard]] CameraCalibration read_calibration(const std::string& file_and_camera);

/// Throws Error(usage), a line that begins with `origin`, where a lens folds back within its
/// picture: before the nearest end of it, and less than 75 degrees from the axis.
void check_unfolded(const Lens& lens, const std::string& origin);

/// {"cameras": {NAME: {"model": "fisheye624" | "kannala_brandt" | "brown_conrady" | "pinhole" |
/// "linear", "parameters": [...], "width": px, "height": px}}}, each with "T_device_camera" (12
/// numbers), "quarter_turns", "valid_radius" (px), "time_offset_s" and "readout_s" where they are
/// known; or a list of such objects, each with its "name", and with more that is not looked at, as
/// a bridge has it (docs/ring.md). Parameters: fx, fy, cx, cy and the model's coefficients in the
/// order of source/lens.h; fisheye624 has one f in place of fx and fy. Throws Error(usage);
/// `origin` is for messages.
[[nodiscard]] std::vector<CameraCalibration> calibrations_from_json(const std::string& text,
                                                                    const std::string& origin);

}  // namespace lazarillo
