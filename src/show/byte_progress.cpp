#include "show/byte_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "show/progress.h"

namespace lazarillo {
namespace {

constexpr std::int64_t kRedraw_ns = 100'000'000;

double megabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

}  // namespace

ByteProgress::ByteProgress(std::ostream& out, std::function<int()> columns)
    : out_(out), columns_(std::move(columns)) {}

ByteProgress::~ByteProgress() {
  if (drawn_) out_ << kWipeLine << std::flush;
}

void ByteProgress::update(std::uint64_t done, std::optional<std::uint64_t> total,
                          std::int64_t now_ns) {
  const double part = total && *total > 0
                          ? std::min(1.0, static_cast<double>(done) / static_cast<double>(*total))
                          : 0;
  if (!began_ns_ || done < began_with_) {  // the first, or it began anew
    began_ns_ = now_ns;
    began_with_ = done;
    shown_tenths_ = static_cast<int>(part * 10);
  }
  if (!columns_) {
    const int tenths = static_cast<int>(part * 10);
    if (tenths <= shown_tenths_) return;
    shown_tenths_ = tenths;
    out_ << fmt::format("{:3} %, {:.1f} of {:.1f} MB\n", tenths * 10, megabytes(done),
                        megabytes(*total))
         << std::flush;
    return;
  }
  if (drawn_ && now_ns - shown_ns_ < kRedraw_ns) return;
  shown_ns_ = now_ns;
  const double seconds = static_cast<double>(now_ns - *began_ns_) * 1e-9;
  const double rate = seconds > 0 ? static_cast<double>(done - began_with_) / seconds : 0;
  std::string words = fmt::format("{:.1f} MB  {:.1f} MB/s", megabytes(done), rate / 1e6);
  if (total && rate > 0) {
    words += fmt::format("  {:.0f} s left", std::ceil(static_cast<double>(*total - done) / rate));
  }
  const int columns = columns_();
  out_ << kWipeLine
       << (total ? progress_bar(part, fmt::format(" {:3.0f} %  {}", std::floor(part * 100), words),
                                columns)
                 : words.substr(0, static_cast<std::size_t>(std::max(columns - 1, 0))))
       << std::flush;
  drawn_ = true;
}

}  // namespace lazarillo
