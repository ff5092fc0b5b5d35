#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "source/calibration_file.h"
#include "source/frame.h"

namespace lazarillo {

/// The settings' name for every camera of a device at once (SourceOptions::camera).
inline constexpr const char* kAllCameras = "all";

/// Where an upright camera (x right, y down, z forward) is in the walker's frame: that of the
/// upright forward camera. A point p of the camera's is rotation p + position_m of the walker's.
struct CameraPlace {
  std::array<double, 9> rotation{1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< row by row
  std::array<double, 3> position_m{};
};

/// Of two cameras of one device, by CameraCalibration::device_from_camera.
[[nodiscard]] CameraPlace place_of(const CameraCalibration& forward,
                                   const CameraCalibration& camera);

struct RigCamera {
  std::string name;
  CameraPlace place;
};

/// Cameras that are one view, in the order of Source::cameras(). Immutable, shared by all frames.
struct Rig {
  std::vector<RigCamera> cameras;  ///< the first looks forward: the walker's frame is its own
  /// How fine the common view is (track/view.h): as the forward camera's straight picture in its
  /// middle.
  double px_per_rad = 600;
};

/// Pictures of one moment. The frame that carries it is one of them; these are the others, each
/// with its own stamp (number, moment), intrinsics and lens.
struct FrameSet {
  std::shared_ptr<const Rig> rig;  ///< never null; FrameStamp::camera indexes its cameras
  std::vector<Frame> others;       ///< in order of FrameStamp::camera
};

}  // namespace lazarillo
