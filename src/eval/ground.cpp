#include "eval/ground.h"

#include <cmath>
#include <numbers>
#include <random>

#include "eval/picture.h"
#include "eval/quantile.h"

namespace lazarillo {
namespace {

bool shows_floor(const GroundPicture& picture) {
  return picture.floor && picture.floor->share >= kLeastFloor;
}

GroundScore score_of(const std::vector<const GroundPicture*>& pictures) {
  GroundScore score;
  score.pictures = pictures.size();
  std::vector<double> tilts, heights, off;
  for (const GroundPicture* picture : pictures) {
    if (!picture->floor) {
      ++score.without_floor;
      if (picture->found.seen) ++score.found_without;
    }
    if (!shows_floor(*picture)) continue;
    ++score.with_floor;
    if (!picture->found.seen) continue;
    ++score.found;
    tilts.push_back(tilt_error_deg(*picture));
    heights.push_back(height_error(*picture));
    off.push_back(std::abs(heights.back()));
  }
  score.tilt_median_deg = quantile(tilts, 0.5);
  score.tilt_p90_deg = quantile(tilts, 0.9);
  score.height_median = quantile(off, 0.5);
  score.height_p90 = quantile(off, 0.9);
  score.height_bias = quantile(heights, 0.5);
  return score;
}

}  // namespace

double tilt_error_deg(const GroundPicture& picture) {
  const Vector3& a = picture.floor->down;
  const Vector3& b = picture.found.down;
  const Vector3 across{a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                       a[0] * b[1] - a[1] * b[0]};
  return std::atan2(std::sqrt(dot(across, across)), dot(a, b)) * 180 / std::numbers::pi;
}

double height_error(const GroundPicture& picture) {
  return picture.found.height_m / picture.floor->height_m - 1;
}

std::vector<GroundPicture> find_grounds(Perception& perception, const GroundOptions& options,
                                        const std::filesystem::path& folder, const Choice& choice,
                                        std::optional<double> gravity_error_deg,
                                        const EvalProgress& progress) {
  const DataFiles files(folder);
  const std::vector<MeasuredPicture> rows = read_measured(folder, choice);
  std::vector<GroundPicture> pictures;
  std::minstd_rand random(1);
  for (const MeasuredPicture& row : rows) {
    const Frame frame = read_picture(files, row.file, row.width, row.height, row.focal_px);
    const MetricDepth truth = decode_depth(files.read(row.depth), row.depth, row.width);
    const auto depth = metric_depth(look(perception, frame, row.file));
    std::optional<MeasuredGravity> gravity;
    if (gravity_error_deg) {
      const Vector3 down = row.down ? *row.down : down_of_room(truth, frame.intrinsics);
      gravity = told_gravity(down, *gravity_error_deg, random);
    }
    pictures.push_back({row.file, row.set, find_floor(truth, frame.intrinsics, row.down),
                        GroundFinder(options).find(*depth, frame.intrinsics, gravity)});
    if (progress) progress(pictures.size(), rows.size());
  }
  return pictures;
}

GroundScores score(const std::vector<GroundPicture>& pictures) {
  std::map<std::string, std::vector<const GroundPicture*>> sets;
  for (const GroundPicture& picture : pictures) {
    sets["all"].push_back(&picture);
    sets[picture.set].push_back(&picture);
  }
  GroundScores scores;
  for (const auto& [name, some] : sets) scores[name] = score_of(some);
  return scores;
}

}  // namespace lazarillo
