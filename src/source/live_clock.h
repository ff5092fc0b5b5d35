#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>

namespace lazarillo {

/// When a live pipeline's picture was taken, monotonic clock, ns. Running time counts from the
/// pipeline's base time on its clock; by GStreamer's elements set to what the driver says, or to
/// the first packet's arrival less how much later than the smoothest it came (RTP). Where there is
/// none, or none that can be meant, `now_ns`. Private to source/.
[[nodiscard]] inline std::int64_t capture_ns_of(GstElement* pipeline,
                                                std::optional<std::int64_t> running_ns,
                                                std::int64_t now_ns) {
  /// A capture time older than this is not the sender's meaning: its clock or the mapping is wrong.
  constexpr std::int64_t kOldest_ns = 2'000'000'000;
  if (!running_ns) return now_ns;
  const std::int64_t taken =
      static_cast<std::int64_t>(gst_element_get_base_time(pipeline)) + *running_ns;
  return taken > now_ns || now_ns - taken > kOldest_ns ? now_ns : taken;
}

}  // namespace lazarillo
