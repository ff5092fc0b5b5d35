#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "source/device_picture.h"

namespace lazarillo {

struct DecodedJpeg {
  int width = 0;
  int height = 0;
  std::shared_ptr<const DevicePicture> picture;  ///< full range, BT.601, as JFIF has them
};

/// Decodes JPEGs on the NVIDIA card by NVIDIA's nvJPEG, straight into the card's memory: what
/// crosses the bus is the compressed picture. Baseline JPEGs of luma and chroma, of any of its
/// usual resolutions, or of luma alone. Private to source/ but for problem(); one thread at a time.
class JpegDecoder {
 public:
  /// Why JPEGs cannot be decoded on a card here: built without, a library or the card missing.
  /// Empty when they can. Thread-safe.
  [[nodiscard]] static std::string problem();

  /// Throws Error(source) with problem(), Error(model) when the card is full.
  JpegDecoder();
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  /// The picture is there when this returns. nullopt when the JPEG is damaged. Throws Error(source)
  /// for one that is too large, and when the first is of a kind that the card does not decode (a
  /// later one counts as damaged); Error(model) when the card is full, Error(vision) when it
  /// failed.
  [[nodiscard]] std::optional<DecodedJpeg> decode(std::span<const std::uint8_t> jpeg);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
