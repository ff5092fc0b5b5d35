#include "count_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <utility>

#include "show/progress.h"

namespace lazarillo {

CountProgress::CountProgress(std::string things)
    : things_(std::move(things)), columns_(terminal_columns(STDERR_FILENO)) {}

CountProgress::~CountProgress() {
  if (drawn_) std::cerr << kWipeLine << std::flush;
}

void CountProgress::update(std::size_t done, std::size_t all) {
  const int columns = columns_ ? columns_() : 0;
  const std::string tail = fmt::format("{} of {} {}", done, all, things_);
  if (columns > 0) {
    const auto now = std::chrono::steady_clock::now();
    if (drawn_ && now - drawn_at_ < std::chrono::milliseconds(100)) return;
    drawn_at_ = now;
    drawn_ = true;
    const double part = static_cast<double>(done) / static_cast<double>(all);
    std::cerr << kWipeLine << progress_bar(part, tail, columns) << std::flush;
  } else if (done * 10 / all > (done - 1) * 10 / all) {
    std::cerr << tail << '\n';
  }
}

}  // namespace lazarillo
