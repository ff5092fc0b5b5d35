#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eval/detection.h"
#include "eval/measured_floor.h"

namespace lazarillo {

/// The ground of one picture: as measured, and as the program finds it.
struct GroundPicture {
  std::string file;
  std::string set;
  std::optional<MeasuredFloor> floor;
  GroundPlane found;  ///< GroundPlane::seen: it was found
};

/// So much of the known cells must be floor for the program to find it.
inline constexpr double kLeastFloor = 0.1;

struct GroundScore {
  std::size_t pictures = 0;
  std::size_t with_floor = 0;  ///< kLeastFloor of them or more
  std::size_t found = 0;       ///< of these
  std::size_t without_floor = 0;
  std::size_t found_without = 0;  ///< false: of these
  // Of those found of those with floor.
  double tilt_median_deg = 0;  ///< between the two directions of down
  double tilt_p90_deg = 0;
  double height_median = 0;  ///< of |found height / true height - 1|
  double height_p90 = 0;
  double height_bias = 0;  ///< median of found height / true height - 1
};

/// By set, and "all".
using GroundScores = std::map<std::string, GroundScore>;

/// Looks for the ground in the depth that a run would compute, in each picture by itself: without
/// the picture before. `gravity_error_deg`: gravity is told as an IMU would, off by so much about
/// each of two axes (standard deviation, the same every time), from MeasuredPicture::down, else
/// from down_of_room(); unset: it is not. Throws as evaluate_depth().
[[nodiscard]] std::vector<GroundPicture> find_grounds(
    Perception& perception, const GroundOptions& options, const std::filesystem::path& folder,
    const Choice& choice, std::optional<double> gravity_error_deg, const EvalProgress& progress);

/// Degrees between the measured and the found direction of down. Both must be there.
[[nodiscard]] double tilt_error_deg(const GroundPicture& picture);
/// found height / true height - 1. Both must be there.
[[nodiscard]] double height_error(const GroundPicture& picture);

[[nodiscard]] GroundScores score(const std::vector<GroundPicture>& pictures);

}  // namespace lazarillo
