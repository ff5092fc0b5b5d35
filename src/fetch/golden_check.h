#pragma once

#include "infer/model_set.h"
#include "source/frame.h"

namespace lazarillo {

/// A picture of 640x480 that is the same everywhere: sky, a road, things on it, fine texture. Its
/// camera has a focal length of 640 pixels.
[[nodiscard]] Frame known_picture();

/// Loads a set as a run would and sees the known picture with it, twice. Throws Error: model when
/// the networks do not load or fit their manifest, vision when what comes out of them cannot be
/// what the manifest says: not finite, scores that are not parts of 1, metres below 0, another
/// answer the second time.
void golden_check(const ModelSet& set);

}  // namespace lazarillo
