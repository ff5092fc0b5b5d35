#pragma once

#include <filesystem>

#include "source/frame.h"

namespace lazarillo {

/// Writes a frame in host memory as a PNG, without loss. Throws Error(output).
void write_picture(const Frame& frame, const std::filesystem::path& file);

}  // namespace lazarillo
