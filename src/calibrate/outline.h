#pragma once

#include <array>
#include <opencv2/core.hpp>
#include <optional>

#include "calibrate/board.h"

namespace lazarillo {

// The board as if no lens bent it: enough to tell views apart. Private to calibrate/.

/// From the board, mm, to the picture, pixels; nullopt: the corners allow none.
[[nodiscard]] std::optional<cv::Matx33d> map_of(const BoardView& view, const Board& board);

/// Where the board's outer corners would lie in the picture.
using Outline = std::array<cv::Point2d, 4>;
[[nodiscard]] Outline outline_of(const BoardView& view, const Board& board);

/// Whether one lies where the other does, as large and tilted the same way.
[[nodiscard]] bool alike(const Outline& a, const Outline& b, double diagonal);

}  // namespace lazarillo
