#pragma once

#include <cstdint>
#include <memory>

#include "source/frame.h"

namespace lazarillo {

/// A picture in the memory of the NVIDIA card, as its decoder leaves it: NV12, that is a plane of
/// luma and one of Cb and Cr side by side, half as wide and high. Read-only; stays where it is as
/// long as anybody holds it.
struct DevicePicture {
  const std::uint8_t* luma = nullptr;  ///< addresses of the device
  const std::uint8_t* chroma = nullptr;
  int luma_pitch = 0, chroma_pitch = 0;  ///< bytes from row to row
  bool bt709 = false;                    ///< ITU-R BT.709 instead of BT.601
  bool full_range = false;               ///< levels 0..255 instead of 16..235 and 16..240
  std::shared_ptr<const void> owner;
};

/// The frame with its pixels in host memory, BGR: itself when they are there, else a copy brought
/// from the card. Slow: for showing. Throws Error(vision).
[[nodiscard]] Frame in_host_memory(const Frame& frame);

}  // namespace lazarillo
