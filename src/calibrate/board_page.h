#pragma once

#include <filesystem>

#include "calibrate/board.h"

namespace lazarillo {

/// Writes the board, to be printed at 100 %, on a page of A4, A3 or A2, or as large as it needs:
/// .pdf, .svg, or .png with 300 points an inch. What it is stands beneath it. Throws Error(usage):
/// another ending; Error(output): it cannot be written.
void write_board(const Board& board, const std::filesystem::path& file);

}  // namespace lazarillo
