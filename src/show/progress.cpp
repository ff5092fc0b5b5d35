#include "show/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ostream>

namespace lazarillo {
namespace {

constexpr std::int64_t kRedraw_ns = 100'000'000;
constexpr std::int64_t kPlain_ns = 5'000'000'000;

/// "41 s", "2:05", "1:02:05".
std::string clock_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(std::clamp(seconds, 0.0, 359'999.0)));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

double seconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-9; }

}  // namespace

std::function<int()> terminal_columns(int descriptor) {
  if (::isatty(descriptor) != 1) return {};
  return [descriptor] {
    winsize size{};
    return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? int{size.ws_col} : 80;
  };
}

std::string progress_bar(double done, const std::string& tail, int columns) {
  const int cells = std::min(columns - 1 - static_cast<int>(tail.size()), 40);
  if (cells < 4) {  // too narrow for a bar
    return tail.substr(1, static_cast<std::size_t>(std::max(columns - 1, 0)));
  }
  // Eighths of a cell: the bar moves smoothly.
  static constexpr std::array<const char*, 8> kParts{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(done * cells * 8);
  std::string text;
  for (int i = 0; i < cells; ++i) {
    const int filled = std::clamp(eighths - i * 8, 0, 8);
    text += filled == 8 ? "█" : filled == 0 ? "·" : kParts[static_cast<std::size_t>(filled)];
  }
  return text + tail;
}

Progress::Progress(std::ostream& out, std::function<int()> columns,
                   std::optional<std::int64_t> duration_ns)
    : out_(out), columns_(std::move(columns)), duration_ns_(duration_ns) {
  if (duration_ns_ && *duration_ns_ <= 0) duration_ns_.reset();
}

Progress::~Progress() { wipe(); }

double Progress::share(std::int64_t stream_ns) const {
  return duration_ns_
             ? std::clamp(static_cast<double>(stream_ns) / static_cast<double>(*duration_ns_), 0.0,
                          1.0)
             : 0;
}

std::string Progress::rate_and_rest(std::uint64_t frames, std::int64_t stream_ns,
                                    std::int64_t now_ns) const {
  const double elapsed = seconds(now_ns - *started_ns_);
  if (elapsed <= 0) return "starting";
  std::string text = fmt::format("{:.1f} frames/s", static_cast<double>(frames) / elapsed);
  const double done = share(stream_ns);
  if (done > 0 && done < 1) {
    text += fmt::format(", {} left", clock_text(elapsed / done * (1 - done)));
  }
  return text;
}

std::string Progress::line(std::uint64_t frames, std::int64_t stream_ns,
                           std::int64_t now_ns) const {
  std::string text =
      duration_ns_ ? fmt::format("{:3.0f} %, ", std::floor(share(stream_ns) * 100)) : std::string();
  text += fmt::format("frame {}, {} of video, {}", frames, clock_text(seconds(stream_ns)),
                      rate_and_rest(frames, stream_ns, now_ns));
  return text;
}

std::string Progress::bar(std::uint64_t frames, std::int64_t stream_ns, std::int64_t now_ns,
                          int columns) const {
  const std::string words = rate_and_rest(frames, stream_ns, now_ns);  // ASCII: a byte a column
  if (!duration_ns_) {
    const std::string text =
        fmt::format("{} frames  {}  {}", frames, clock_text(seconds(stream_ns)), words);
    return text.substr(0, static_cast<std::size_t>(std::max(columns - 1, 0)));
  }
  const double done = share(stream_ns);
  return progress_bar(done, fmt::format(" {:3.0f} %  {}", std::floor(done * 100), words), columns);
}

void Progress::update(std::uint64_t frames, std::int64_t stream_ns, std::int64_t now_ns) {
  if (finished_) return;
  if (!started_ns_) {
    started_ns_ = shown_ns_ = now_ns;
    return;
  }
  if (columns_) {
    if (now_ns - shown_ns_ < kRedraw_ns) return;
    out_ << kWipeLine << bar(frames, stream_ns, now_ns, columns_()) << std::flush;
    drawn_ = true;
  } else {
    const int tenths = static_cast<int>(share(stream_ns) * 10);
    if (duration_ns_ ? tenths <= shown_tenths_ : now_ns - shown_ns_ < kPlain_ns) return;
    shown_tenths_ = tenths;
    out_ << line(frames, stream_ns, now_ns) << '\n' << std::flush;
  }
  shown_ns_ = now_ns;
}

void Progress::wipe() {
  if (!drawn_) return;
  out_ << kWipeLine << std::flush;
  drawn_ = false;
}

void Progress::finish(std::uint64_t frames, std::int64_t stream_ns, std::int64_t now_ns) {
  if (finished_) return;
  finished_ = true;
  if (!started_ns_) started_ns_ = now_ns;
  if (columns_) {
    out_ << kWipeLine << bar(frames, stream_ns, now_ns, columns_()) << '\n' << std::flush;
    drawn_ = false;
  } else if (!duration_ns_ || shown_tenths_ < 10) {
    out_ << line(frames, stream_ns, now_ns) << '\n' << std::flush;
  }
}

}  // namespace lazarillo
