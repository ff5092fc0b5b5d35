#pragma once

#include <filesystem>
#include <vector>

#include "infer/model_set.h"

namespace lazarillo {

/// Reads a set file (.toml, or .json of the same shape) or the card of an lznet network (.json).
/// The files it names are looked for beside it, then in `directories`; a network file found nowhere
/// is given as beside it. Does not open network files. Throws Error(model).
[[nodiscard]] ModelSet read_manifest(const std::filesystem::path& manifest,
                                     const std::vector<std::filesystem::path>& directories);

}  // namespace lazarillo
