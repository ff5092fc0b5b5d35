#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "eval/average_precision.h"
#include "eval/pack.h"
#include "eval/reliability.h"
#include "see/perception.h"
#include "track/object_catalog.h"

namespace lazarillo {

/// Told after each picture: how many of how many.
using EvalProgress = std::function<void(std::size_t done, std::size_t all)>;

/// A detection of a class that the data set knows.
struct FoundObject {
  std::size_t name = 0;  ///< index into DetectionRun::names
  Box box;
  float score = 0;
};

/// What the program found in a data set, beside what was labelled.
struct DetectionRun {
  /// Canonical names (ObjectCatalog) of the data set's classes, each once.
  std::vector<std::string> names;
  std::vector<bool> known;                 ///< to the network, as names
  std::vector<std::size_t> name_of_class;  ///< of the data set's classes
  std::vector<LabelledPicture> pictures;
  std::vector<std::vector<FoundObject>> found;  ///< as pictures

  /// Whether every object of this name is labelled in the picture: only then it counts there.
  [[nodiscard]] bool labelled(std::size_t picture, std::size_t name) const;
};

/// Looks at every picture. `hfov_deg`: of the camera, for networks that also give depth. Throws
/// Error(source), Error(usage) as pack.h and picture.h say, Error(vision) as look().
[[nodiscard]] DetectionRun detect(Perception& perception, const std::vector<std::string>& labels,
                                  const ObjectCatalog& catalog, const std::filesystem::path& folder,
                                  const Choice& choice, double hfov_deg,
                                  const EvalProgress& progress);

struct ClassScore {
  std::string name;
  AveragePrecision precision;
  std::size_t images = 0;  ///< labelled for it
  Reliability reliability;
};

/// Means are over the classes that have an object and that the network knows.
struct SetScore {
  double ap50 = 0;
  double ap = 0;
  std::size_t images = 0;
  std::vector<ClassScore> classes;
};

struct DetectionScore {
  SetScore all;
  std::map<std::string, SetScore> sets;  ///< by the pictures' set
  Reliability reliability;
  std::vector<std::string> unknown;  ///< names with objects that the network does not know
};

/// Weaker detections are of no interest to anybody: reliability leaves them out.
inline constexpr double kLeastReliableScore = 0.05;

/// Throws Error(source) when no object counts.
[[nodiscard]] DetectionScore score(const DetectionRun& run);

}  // namespace lazarillo
