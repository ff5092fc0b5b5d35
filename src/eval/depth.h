#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <string>

#include "eval/detection.h"
#include "eval/sigma_coverage.h"

namespace lazarillo {

/// Errors of metric depth, summed up with weights.
class DepthErrors {
 public:
  /// Metres; `sigma`: the stated one, as a part of the depth, 0: none stated.
  void add(double depth_m, double truth_m, double sigma, double weight);

  [[nodiscard]] double weight() const { return weight_; }
  // Weighted means; 0 without errors.
  [[nodiscard]] double absrel() const { return mean(relative_); }  ///< |depth - truth| / truth
  [[nodiscard]] double rmse_m() const;
  [[nodiscard]] double delta125() const { return mean(within_); }  ///< part within a factor 1.25
  [[nodiscard]] double bias() const { return mean(log_); }         ///< of log(depth / truth)
  /// Of |log(depth / truth)| in sigmas.
  [[nodiscard]] const SigmaCoverage& coverage() const { return coverage_; }
  [[nodiscard]] bool has_sigma() const { return has_sigma_; }

 private:
  [[nodiscard]] double mean(double sum) const { return weight_ > 0 ? sum / weight_ : 0; }

  double weight_ = 0;
  double relative_ = 0;
  double squared_ = 0;
  double within_ = 0;
  double log_ = 0;
  SigmaCoverage coverage_;
  bool has_sigma_ = false;
};

/// Distances, metres: from, to.
struct Band {
  double from_m;
  double to_m;
};
inline constexpr std::array<Band, 5> kBands{{{0, 1}, {1, 2}, {2, 3}, {3, 5}, {5, 10}}};
/// Index into kBands; of what is farther, kBands.size().
[[nodiscard]] std::size_t band_of(double truth_m);

// What counts as measured: sensors of rooms say nothing sure of what is nearer or farther.
inline constexpr double kLeastTruth_m = 0.3;
inline constexpr double kMostTruth_m = 10;
inline constexpr double kCorridorHalf_m = 0.75;  ///< the walker's way: so far to either side

struct DepthScore {
  std::size_t pictures = 0;
  DepthErrors errors;  ///< each picture weighs the same
  /// Of points in the corridor, |x| <= kCorridorHalf_m of the optical axis, at any height; each
  /// pixel weighs the same.
  std::array<DepthErrors, kBands.size()> corridor;
};

/// By set, and "all".
using DepthScores = std::map<std::string, DepthScore>;

/// Compares the depth that a run would compute, at every pixel of the measured depth that is known:
/// bilinear between the cells of the network's grid, at its edges the nearest cell. Pictures with
/// fewer than 100 such pixels are left out. Throws Error(source), Error(usage), Error(vision) as
/// detect(); Error(usage) when the networks give no metres.
[[nodiscard]] DepthScores evaluate_depth(Perception& perception,
                                         const std::filesystem::path& folder, const Choice& choice,
                                         const EvalProgress& progress);

}  // namespace lazarillo
