#pragma once

#include <array>
#include <cstdint>

#include "guide/guide.h"
#include "track/track.h"

namespace lazarillo {

/// sRGB, 0..1 a channel.
struct Colour {
  double r = 0, g = 0, b = 0;
};

/// How much a track matters at this moment, as the guide sees it: a box has the colour of what the
/// walker would hear. `calm` needs no word.
enum class Level { calm, info, warning, critical };

[[nodiscard]] Level level_of(const Track& track, const GuideOptions& rules);

/// Grey, blue, amber, vermilion: they differ in lightness or in blue against yellow, so they stay
/// apart for people who do not tell red from green.
[[nodiscard]] Colour colour_of(Level level);

inline constexpr Colour kInk{0.98, 0.985, 0.99};     ///< text on dark
inline constexpr Colour kDarkInk{0.07, 0.08, 0.10};  ///< text on a colour
inline constexpr Colour kPanel{0.055, 0.07, 0.095};  ///< behind text

/// 256 colours from far (0, dark violet) to near (255, warm yellow), as B G R x. Lightness grows
/// linearly in CIELAB, so equal steps of the value look like equal steps.
[[nodiscard]] std::array<std::array<std::uint8_t, 4>, 256> depth_colours();

}  // namespace lazarillo
