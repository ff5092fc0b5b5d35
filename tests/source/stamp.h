#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace lazarillo::test {

// The moment a picture was shown, written into it so that it survives a video codec: 64 squares, 8
// x 8 pixels each, white for 1, black for 0, the lowest bit first; 32 in a row, at the top left
// corner. The second half is the first one's complement.

inline constexpr int kStampSide = 8;
inline constexpr int kStampBits = 32;
inline constexpr int kStampWidth = kStampSide * kStampBits;
inline constexpr std::int64_t kStampUnit_ns = 100'000;

/// `set(x, y, white)` for every pixel of the stamp.
template <typename Set>
void write_stamp(std::int64_t now_ns, const Set& set) {
  const auto value = static_cast<std::uint32_t>(now_ns / kStampUnit_ns);
  for (int y = 0; y < 2 * kStampSide; ++y) {
    for (int x = 0; x < kStampWidth; ++x) {
      const bool bit = ((value >> (x / kStampSide)) & 1U) != 0;
      set(x, y, bit != (y >= kStampSide));
    }
  }
}

/// `level(x, y)` of a pixel, 0..255. The last moment before `now_ns` that has this stamp; nullopt
/// where the picture has none that can be read.
template <typename Level>
std::optional<std::int64_t> read_stamp(std::int64_t now_ns, const Level& level) {
  std::uint32_t value = 0;
  for (int bit = 0; bit < kStampBits; ++bit) {
    const int x = bit * kStampSide + kStampSide / 2;
    const bool first = level(x, kStampSide / 2) > 127;
    const bool second = level(x, kStampSide + kStampSide / 2) > 127;
    if (first == second) return std::nullopt;
    if (first) value |= 1U << bit;
  }
  const auto now = static_cast<std::uint64_t>(now_ns / kStampUnit_ns);
  std::uint64_t full = (now & ~std::uint64_t{0xFFFFFFFF}) | value;
  if (full > now) full -= std::uint64_t{1} << 32;
  return static_cast<std::int64_t>(full) * kStampUnit_ns;
}

}  // namespace lazarillo::test
