#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "eval/average_precision.h"

namespace lazarillo {

/// Detections of like scores, and how many of them are right: equal where scores are probabilities.
struct ReliabilityBin {
  double from = 0;  ///< scores, the upper end not in it (but 1)
  double to = 0;
  std::size_t detections = 0;
  double mean_score = 0;  ///< 0 without detections
  double right = 0;       ///< part, 0..1
};

struct Reliability {
  std::vector<ReliabilityBin> bins;
  /// Expected calibration error: mean of |mean score - part that is right| over detections, bin by
  /// bin (Guo et al., On Calibration of Modern Neural Networks, ICML 2017).
  double ece = 0;
};

/// Over ten bins of equal width; what is ignored is left out, and scores below `least`.
[[nodiscard]] Reliability reliability(std::span<const Judged> judged, double least);

}  // namespace lazarillo
