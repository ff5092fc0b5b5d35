#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "source/source_tap.h"

namespace lazarillo {

/// Writes one Matroska file: coded pictures as they are, others by a lossless codec (FFV1), and
/// lines of text in a track of their own. What was written can be read whatever ends the process;
/// lines reach the file together with the pictures of their time. Nothing waits for the disk: what
/// was handed over and is not written yet is counted by waiting_bytes(). One thread at a time.
class RecordingWriter {
 public:
  /// Makes the file, empty; its first bytes come with the first picture. Throws Error(output).
  explicit RecordingWriter(const std::filesystem::path& file);
  ~RecordingWriter();
  RecordingWriter(const RecordingWriter&) = delete;
  RecordingWriter& operator=(const RecordingWriter&) = delete;

  /// The next picture, shown at `stream_ns`; the first one's format is that of the file, and one of
  /// another form ends with a fault.
  void coded(const CodedPicture& picture, std::int64_t stream_ns);
  void picture(const Frame& frame, std::int64_t stream_ns);
  /// The next line, in order of time.
  void line(const std::string& text, std::int64_t stream_ns);

  [[nodiscard]] std::size_t waiting_bytes() const;
  /// Why writing failed (full disk, a codec Matroska does not know, ...), one line; empty while all
  /// is well. What was written stays.
  [[nodiscard]] std::string fault() const;
  /// Ends the file in order: an index, its length. Without any picture the file is removed.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
