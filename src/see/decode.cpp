#include "see/decode.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace lazarillo {
namespace {

struct Best {
  float score;
  int class_id;
};

Best best_of(const float* scores, int classes) {
  Best best{scores[0], 0};
  for (int c = 1; c < classes; ++c) {
    if (scores[c] > best.score) best = {scores[c], c};
  }
  return best;
}

Box from_centre(float cx, float cy, float w, float h, float unit_x, float unit_y) {
  return {(cx - w / 2) * unit_x, (cy - h / 2) * unit_y, (cx + w / 2) * unit_x,
          (cy + h / 2) * unit_y};
}

}  // namespace

void decode_joint(std::span<const float> boxes, std::span<const float> scores, int classes,
                  float threshold, std::vector<Candidate>& candidates) {
  const int anchors = static_cast<int>(boxes.size() / 4);
  const float* score = scores.data();
  const float* b = boxes.data();
  for (int i = 0; i < anchors; ++i, score += classes, b += 4) {
    const Best best = best_of(score, classes);
    if (best.score < threshold) continue;
    candidates.push_back({{b[0], b[1], b[2], b[3]}, best.score, best.class_id, i});
  }
}

void decode_ultralytics(std::span<const float> values, int classes, bool transposed, float unit_x,
                        float unit_y, float threshold, std::vector<Candidate>& candidates) {
  const int rows = 4 + classes;
  const int anchors = static_cast<int>(values.size() / static_cast<std::size_t>(rows));
  if (transposed) {
    const float* v = values.data();
    for (int i = 0; i < anchors; ++i, v += rows) {
      const Best best = best_of(v + 4, classes);
      if (best.score < threshold) continue;
      candidates.push_back(
          {from_centre(v[0], v[1], v[2], v[3], unit_x, unit_y), best.score, best.class_id, i});
    }
    return;
  }

  // Class by class over a block of anchors: reads the memory in its order.
  constexpr int kBlock = 256;
  std::array<float, kBlock> best_score{};
  std::array<int, kBlock> best_class{};
  const std::ptrdiff_t row = anchors;
  for (int first = 0; first < anchors; first += kBlock) {
    const int count = std::min(kBlock, anchors - first);
    const float* block = values.data() + first;
    best_score.fill(-std::numeric_limits<float>::infinity());
    best_class.fill(0);
    for (int c = 0; c < classes; ++c) {
      const float* score = block + (4 + c) * row;
      for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        const bool better = score[i] > best_score[i];
        best_score[i] = better ? score[i] : best_score[i];
        best_class[i] = better ? c : best_class[i];
      }
    }
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (best_score[at] < threshold) continue;
      const float* v = block + i;
      candidates.push_back({from_centre(v[0], v[row], v[2 * row], v[3 * row], unit_x, unit_y),
                            best_score[at], best_class[at], first + i});
    }
  }
}

bool decode_end_to_end(std::span<const float> values, int classes, float unit_x, float unit_y,
                       float threshold, std::vector<Candidate>& candidates) {
  const int boxes = static_cast<int>(values.size() / 6);
  const float* v = values.data();
  for (int i = 0; i < boxes; ++i, v += 6) {
    if (v[4] < threshold) continue;
    const float class_id = std::round(v[5]);
    if (class_id < 0 || class_id >= static_cast<float>(classes)) return false;
    candidates.push_back({{v[0] * unit_x, v[1] * unit_y, v[2] * unit_x, v[3] * unit_y},
                          v[4],
                          static_cast<int>(class_id),
                          i});
  }
  return true;
}

void decode_detr(std::span<const float> logits, std::span<const float> boxes, int classes,
                 float unit_x, float unit_y, float threshold, std::vector<Candidate>& candidates) {
  const int anchors = static_cast<int>(boxes.size() / 4);
  const float* logit = logits.data();
  const float* b = boxes.data();
  for (int i = 0; i < anchors; ++i, logit += classes, b += 4) {
    // The sigmoid rises with its logit: the best logit is the best score.
    const Best best = best_of(logit, classes);
    const float score = 1 / (1 + std::exp(-best.score));
    if (score < threshold) continue;
    candidates.push_back(
        {from_centre(b[0], b[1], b[2], b[3], unit_x, unit_y), score, best.class_id, i});
  }
}

void keep_best(std::vector<Candidate>& candidates, std::size_t most) {
  const auto before = [](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : a.anchor < b.anchor;
  };
  if (candidates.size() > most) {
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(most),
                     candidates.end(), before);
    candidates.resize(most);
  }
  std::sort(candidates.begin(), candidates.end(), before);
}

void suppress(std::vector<Candidate>& candidates, float iou_threshold, const NmsLimits& limits) {
  keep_best(candidates, limits.candidates);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < candidates.size() && kept < limits.kept; ++i) {
    const Candidate candidate = candidates[i];
    const auto hides = [&](const Candidate& better) {
      return better.class_id == candidate.class_id &&
             iou(better.box, candidate.box) > iou_threshold;
    };
    const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(kept);
    if (std::none_of(candidates.begin(), end, hides)) candidates[kept++] = candidate;
  }
  candidates.resize(kept);
}

bool all_finite(std::span<const float> values) {
  // One comparison a value, without a branch, so that the compiler makes it wide.
  unsigned bad = 0;
  for (const float v : values) bad |= !(std::fabs(v) <= std::numeric_limits<float>::max());
  return bad == 0;
}

}  // namespace lazarillo
