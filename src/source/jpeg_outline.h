#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// What can be told of a JPEG by its markers, without decoding (ITU-T T.81, Annex B). Private to
// source/.

namespace lazarillo {

struct JpegOutline {
  int width = 0;
  int height = 0;
  int components = 0;
  int bits = 0;                ///< of a sample
  bool baseline = false;       ///< all else: progressive, arithmetic, lossless, ...
  bool has_tables = false;     ///< for Huffman; cameras' pictures may come without
  bool has_adobe_rgb = false;  ///< R, G, B in place of luma and chroma, as Adobe marks it
  std::size_t scan = 0;        ///< where the first scan's marker is
  std::size_t bytes = 0;       ///< to the end's marker; what fills the packet behind it is left out
};

/// nullopt when the picture is damaged: no size, no scan, or no end, as when it was cut short.
[[nodiscard]] std::optional<JpegOutline> outline_of(std::span<const std::uint8_t> jpeg);

/// The picture with the tables of T.81, K.3.3, which one without tables is meant to be read with.
void add_standard_tables(std::span<const std::uint8_t> jpeg, const JpegOutline& outline,
                         std::vector<std::uint8_t>& completed);

}  // namespace lazarillo
