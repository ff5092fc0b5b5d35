#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "temp_dir.h"

namespace lazarillo::test {

/// Runs a pipeline in GStreamer's launch syntax to its end. Throws std::runtime_error.
void run_pipeline(const std::string& description);

/// True when all these GStreamer elements are installed.
bool have(const std::vector<std::string>& elements);

/// A grey picture: one brightness on the left half, another on the right.
struct GreyPicture {
  std::int64_t time_ms = 0;
  std::uint8_t left = 0;
  std::uint8_t right = 0;
};

/// Encodes the pictures at their times by `encoder` (launch syntax, ends in a muxer) into `file`.
void write_pictures(const std::filesystem::path& file, const std::string& encoder, int width,
                    int height, const std::vector<GreyPicture>& pictures);

/// Puts packets, which `caps` describe, into `file` by `muxer` as they are, so far apart.
void write_packets(const std::filesystem::path& file, const std::string& caps,
                   const std::string& muxer, const std::vector<std::vector<std::uint8_t>>& packets,
                   std::int64_t step_ms);

/// A made street of `seconds` at 30 fps with H.264 and AAC sound.
void write_clip(const std::filesystem::path& file, const std::string& muxer, int seconds);

/// Has an MP4 or QuickTime file of pictures so high shown turned, as phones do.
void turn_clockwise(const std::filesystem::path& file, std::uint32_t height);

std::string read_file(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, const std::string& bytes);

}  // namespace lazarillo::test
