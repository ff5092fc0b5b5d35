#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>

namespace lazarillo {

/// Tells how far a download is: on a terminal as a bar with rate and time left, redrawn at most ten
/// times a second; otherwise as a plain line every 10 % of a known length. Reads no clock of its
/// own. Not thread-safe.
class ByteProgress {
 public:
  /// `columns` as of terminal_columns().
  ByteProgress(std::ostream& out, std::function<int()> columns);
  /// Leaves the terminal's line clean.
  ~ByteProgress();
  ByteProgress(const ByteProgress&) = delete;
  ByteProgress& operator=(const ByteProgress&) = delete;

  /// `done` of `total` bytes are here; `now_ns` is any steady clock.
  void update(std::uint64_t done, std::optional<std::uint64_t> total, std::int64_t now_ns);

 private:
  std::ostream& out_;
  std::function<int()> columns_;
  std::uint64_t began_with_ = 0;  ///< bytes there at the first update
  std::optional<std::int64_t> began_ns_;
  std::int64_t shown_ns_ = 0;
  int shown_tenths_ = 0;
  bool drawn_ = false;
};

}  // namespace lazarillo
