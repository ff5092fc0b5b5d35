#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <mutex>
#include <optional>

#include "source/gstreamer_support.h"

namespace lazarillo {

/// Packets of a stream that comes by RTP, since its connection began.
struct Packets {
  std::uint64_t came = 0;
  std::uint64_t lost = 0;  ///< on the way, or so late that they were not waited for
};

/// Counts the packets that an rtspsrc gets by UDP: by its jitter buffer's statistics, gaps in the
/// numbers of packets. Private to source/. read() may be called by one thread; the pipeline is
/// stopped before this goes.
class PacketCount {
 public:
  explicit PacketCount(GstElement* rtspsrc);
  PacketCount(const PacketCount&) = delete;
  PacketCount& operator=(const PacketCount&) = delete;

  /// nullopt: nothing came yet, or it comes by TCP, where nothing is lost on the way.
  [[nodiscard]] std::optional<Packets> read() const;

 private:
  static void on_manager(GstElement*, GstElement* manager, PacketCount* self);
  static void on_buffer(GstElement*, GstElement* buffer, guint session, guint ssrc,
                        PacketCount* self);

  GstElement* const source_;  // the pipeline's
  mutable std::mutex mutex_;
  gstreamer::Ptr<GstElement>
      buffer_;  // the newest one's: of the pictures, nothing else is asked for
};

}  // namespace lazarillo
