#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "source/picture_decoder.h"
#include "source/stream_clock.h"

namespace lazarillo {

struct SequenceOptions {
  double feed_fps = 0;        ///< as in SourceOptions
  bool loop = false;          ///< as in SourceOptions
  std::int64_t start_ns = 0;  ///< as in SourceOptions
  bool on_card = false;       ///< as in SourceOptions
  SourceTap* tap = nullptr;   ///< as in SourceOptions
};

/// The pictures of a file, once or over and over, each with its number and its place on the
/// stream's time axis. When the file shall begin again, the next pass waits opened, its first
/// pictures decoded, while the current one runs.
///
/// One thread calls it; stop may be requested from any.
class PictureSequence {
 public:
  struct Place {
    std::uint64_t number = 0;
    std::int64_t stream_ns = 0;
  };

  /// Throws Error(source) when the file cannot be opened.
  PictureSequence(std::filesystem::path file, const SequenceOptions& options, std::stop_token stop);
  ~PictureSequence();

  /// Steps to the next picture. nullopt at the end, after a stop, and when decoding has failed.
  std::optional<Place> advance();
  /// The picture advance() stepped to; once. nullopt when it cannot be read: fault() then says so.
  std::optional<DecodedPicture> picture();
  /// Why the pictures ended early; empty after an orderly end. Valid once advance() gave nullopt.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  /// Of the file's first picture.
  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] int height() const { return height_; }
  /// nullopt also for what never ends.
  [[nodiscard]] std::optional<std::int64_t> duration_ns() const { return duration_ns_; }

 private:
  using Decoder = std::unique_ptr<PictureDecoder>;
  /// One run through the file.
  struct Pass {
    std::int64_t length_ns = 0;  ///< by the file's own timestamps
    std::uint64_t pictures = 0;
    std::string fault;
  };

  [[nodiscard]] Decoder open() const;
  std::optional<Place> step();
  std::optional<Place> place(const PictureTime& time);
  void start();
  bool land(std::int64_t target_ns, std::int64_t before_ns, std::uint64_t before);
  Pass measure();
  bool seek_back_from(std::int64_t target_ns, PictureTime& found);
  bool begin_again();
  void prepare_next_pass(Decoder finished);

  const std::filesystem::path file_;
  const SequenceOptions options_;
  const std::stop_token stop_;
  Decoder decoder_;
  std::future<Decoder> next_pass_;
  StreamClock clock_;
  std::uint64_t number_ = 0;      ///< of the next picture
  std::optional<Place> pending_;  ///< stepped to while looking for the start
  bool over_ = false;
  std::string fault_;
  int width_ = 0;
  int height_ = 0;
  std::optional<std::int64_t> duration_ns_;
};

}  // namespace lazarillo
