#include "eval/reliability.h"

#include <algorithm>
#include <cmath>

namespace lazarillo {

Reliability reliability(std::span<const Judged> judged, double least) {
  constexpr int kBins = 10;
  Reliability result;
  for (int i = 0; i < kBins; ++i) {
    result.bins.push_back({double(i) / kBins, double(i + 1) / kBins});
  }
  std::size_t all = 0;
  for (const Judged& one : judged) {
    if (one.verdict == Verdict::ignored || one.score < least) continue;
    const int at = std::clamp(static_cast<int>(one.score * kBins), 0, kBins - 1);
    ReliabilityBin& bin = result.bins[static_cast<std::size_t>(at)];
    ++bin.detections;
    ++all;
    bin.mean_score += one.score;
    if (one.verdict == Verdict::right) ++bin.right;
  }
  for (ReliabilityBin& bin : result.bins) {
    if (bin.detections == 0) continue;
    const auto count = static_cast<double>(bin.detections);
    bin.mean_score /= count;
    bin.right /= count;
    result.ece += std::abs(bin.mean_score - bin.right) * count / static_cast<double>(all);
  }
  return result;
}

}  // namespace lazarillo
