#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "calibrate/views.h"
#include "source/lens.h"

namespace lazarillo {

enum class CalibrationModel {
  automatic,  ///< both, and the one that fits better; the usual lens when they fit alike
  pinhole,    ///< BrownConrady: k1 k2 p1 p2, and k3 where it helps
  fisheye,    ///< KannalaBrandt
};

struct CalibratedView {
  std::string name;
  std::size_t corners = 0;
  double rms_px = 0;  ///< distance of its corners from where the lens has them
  bool used = true;   ///< false: left out, it does not fit the others
};

struct Calibrated {
  Lens lens;
  double rms_px = 0;         ///< of all corners of the views that were used
  double coverage = 0;       ///< part of the picture, 0 to 1, in which corners were (coverage())
  double most_tilt_deg = 0;  ///< of the board against the picture
  std::vector<CalibratedView> views;
};

/// The lens that explains the views best (OpenCV's calibrateCamera and fisheye::calibrate: least
/// squares of the corners' distances in the picture; Zhang, A Flexible New Technique for Camera
/// Calibration, IEEE TPAMI 22(11), 2000). Views that fit three times worse than the median are left
/// out. Throws Error(source), one line that says what to do: fewer than 8 views, the board never
/// tilted by 15 degrees, less than a third of the picture covered, or views that no such lens
/// explains.
[[nodiscard]] Calibrated calibrate(const std::vector<BoardView>& views, const Board& board,
                                   int width, int height, CalibrationModel model);

/// As OpenCV's calibration sample writes it, so that run --calibration and OpenCV's own programs
/// read it; whole or not at all. Throws Error(output).
void write_calibration(const Calibrated& calibrated, const std::filesystem::path& file);

}  // namespace lazarillo
