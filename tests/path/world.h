#pragma once

#include <vector>

#include "see/depth.h"
#include "source/intrinsics.h"

namespace lazarillo::test {

/// A box with sides along the axes of a level world: x right, y ahead, z up, metres; the walker's
/// camera stands at x = y = 0.
struct Block {
  double x0, x1, y0, y1, z0, z1;
};

/// What a depth camera would see, by casting a ray for every cell: blocks, and the ground z = 0 but
/// where pits are cut out of it (`pits`: their floor is at z0, their rim at 0).
struct World {
  std::vector<Block> blocks;
  std::vector<Block> pits;
  double camera_m = 1.6;
  double pitch_deg = 0;  ///< positive: the camera looks down
  double roll_deg = 0;   ///< positive: turned clockwise as seen from behind
  double noise = 0;      ///< relative standard deviation of each cell
  unsigned seed = 1;

  [[nodiscard]] MetricDepth depth(const Intrinsics& camera, int cells) const;
};

}  // namespace lazarillo::test
