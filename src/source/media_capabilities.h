#pragma once

#include <string>
#include <vector>

namespace lazarillo {

/// One thing GStreamer can or cannot do on this machine.
struct MediaElement {
  std::string purpose;  ///< what it is for: "reads H.264 video (phones, most cameras)"
  std::string element;  ///< the GStreamer element that does it, or the first that could
  bool present = false;
  std::string package;  ///< Debian package to install when it is missing
};

/// What this machine's GStreamer offers for the program's ways in and out of pictures and sound.
/// Thread-safe. Throws Error(internal) when GStreamer does not start.
[[nodiscard]] std::vector<MediaElement> media_capabilities();

}  // namespace lazarillo
