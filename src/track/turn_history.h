#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "source/camera_turn.h"

namespace lazarillo {

/// How one camera turned in the last seconds, frame by frame. Not thread-safe.
class TurnHistory {
 public:
  /// The turn since the frame before; nullopt where it is not known: then it counts as none. In
  /// stream order; other calls change nothing.
  void add(std::int64_t stream_ns, std::optional<CameraTurn> since_last);

  /// From one moment to another, earlier or later: evenly between two frames, none beyond the
  /// frames that are known.
  [[nodiscard]] CameraTurn between(std::int64_t from_ns, std::int64_t to_ns) const;

 private:
  /// The sum of all turns up to a moment.
  struct Heading {
    std::int64_t stream_ns;
    CameraTurn turned;
  };
  [[nodiscard]] CameraTurn heading(std::int64_t stream_ns) const;

  std::deque<Heading> headings_;
};

}  // namespace lazarillo
