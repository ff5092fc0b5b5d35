#pragma once

#include <memory>
#include <string>

#include "eval/data_files.h"
#include "see/depth.h"
#include "see/perception.h"
#include "source/frame.h"

namespace lazarillo {

/// A picture out of the bytes of a file (WebP, JPEG, PNG) as it lies there, not turned: BGR, of a
/// camera with square pixels and the principal point in the middle. `name` is for messages. Throws
/// Error(source) when it cannot be decoded.
[[nodiscard]] Frame decode_picture(const std::string& bytes, const std::string& name,
                                   double focal_px);

/// Measured depth out of a PNG of 16 bits, millimetres, 0: not known. Its grid covers the picture
/// whose width is given, whatever its own size; cells that are not known are 0. No sigma. Throws
/// Error(source).
[[nodiscard]] MetricDepth decode_depth(const std::string& bytes, const std::string& name,
                                       int picture_width);

/// A data set's picture, which must have the size stated for it. Throws Error(source).
[[nodiscard]] Frame read_picture(const DataFiles& files, const std::string& name, int width,
                                 int height, double focal_px);

/// What the program sees in a picture, with the depth of a pair's second network where there is
/// one. Throws Error(vision) where a run would tell a fault.
[[nodiscard]] Sighting look(Perception& perception, const Frame& frame, const std::string& name);

/// The metres in it, never null. Throws Error(usage) when the networks give none.
[[nodiscard]] std::shared_ptr<const MetricDepth> metric_depth(const Sighting& sighting);

}  // namespace lazarillo
