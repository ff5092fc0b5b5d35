#pragma once

namespace lazarillo {

/// How a camera turned between two moments, degrees: about the vertical and up. It says nothing of
/// roll, which hardly moves what is near the horizon.
struct CameraTurn {
  double right_deg = 0;
  double up_deg = 0;
};

}  // namespace lazarillo
