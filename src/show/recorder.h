#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "show/overlay.h"

namespace lazarillo {

/// Writes overlay pictures and sound into one video file: H.264 + AAC in .mp4, or where no such
/// encoder is installed the best there is in .mkv. What was written plays even when the process is
/// killed: the .mp4 is written in fragments of half a second. finish() makes an ordinary .mp4 of
/// it, or leaves the fragments, whole, where the disk has no room for the copy that takes.
///
/// One thread calls picture() and finish(); sound() and fault() may be called from any other at the
/// same time. Sound need not keep pace with the pictures: what comes early waits encoded in memory
/// until the other catches up, and reaches the file then.
class Recorder {
 public:
  /// `stem` is the path without extension; its directory exists. `width` and `height` are even.
  /// Throws Error(output) when the file cannot be written or no encoder is installed.
  Recorder(const std::filesystem::path& stem, int width, int height, bool sound);
  ~Recorder();

  /// The next picture, of the size given to the constructor; it is copied. `stream_ns` counts from
  /// the first sample of sound and must grow: a picture that is not later than the one before is
  /// left out. Waits while the encoder is behind (8 pictures); never for the sound, nor after a
  /// fault.
  void picture(const Canvas& canvas, std::int64_t stream_ns);
  /// The next samples: interleaved stereo, 48 kHz, -1..1. Never blocks. Ignored when the recorder
  /// was made without sound, and after finish().
  void sound(std::span<const float> samples);

  /// Why writing failed (full disk, ...), one line; empty while all is well. Pictures and sound are
  /// ignored from then on; what was written stays.
  [[nodiscard]] std::string fault() const;
  /// Ends the file properly and waits until it is whole; without any picture the file is removed.
  /// Called by the destructor too.
  void finish();
  [[nodiscard]] const std::filesystem::path& file() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
