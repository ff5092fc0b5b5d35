#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace lazarillo {

/// Reads the lines of a Matroska file's track of text, in order, as far as the file is whole. One
/// thread at a time.
class RecordingReader {
 public:
  /// Throws Error(source): it cannot be opened, is no Matroska file, or has no such track.
  explicit RecordingReader(const std::filesystem::path& file);
  ~RecordingReader();
  RecordingReader(const RecordingReader&) = delete;
  RecordingReader& operator=(const RecordingReader&) = delete;

  /// nullopt at the end, and where the file ends or is damaged.
  [[nodiscard]] std::optional<std::string> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
