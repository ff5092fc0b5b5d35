#pragma once

#include <cstdint>
#include <optional>

namespace lazarillo {

/// Turns the timestamps found in a file into a time axis that starts at 0 and strictly grows, which
/// is what everything downstream relies on. Honest timestamps, also of variable frame rate, pass
/// unchanged (less the first). The rest is repaired:
///  - no timestamp: one frame duration after the frame before;
///  - the same or a slightly earlier one (less than kSplice_ns): the frame is skipped, its moment
///    is over;
///  - a jump back by more, or ahead by more than kGap_ns (counter wrapped, recordings joined,
///    damaged header): the axis goes on one frame duration later and keeps that shift.
/// Not thread-safe.
class StreamClock {
 public:
  static constexpr std::int64_t kSplice_ns = 1'000'000'000;
  static constexpr std::int64_t kGap_ns = 60'000'000'000;

  /// `time_ns` as found; `duration_ns` of the frame where the file tells it. Returns the frame's
  /// place on the axis, ns; nullopt when the frame is to be skipped.
  std::optional<std::int64_t> place(std::optional<std::int64_t> time_ns,
                                    std::optional<std::int64_t> duration_ns);

  /// The next frame opens a stretch of its own (after a seek, or the file once more) here, ns.
  void begin_at(std::int64_t place_ns) { begin_ns_ = place_ns; }
  /// One frame duration after the last frame.
  [[nodiscard]] std::int64_t following_ns() const { return last_ns_ + step_ns_; }

 private:
  std::optional<std::int64_t> begin_ns_ = 0;  ///< place of the next frame, where that is fixed
  std::int64_t shift_ns_ = 0;                 ///< place = time found + shift
  std::int64_t last_ns_ = 0;                  ///< place of the frame before
  std::int64_t step_ns_ = 40'000'000;         ///< one frame duration: the last that was known
};

}  // namespace lazarillo
