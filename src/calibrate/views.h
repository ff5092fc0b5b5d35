#pragma once

#include <vector>

#include "calibrate/board.h"

namespace lazarillo {

/// Views that are worth calibrating with, of one camera's pictures, which are all of one size.
struct ChosenViews {
  std::vector<BoardView> views;  ///< sharpest first
  int blurred = 0;               ///< passed over
  int alike = 0;                 ///< passed over: nearly as one that is chosen
};

/// Takes the sharpest, and of the rest always the sharpest that differs from all taken: the board
/// lies elsewhere by 4 % of the picture's diagonal, or its corners have moved against each other,
/// by nearness or tilt, by 8 % of their distance from its middle. 40 at most.
[[nodiscard]] ChosenViews choose_views(std::vector<BoardView> views, const Board& board, int width,
                                       int height);

/// Part of the picture, 0 to 1, in whose cells (16 across, 12 down) some corner lies.
[[nodiscard]] double coverage(const std::vector<BoardView>& views, int width, int height);

}  // namespace lazarillo
