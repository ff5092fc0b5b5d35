#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace lazarillo {

/// Writes a WAV file: 16-bit PCM, stereo, 48 kHz. The header is kept up to date, so the file plays
/// whatever ends the process. Samples outside -1..1 are clipped. Not thread-safe.
class WavWriter {
 public:
  /// Replaces an existing file, or goes on at the end of one that a WavWriter began. Throws
  /// Error(output).
  explicit WavWriter(const std::filesystem::path& file, bool go_on = false);
  ~WavWriter();

  /// The next samples: interleaved stereo, -1..1.
  void write(std::span<const float> samples);

  /// Silence until so many moments are written; nothing when they are.
  void write_silence_until(std::int64_t frame);

  /// Moments (pairs of samples) written so far.
  [[nodiscard]] std::int64_t frames() const;
  /// Why writing failed (full disk, a file past the 4 GiB of the format), one line; empty while all
  /// is well. After a fault nothing more is written.
  [[nodiscard]] const std::string& fault() const;
  /// Called by the destructor too.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
