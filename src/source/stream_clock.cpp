#include "source/stream_clock.h"

namespace lazarillo {

std::optional<std::int64_t> StreamClock::place(std::optional<std::int64_t> time_ns,
                                               std::optional<std::int64_t> duration_ns) {
  // Durations are as doubtful as the rest of a damaged file: an absurd one is not taken over.
  if (duration_ns && *duration_ns > 0 && *duration_ns <= kGap_ns) step_ns_ = *duration_ns;
  if (!started_) {
    started_ = true;
    shift_ns_ = -time_ns.value_or(0);
    return last_ns_ = 0;
  }
  const std::int64_t following = last_ns_ + step_ns_;
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
