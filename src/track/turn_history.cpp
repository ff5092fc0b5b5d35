#include "track/turn_history.h"

#include <algorithm>
#include <cmath>

namespace lazarillo {
namespace {

constexpr std::int64_t kKeptNs = 3'000'000'000;  // longer than a track lives unseen

}  // namespace

void TurnHistory::add(std::int64_t stream_ns, const CameraTurn& turned) {
  if (!headings_.empty() && stream_ns <= headings_.back().stream_ns) return;
  headings_.push_back({stream_ns, turned});
  while (headings_.size() > 2 && headings_[1].stream_ns < stream_ns - kKeptNs) {
    headings_.pop_front();
  }
}

CameraTurn TurnHistory::heading(std::int64_t stream_ns) const {
  const auto after = std::find_if(headings_.rbegin(), headings_.rend(),
                                  [&](const Heading& h) { return h.stream_ns <= stream_ns; });
  if (after == headings_.rend()) return headings_.front().turned;
  if (after == headings_.rbegin()) return headings_.back().turned;
  const Heading& a = *after;
  const Heading& b = *std::prev(after);
  const double part =
      static_cast<double>(stream_ns - a.stream_ns) / static_cast<double>(b.stream_ns - a.stream_ns);
  return {std::lerp(a.turned.right_deg, b.turned.right_deg, part),
          std::lerp(a.turned.up_deg, b.turned.up_deg, part)};
}

CameraTurn TurnHistory::between(std::int64_t from_ns, std::int64_t to_ns) const {
  if (headings_.empty() || from_ns == to_ns) return {};
  const CameraTurn from = heading(from_ns);
  const CameraTurn to = heading(to_ns);
  return {to.right_deg - from.right_deg, to.up_deg - from.up_deg};
}

}  // namespace lazarillo
