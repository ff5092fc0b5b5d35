#pragma once

#include <memory>
#include <optional>
#include <string>

#include "source/source.h"

namespace lazarillo {

/// Aria glasses that are worn now, or a recording of them.
struct AriaAddress {
  std::string recording;  ///< a .vrs file; empty: the glasses
};

/// "aria:" is the glasses, "aria:FILE" and "FILE.vrs" a recording; nullopt: something else.
[[nodiscard]] std::optional<AriaAddress> aria_address(const std::string& source);

/// Opens Aria glasses or a recording through the bridge (bridges/aria), which it starts, and starts
/// again when it dies or hangs while glasses are worn. Pictures are those of one camera, with its
/// lens, or of all (Frame::set), the colour camera first; they lie in the bridge's ring and are
/// read there, copied only when so many are held that the ring would run out. A recording is played
/// with `realtime`, else as fast as it is read and nothing lost. stream_ns is the device's clock,
/// from the first frame. Throws Error(source): no bridge, no such file, no such camera;
/// Error(usage): options that only other sources have.
[[nodiscard]] std::unique_ptr<Source> open_aria(const AriaAddress& address,
                                                const SourceOptions& options);

}  // namespace lazarillo
