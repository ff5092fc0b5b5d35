#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/frame.h"

namespace lazarillo {

struct CameraInfo {
  std::string name;       ///< "video", "rgb", "slam-left", ...
  Intrinsics intrinsics;  ///< of the camera's first picture
};

/// Where frames come from. One thread calls next(); stop() may be called from any other thread.
class Source {
 public:
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  /// Every camera of this source; Frame::stamp.camera indexes it. Known once the source is open.
  [[nodiscard]] virtual const std::vector<CameraInfo>& cameras() const = 0;

  /// The next frame, waiting for it where necessary; nullopt at the end of the stream and after
  /// stop(). Does not throw: a fault in the middle ends the stream and is told by fault().
  [[nodiscard]] virtual std::optional<Frame> next() = 0;

  /// Why the stream ended before it should have (damaged, cut short, unplugged): one line for the
  /// user. Empty while it runs and after an orderly end. Valid once next() has returned nullopt.
  [[nodiscard]] virtual std::string fault() const = 0;

  /// Length of the stream, ns, when it is known.
  [[nodiscard]] virtual std::optional<std::int64_t> duration_ns() const = 0;

  /// Makes a waiting or later next() return nullopt. Thread-safe, callable more than once.
  virtual void stop() = 0;

 protected:
  Source() = default;
};

struct SourceOptions {
  double hfov_deg = 69.0;    ///< horizontal field of view where no calibration is known
  bool hfov_assumed = true;  ///< false when the user stated it
  bool realtime = false;     ///< deliver frames when their timestamps fall due
};

/// Opens a file (a path or a file: URI) that GStreamer can decode. Throws Error(source) when it
/// does not exist, is empty, holds no picture stream, or its pictures are larger than 16384 a side.
[[nodiscard]] std::unique_ptr<Source> open_source(const std::string& uri,
                                                  const SourceOptions& options);

}  // namespace lazarillo
