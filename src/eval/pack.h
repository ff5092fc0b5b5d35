#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "see/detections.h"

namespace lazarillo {

// A data set as docs/evaluation.md describes it: a folder with detect.jsonl (pictures with boxes),
// depth.jsonl (pictures with measured depth), classes.json, and the pictures.

/// An object as somebody labelled it.
struct LabelledObject {
  int class_id = 0;  ///< index into read_classes()
  Box box;           ///< pixels of the picture, from its edge
  bool difficult = false;
};

/// A line of detect.jsonl.
struct LabelledPicture {
  std::string file;
  int width = 0;
  int height = 0;
  std::string set;
  std::vector<LabelledObject> objects;
  /// Classes of which every object in the picture has a box; of others nothing is known.
  std::vector<int> labelled_classes;
};

/// A line of depth.jsonl.
struct MeasuredPicture {
  std::string file;
  std::string depth;  ///< 16-bit PNG, millimetres along the optical axis, 0: not known
  int width = 0;      ///< of the picture; the depth may have another size
  int height = 0;
  double focal_px = 0;  ///< of the picture
  std::string set;
  /// Where down is, unit, in the camera frame (x right, y down, z forward), where it was measured.
  std::optional<std::array<double, 3>> down;
};

/// Which lines are read.
struct Choice {
  std::string split = "val";
  std::size_t most = 0;  ///< only so many, spread over all; 0: all
};

// All throw Error(source) for a file that cannot be read, with the line's number for a line that is
// not as it should be; Error(usage) for a split that is not there, naming those that are.

[[nodiscard]] std::vector<std::string> read_classes(const std::filesystem::path& folder);
/// `classes`: how many there are.
[[nodiscard]] std::vector<LabelledPicture> read_labelled(const std::filesystem::path& folder,
                                                         const Choice& choice, std::size_t classes);
[[nodiscard]] std::vector<MeasuredPicture> read_measured(const std::filesystem::path& folder,
                                                         const Choice& choice);

}  // namespace lazarillo
