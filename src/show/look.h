#pragma once

#include <cstdint>

namespace lazarillo {

/// Whether the detector looked at a frame.
enum class Look : std::uint8_t {
  in_time,  ///< before the frame was given out
  never,    ///< its tracks are predicted
  late,     ///< after it was given out
};

}  // namespace lazarillo
