#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eval/depth.h"

namespace lazarillo {

/// An object whose true distance was measured.
struct DistantObject {
  std::string file;
  std::string set;
  std::string name;       ///< canonical
  bool labelled = false;  ///< somebody drew its box; else it is as the network found it
  Box box;                ///< that the truth was read in
  /// From the camera over the real ground, as the program means it (track/track.h).
  double truth_m = 0;

  bool found = false;  ///< what follows is of the detection that found it
  double score = 0;
  std::optional<double> distance_m;  ///< not where neither depth nor height tells one
  double sigma_relative = 0;         ///< stated, as a part of the distance
  double bearing_error_deg = 0;      ///< of the middle of its box, by how the camera is held
  std::optional<double> depth_m;     ///< the distance by the depth map alone
  std::optional<double> height_m;    ///< by the known height alone

  [[nodiscard]] double relative_error() const { return *distance_m / truth_m - 1; }
};

/// Which objects are measured.
enum class Objects {
  /// Labelled boxes where a picture has some, else what the network finds in it.
  any,
  labelled,
  found
};

/// Measures every object of the pictures with depth. Its truth is the densest part of the nearer
/// measured depth in its box (range_from_depth), where half of the box's core or more is known. A
/// labelled object is found by a detection of its class with an overlap of 0.5 or more; detections
/// count from `least_score`. The distance is as Tracker makes it of one picture: by the depth map
/// and the known height, over the ground by the gravity that `gravity_error_deg` tells as
/// find_grounds() does, else as of a level camera. Throws as detect(), Error(source) when there is
/// no object.
[[nodiscard]] std::vector<DistantObject> measure_distances(
    Perception& perception, const ObjectCatalog& catalog, const std::filesystem::path& folder,
    const Choice& choice, Objects which, double least_score,
    std::optional<double> gravity_error_deg, const EvalProgress& progress);

/// The distances that decide what a walker is told.
inline constexpr Band kWalkersBand{0.7, 6};

struct DistanceErrors {
  std::size_t objects = 0;
  std::size_t found = 0;       ///< with a distance
  double median = 0;           ///< of |relative error|, of those found
  double p90 = 0;              ///< the error that 90 of 100 stay within
  double bias = 0;             ///< median of the relative error
  double bearing_p90_deg = 0;  ///< the bearing's error that 90 of 100 stay within
  SigmaCoverage coverage;      ///< of |log(distance / truth)|
};

struct DistanceScore {
  DistanceErrors walkers;  ///< true distance in kWalkersBand
  DistanceErrors all;
  std::map<std::string, DistanceErrors> classes;  ///< these two of kWalkersBand
  std::map<std::string, DistanceErrors> sets;
  std::vector<DistanceErrors> bands;  ///< as kBands
};

[[nodiscard]] DistanceScore score(const std::vector<DistantObject>& objects);

}  // namespace lazarillo
