#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace lazarillo {

/// A picture as it comes out of a file: upright, square pixels, B G R.
struct DecodedPicture {
  int width = 0;
  int height = 0;
  std::ptrdiff_t stride_bytes = 0;
  std::shared_ptr<const std::uint8_t> pixels;  ///< the decoder's own memory, not a copy
  std::optional<std::int64_t> time_ns;         ///< as the file says; may be absent or go back
  std::optional<std::int64_t> duration_ns;
};

/// Decodes the picture stream of a file, a few pictures ahead of next(), dropping none. Only the
/// first picture stream is used; sound and subtitles are skipped undecoded. Pictures are turned
/// upright where the file says how (phones), and stretched in width where its pixels are not
/// square: networks, drawing and the pinhole model all expect square ones.
///
/// One thread calls next() and fault(); stop() may come from any.
class PictureDecoder {
 public:
  static constexpr int kLargestSide = 16384;

  /// Returns when the first picture is there. Throws Error(source).
  explicit PictureDecoder(const std::filesystem::path& file);
  ~PictureDecoder();

  /// nullopt at the end, after stop(), and when decoding has failed.
  std::optional<DecodedPicture> next();
  /// Why the pictures ended early; empty after an orderly end. Valid once next() gave nullopt.
  [[nodiscard]] std::string fault() const;
  /// As the file declares it.
  [[nodiscard]] std::optional<std::int64_t> duration_ns() const;
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
