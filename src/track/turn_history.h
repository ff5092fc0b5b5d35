#pragma once

#include <cstdint>
#include <deque>

#include "source/camera_turn.h"

namespace lazarillo {

/// How one camera turned in the last seconds, frame by frame. Not thread-safe.
class TurnHistory {
 public:
  /// How the camera has turned in all (Frame::turned). In stream order; other calls change nothing.
  void add(std::int64_t stream_ns, const CameraTurn& turned);

  /// From one moment to another, earlier or later: evenly between two frames, none beyond the
  /// frames that are known.
  [[nodiscard]] CameraTurn between(std::int64_t from_ns, std::int64_t to_ns) const;

 private:
  struct Heading {
    std::int64_t stream_ns;
    CameraTurn turned;
  };
  [[nodiscard]] CameraTurn heading(std::int64_t stream_ns) const;

  std::deque<Heading> headings_;
};

}  // namespace lazarillo
