#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "media.h"

namespace lazarillo::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes bytes_of(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  return {text.begin(), text.end()};
}

/// A made picture and its JPEG: colours, edges and noise.
struct MadeJpeg {
  Bytes raw;  ///< as GStreamer lays out its format
  Bytes jpeg;
};
inline MadeJpeg make_jpeg(const std::string& format, int width, int height, int quality = 100) {
  const TempDir dir;
  run_pipeline("videotestsrc num-buffers=1 ! video/x-raw,format=" + format +
               ",width=" + std::to_string(width) + ",height=" + std::to_string(height) +
               " ! tee name=t ! queue ! filesink location=" + (dir / "raw").string() +
               " t. ! queue ! jpegenc idct-method=islow quality=" + std::to_string(quality) +
               " ! filesink location=" + (dir / "jpeg").string());
  return {bytes_of(dir / "raw"), bytes_of(dir / "jpeg")};
}

/// The segments of a JPEG up to its first scan: marker's second byte and where it begins and ends.
struct JpegSegment {
  std::uint8_t marker;
  std::size_t begin, end;
};
inline std::vector<JpegSegment> segments_of(std::span<const std::uint8_t> jpeg) {
  std::vector<JpegSegment> segments;
  std::size_t at = 2;
  while (at + 4 <= jpeg.size() && jpeg[at + 1] != 0xDA) {
    const std::size_t end = at + 2 + (std::size_t{jpeg[at + 2]} << 8 | jpeg[at + 3]);
    segments.push_back({jpeg[at + 1], at, end});
    at = end;
  }
  return segments;
}

/// The JPEG without its Huffman tables, as some cameras send it.
inline Bytes without_tables(Bytes jpeg) {
  auto segments = segments_of(jpeg);
  while (!segments.empty()) {
    const JpegSegment s = segments.back();
    segments.pop_back();
    const auto at = [&](std::size_t i) { return jpeg.begin() + static_cast<std::ptrdiff_t>(i); };
    if (s.marker == 0xC4) jpeg.erase(at(s.begin), at(s.end));
  }
  return jpeg;
}

}  // namespace lazarillo::test
