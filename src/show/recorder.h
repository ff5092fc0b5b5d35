#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "show/overlay.h"

namespace lazarillo {

/// Writes overlay pictures and sound into one video file: H.264 + AAC in .mp4, or where no H.264
/// encoder is installed the best there is in .mkv. What was written plays even when the process is
/// killed. Not thread-safe: one thread calls it (the encoder has its own).
class Recorder {
 public:
  /// `stem` is the path without extension. Throws Error(output).
  Recorder(const std::filesystem::path& stem, int width, int height, bool sound);
  ~Recorder();

  /// `stream_ns` must grow. Waits while the encoder is behind.
  void picture(const Canvas& canvas, std::int64_t stream_ns);
  /// The next samples: interleaved stereo, 48 kHz, -1..1.
  void sound(std::span<const float> samples);

  /// Why writing failed (full disk, ...), one line; empty while all is well.
  [[nodiscard]] std::string fault() const;
  /// Ends the file properly. Called by the destructor too.
  void finish();
  [[nodiscard]] const std::filesystem::path& file() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
