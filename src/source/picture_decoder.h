#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "source/decoded_picture.h"

namespace lazarillo {

/// When a picture is shown, as the file says.
struct PictureTime {
  std::optional<std::int64_t> time_ns;  ///< may be absent or go back
  std::optional<std::int64_t> duration_ns;
};

class DecodingPipeline;
class SourceTap;

/// Decodes the picture stream of a file, a few pictures ahead of advance(), dropping none. Only the
/// first picture stream is used; sound and subtitles are skipped undecoded. Pictures are turned
/// upright where the file says how (phones), and stretched in width where its pixels are not
/// square: networks, drawing and the pinhole model all expect square ones.
///
/// One thread at a time calls it; stop may be requested from any.
class PictureDecoder {
 public:
  static constexpr int kLargestSide = 16384;

  /// Returns when the first picture is there. Throws Error(source), also when stopped before that.
  /// `on_card`, `tap`: as SourceOptions.
  PictureDecoder(const std::filesystem::path& file, const std::stop_token& stop, bool on_card,
                 SourceTap* tap = nullptr);
  ~PictureDecoder();

  /// Steps to the next picture, waiting for it. nullopt at the end, after a stop, and when decoding
  /// has failed.
  std::optional<PictureTime> advance();
  /// The picture advance() stepped to; once. nullopt when it cannot be read: fault() then says so.
  std::optional<DecodedPicture> picture();

  /// Goes to the last key picture not after `offset_ns` from the first picture; the next advance()
  /// steps to it, its time on the same axis as before. False when this file cannot do that; the
  /// decoder is then of no more use.
  bool seek(std::int64_t offset_ns);

  /// After the last picture: goes back to the first and returns when it is there again, decoded.
  /// False as seek(), and where not all pictures would come again.
  bool rewind();

  /// Why the pictures ended early; empty after an orderly end. Valid once advance() gave nullopt.
  [[nodiscard]] std::string fault() const;
  /// Of the first picture.
  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] int height() const { return height_; }
  [[nodiscard]] PictureTime first_time() const { return first_time_; }
  /// As the file declares them: its length, and the distance of two pictures where that is even.
  [[nodiscard]] std::optional<std::int64_t> duration_ns() const;
  [[nodiscard]] std::optional<double> step_ns() const { return step_ns_; }

 private:
  struct Sample;
  std::unique_ptr<DecodingPipeline> pipeline_;
  std::unique_ptr<Sample> current_;
  int width_ = 0;
  int height_ = 0;
  PictureTime first_time_;
  std::optional<std::int64_t> first_stream_time_ns_;
  std::optional<std::int64_t> stream_time_ns_;  ///< of the picture advance() stepped to last
  std::optional<double> step_ns_;
  bool sought_ = false;
  const bool on_card_;
};

}  // namespace lazarillo
