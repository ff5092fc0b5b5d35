#pragma once

#include <span>
#include <vector>

#include "see/detections.h"

namespace lazarillo {

/// A box as the network gives it, in pixels of its input.
struct Candidate {
  Box box;
  float score = 0;
  int class_id = 0;
  int anchor = 0;  ///< place in the network's output; of equal scores the first wins
};

struct NmsLimits {
  std::size_t candidates = 3000;  ///< only so many, the best, enter the suppression
  std::size_t kept = 300;         ///< only so many, the best, leave it
};

// The readers append every anchor whose best class scores `threshold` or more, with that class (the
// lowest of equals). One anchor is one object: what it may also be is not told. Spans are
// row-major, without the leading 1.

/// boxes: Nx4, x1, y1, x2, y2 in input pixels; scores: NxC.
void decode_joint(std::span<const float> boxes, std::span<const float> scores, int classes,
                  float threshold, std::vector<Candidate>& candidates);

/// values: (4+C)xN, or Nx(4+C) when `transposed`: cx, cy, w, h, then C scores. The box is
/// multiplied by unit_x, unit_y: 1 for pixels, the input's size for units 0..1.
void decode_ultralytics(std::span<const float> values, int classes, bool transposed, float unit_x,
                        float unit_y, float threshold, std::vector<Candidate>& candidates);

/// values: Nx6, x1, y1, x2, y2, score, class, suppressed by the network itself. False when a box it
/// would append has a class that is not one of `classes`.
[[nodiscard]] bool decode_end_to_end(std::span<const float> values, int classes, float unit_x,
                                     float unit_y, float threshold,
                                     std::vector<Candidate>& candidates);

/// logits: NxC, a class's score is its sigmoid; boxes: Nx4, cx, cy, w, h. One anchor (a query) is
/// told once, and the network itself does not tell an object twice.
void decode_detr(std::span<const float> logits, std::span<const float> boxes, int classes,
                 float unit_x, float unit_y, float threshold, std::vector<Candidate>& candidates);

/// Sorts by score, best first, of equal scores the first anchor first, and cuts to `most`.
void keep_best(std::vector<Candidate>& candidates, std::size_t most);

/// Non-maximum suppression within each class: drops a box that overlaps a better one of its class
/// by an IoU above `iou_threshold`. Leaves the list sorted, best first.
void suppress(std::vector<Candidate>& candidates, float iou_threshold,
              const NmsLimits& limits = {});

/// No NaN, no infinity.
[[nodiscard]] bool all_finite(std::span<const float> values);

}  // namespace lazarillo
