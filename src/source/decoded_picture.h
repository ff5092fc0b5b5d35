#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "source/device_picture.h"

namespace lazarillo {

/// A picture as it comes out of a decoder: upright, square pixels, B G R.
struct DecodedPicture {
  int width = 0;
  int height = 0;
  std::ptrdiff_t stride_bytes = 0;
  std::shared_ptr<const std::uint8_t> pixels;   ///< the decoder's own memory, not a copy
  std::shared_ptr<const DevicePicture> device;  ///< in place of pixels: NV12 on the card
};

}  // namespace lazarillo
