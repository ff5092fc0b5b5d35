#pragma once

#include <optional>
#include <string>

namespace lazarillo {

/// Where pictures come from as they are taken: a camera of this machine, or a stream.
struct LiveAddress {
  enum class Kind {
    camera,  ///< V4L2
    rtsp,    ///< and its kin: rtsps, rtspt (TCP), rtspu (UDP), rtsph (tunnelled through HTTP)
    http,    ///< and https: Motion JPEG or MPEG-TS without end
    other,   ///< udp, srt, rtp
  };
  Kind kind = Kind::camera;
  /// Streams: the address without user and password. Cameras: the device "/dev/video0", or a part
  /// of its name, or empty: whichever is there.
  std::string location;
  std::string user;      ///< decoded; empty: none
  std::string password;  ///< decoded
};

/// What a user means by a source; nullopt: a file. Live are
///   camera:               the first camera there is
///   camera:2, /dev/video2 the second one, by its device; a link to one: /dev/v4l/by-id/...; also
///                         while it is not plugged in
///   camera:logitech       by a part of its name
///   rtsp://user:password@host:port/path, rtsps, rtspt, rtspu, rtsph
///   http://host:port/path, https
///   udp://:5000, srt://host:port, rtp://:5000?encoding-name=H264
/// Throws Error(usage) for another scheme, and for an address without a host.
[[nodiscard]] std::optional<LiveAddress> live_address(const std::string& source);

/// The source as it may be shown and written down: without a password and SRT's passphrase.
[[nodiscard]] std::string without_secrets(const std::string& source);

}  // namespace lazarillo
