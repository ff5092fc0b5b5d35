#pragma once

#include <filesystem>
#include <string>

#include "calibrate/views.h"

namespace lazarillo {

struct LiveCalibration {
  std::string source;          ///< what is_live() knows
  std::string mode = "auto";   ///< of a camera, as SourceOptions::camera_mode
  std::filesystem::path keep;  ///< folder for the pictures that are chosen; empty: none
};

/// What a camera showed of the board.
struct CollectedViews {
  ChosenViews chosen;
  int width = 0, height = 0;
  int pictures = 0;  ///< that were looked at
  int seen = 0;      ///< of these, pictures of the board
};

/// Looks through the camera while somebody moves the board before it, and says what is missing,
/// until there are enough views or Ctrl-C is pressed. Throws Error(source): it cannot be opened, or
/// its pictures change their size; Error(output): a picture cannot be kept.
[[nodiscard]] CollectedViews collect_views(const LiveCalibration& options, const Board& board);

}  // namespace lazarillo
