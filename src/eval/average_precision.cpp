#include "eval/average_precision.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace lazarillo {
namespace {

constexpr int kOverlaps = 10;
constexpr int kRecalls = 101;

// Steps and last values as numpy.linspace makes them: a sum of steps, and the end as it is stated.
double overlap_at(int i) {
  constexpr double kStep = (0.95 - 0.5) / (kOverlaps - 1);
  return i == kOverlaps - 1 ? 0.95 : 0.5 + i * kStep;
}
double recall_at(int i) { return i == kRecalls - 1 ? 1.0 : i * (1.0 / (kRecalls - 1)); }

double overlap(const CocoBox& found, const TrueBox& truth) {
  const CocoBox& t = truth.box;
  const double width = std::min(found.x + found.width, t.x + t.width) - std::max(found.x, t.x);
  const double height = std::min(found.y + found.height, t.y + t.height) - std::max(found.y, t.y);
  if (width <= 0 || height <= 0) return 0;
  const double common = width * height;
  const double area = found.width * found.height;
  return common / (truth.ignored ? area : area + t.width * t.height - common);
}

template <class Score>
std::vector<std::size_t> best_first(std::size_t count, const Score& score) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return score(a) > score(b); });
  return order;
}

/// Mean of the precision at the recalls; `judged` of all pictures, best score first.
double mean_precision(const std::vector<Judged>& judged, std::size_t objects) {
  std::vector<double> recall;
  std::vector<double> precision;
  double right = 0;
  double wrong = 0;
  for (const Judged& one : judged) {
    if (one.verdict == Verdict::right) ++right;
    if (one.verdict == Verdict::wrong) ++wrong;
    recall.push_back(right / static_cast<double>(objects));
    precision.push_back(right / (right + wrong + std::numeric_limits<double>::epsilon()));
  }
  for (std::size_t i = precision.size(); i-- > 1;) {
    precision[i - 1] = std::max(precision[i - 1], precision[i]);
  }
  double sum = 0;
  for (int i = 0; i < kRecalls; ++i) {
    const auto at = std::lower_bound(recall.begin(), recall.end(), recall_at(i));
    if (at != recall.end()) sum += precision[static_cast<std::size_t>(at - recall.begin())];
  }
  return sum / kRecalls;
}

}  // namespace

std::vector<Judged> judge(const ClassInPicture& picture, double least_iou) {
  // What counts comes first: a box is ignored only where it fits nothing that counts.
  std::vector<TrueBox> truth = picture.truth;
  std::stable_partition(truth.begin(), truth.end(), [](const TrueBox& t) { return !t.ignored; });
  std::vector<bool> taken(truth.size(), false);
  std::vector<Judged> judged;
  for (const std::size_t i :
       best_first(picture.found.size(), [&](std::size_t k) { return picture.found[k].score; })) {
    if (judged.size() == kMostFound) break;
    const FoundBox& found = picture.found[i];
    double best = std::min(least_iou, 1 - 1e-10);
    std::optional<std::size_t> match;
    for (std::size_t k = 0; k < truth.size(); ++k) {
      if (taken[k] && !truth[k].ignored) continue;
      if (match && !truth[*match].ignored && truth[k].ignored) break;
      const double value = overlap(found.box, truth[k]);
      if (value < best) continue;
      best = value;
      match = k;
    }
    Verdict verdict = Verdict::wrong;
    if (match) {
      taken[*match] = true;
      verdict = truth[*match].ignored ? Verdict::ignored : Verdict::right;
    }
    judged.push_back({found.score, verdict});
  }
  return judged;
}

std::optional<AveragePrecision> average_precision(std::span<const ClassInPicture> pictures) {
  AveragePrecision result;
  for (const ClassInPicture& picture : pictures) {
    result.objects += static_cast<std::size_t>(std::count_if(
        picture.truth.begin(), picture.truth.end(), [](const TrueBox& t) { return !t.ignored; }));
  }
  if (result.objects == 0) return std::nullopt;
  for (int i = 0; i < kOverlaps; ++i) {
    std::vector<Judged> all;
    for (const ClassInPicture& picture : pictures) {
      const std::vector<Judged> some = judge(picture, overlap_at(i));
      all.insert(all.end(), some.begin(), some.end());
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Judged& a, const Judged& b) { return a.score > b.score; });
    const double value = mean_precision(all, result.objects);
    if (i == 0) result.ap50 = value;
    result.ap += value / kOverlaps;
  }
  return result;
}

}  // namespace lazarillo
