#pragma once

#include <filesystem>

#include "fetch/guess.h"

namespace lazarillo {

/// The facts of a network file before it has run. Throws Error(model).
[[nodiscard]] NetworkFacts facts_of(const std::filesystem::path& file);

/// Runs the network on the known picture, with the size and layout of `network`, and notes what
/// comes out. Throws Error(model).
void try_out(const std::filesystem::path& file, const NetworkManifest& network,
             NetworkFacts& facts);

}  // namespace lazarillo
