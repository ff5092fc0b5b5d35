#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace lazarillo {

// COCO's measure of a detector (Lin et al., Microsoft COCO, ECCV 2014; cocodataset.org, detection
// evaluation), computed as pycocotools does, to the same numbers.

/// A box as COCO writes it, pixels: its top left corner and its size.
struct CocoBox {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

struct TrueBox {
  CocoBox box;
  /// Counts neither way: not missed when nobody finds it, and what finds it is not wrong, however
  /// often. Overlap with it is the part of the found box that lies in it (COCO's "crowd").
  bool ignored = false;
};

struct FoundBox {
  CocoBox box;
  double score = 0;
};

/// One class in one picture.
struct ClassInPicture {
  std::vector<TrueBox> truth;
  std::vector<FoundBox> found;
};

enum class Verdict { right, wrong, ignored };

/// What each of the found boxes is, when an overlap of `least_iou` makes it the true one: the best
/// score chooses first, an object is found once. Only the kMostFound best are judged.
inline constexpr std::size_t kMostFound = 100;
struct Judged {
  double score = 0;
  Verdict verdict = Verdict::wrong;
};
/// Best score first; of equal scores the first found.
[[nodiscard]] std::vector<Judged> judge(const ClassInPicture& picture, double least_iou);

struct AveragePrecision {
  double ap50 = 0;  ///< at an overlap of 0.5
  double ap = 0;    ///< mean over the overlaps 0.50, 0.55 .. 0.95
  std::size_t objects = 0;
};

/// Of one class over its pictures: the mean of the precision at 101 values of the recall. nullopt
/// without an object that counts.
[[nodiscard]] std::optional<AveragePrecision> average_precision(
    std::span<const ClassInPicture> pictures);

}  // namespace lazarillo
