#include "source/stream_clock.h"

#include <utility>

namespace lazarillo {

std::optional<std::int64_t> StreamClock::place(std::optional<std::int64_t> time_ns,
                                               std::optional<std::int64_t> duration_ns) {
  // Durations are as doubtful as the rest of a damaged file: an absurd one is not taken over.
  if (duration_ns && *duration_ns > 0 && *duration_ns <= kGap_ns) step_ns_ = *duration_ns;
  if (begin_ns_) {
    last_ns_ = *std::exchange(begin_ns_, std::nullopt);
    shift_ns_ = last_ns_ - time_ns.value_or(0);
    return last_ns_;
  }
  const std::int64_t following = following_ns();
  if (!time_ns) return last_ns_ = following;

  const std::int64_t ahead = *time_ns + shift_ns_ - last_ns_;
  if (ahead <= -kSplice_ns || ahead > kGap_ns) {
    shift_ns_ = following - *time_ns;
    return last_ns_ = following;
  }
  if (ahead <= 0) return std::nullopt;
  if (!duration_ns) step_ns_ = ahead;
  return last_ns_ += ahead;
}

}  // namespace lazarillo
