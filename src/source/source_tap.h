#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "ring/layout.h"
#include "source/frame.h"

namespace lazarillo {

/// A picture as it came, before anybody decoded it; or as the camera gave it, where it is not
/// encoded. Shares its bytes; safe to hand to another thread.
struct CodedPicture {
  /// A GstSample, for who knows GStreamer: bytes, format, and whether it stands by itself.
  std::shared_ptr<const void> sample;
  std::size_t bytes = 0;
  bool whole = true;  ///< stands by itself: a key picture
  /// Live (`live`): as FrameStamp::capture_ns; else from the file's first picture, ns. Pictures of
  /// a file come in the order of decoding, not always of time. Unset: not known.
  std::optional<std::int64_t> time_ns{};
  std::optional<std::int64_t> decode_ns{};  ///< when it must be decoded, on the same axis
  bool live = false;
};

/// Is told what comes out of a source besides its frames, to record it. Called from threads of the
/// source's, several at a time; must not wait long: the picture waits behind it.
class SourceTap {
 public:
  virtual ~SourceTap() = default;
  /// In the order they came, every one that is decoded.
  virtual void coded(CodedPicture picture) = 0;
  /// A source that has no coded pictures: each frame that it gives.
  virtual void picture(const Frame& frame) = 0;
  /// A device's calibration, in JSON as calibrations_from_json (source/calibration_file.h) reads.
  virtual void calibration(const std::string& json) = 0;
  /// Samples of a device's inertial unit, from 0.
  virtual void motion(std::uint32_t unit, std::span<const ImuSample> samples) = 0;
};

}  // namespace lazarillo
