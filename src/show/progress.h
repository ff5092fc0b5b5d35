#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

namespace lazarillo {

/// A function that tells the width of the terminal behind a file descriptor, in columns; empty when
/// there is no terminal.
[[nodiscard]] std::function<int()> terminal_columns(int descriptor);

/// A bar that is filled to `done` (0..1), with `tail` after it, for a terminal of `columns`; the
/// tail alone, cut, where there is no room. `tail` is ASCII: a byte a column.
[[nodiscard]] std::string progress_bar(double done, const std::string& tail, int columns);

/// Wipes a terminal's line, so that the next text stands at its beginning.
inline constexpr const char* kWipeLine = "\r\x1b[K";

/// Tells how far a run is: on a terminal as a bar with rate and time left, redrawn at most ten
/// times a second; otherwise as a plain line every 10 % or, where the length is not known, every 5
/// s. Reads no clock of its own. Not thread-safe.
class Progress {
 public:
  /// `columns` as of terminal_columns(). `duration_ns`: length of the stream, where it is known.
  Progress(std::ostream& out, std::function<int()> columns,
           std::optional<std::int64_t> duration_ns);
  /// Leaves the terminal's line clean.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `frames` are processed and the stream is at `stream_ns`; `now_ns` is any steady clock.
  void update(std::uint64_t frames, std::int64_t stream_ns, std::int64_t now_ns);
  /// Wipes the bar, so that something else can be printed; the next update draws it again.
  void wipe();
  /// The last state, shown whatever the pace, and the line ended.
  void finish(std::uint64_t frames, std::int64_t stream_ns, std::int64_t now_ns);

 private:
  [[nodiscard]] std::string bar(std::uint64_t frames, std::int64_t stream_ns, std::int64_t now_ns,
                                int columns) const;
  [[nodiscard]] std::string line(std::uint64_t frames, std::int64_t stream_ns,
                                 std::int64_t now_ns) const;
  [[nodiscard]] double share(std::int64_t stream_ns) const;
  [[nodiscard]] std::string rate_and_rest(std::uint64_t frames, std::int64_t stream_ns,
                                          std::int64_t now_ns) const;

  std::ostream& out_;
  std::function<int()> columns_;
  std::optional<std::int64_t> duration_ns_;
  std::optional<std::int64_t> started_ns_;
  std::int64_t shown_ns_ = 0;
  int shown_tenths_ = 0;
  bool drawn_ = false;
  bool finished_ = false;
};

}  // namespace lazarillo
