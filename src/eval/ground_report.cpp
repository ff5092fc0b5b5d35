#include <fmt/format.h>

#include <ostream>

#include "eval/report_parts.h"

namespace lazarillo {
namespace {

using nlohmann::ordered_json;

/// What is not known is null, not 0.
ordered_json score_json(const GroundScore& score) {
  const auto known = [&](double value) {
    return score.found > 0 ? ordered_json(value) : ordered_json(nullptr);
  };
  return {{"images", score.pictures},
          {"with_floor", score.with_floor},
          {"found", score.found},
          {"without_floor", score.without_floor},
          {"found_without_floor", score.found_without},
          {"tilt_median_deg", known(score.tilt_median_deg)},
          {"tilt_p90_deg", known(score.tilt_p90_deg)},
          {"height_median_error", known(score.height_median)},
          {"height_p90_error", known(score.height_p90)},
          {"height_bias", known(score.height_bias)}};
}

ordered_json picture_json(const GroundPicture& picture) {
  const bool both = picture.floor && picture.found.seen;
  const auto where = [](bool there, double value) {
    return there ? ordered_json(value) : ordered_json(nullptr);
  };
  return {{"file", picture.file},
          {"set", picture.set},
          {"floor_share", picture.floor ? picture.floor->share : 0.0},
          {"found", picture.found.seen},
          {"tilt_error_deg", both ? ordered_json(tilt_error_deg(picture)) : ordered_json(nullptr)},
          {"true_height_m",
           picture.floor ? ordered_json(picture.floor->height_m) : ordered_json(nullptr)},
          {"height_m", where(picture.found.seen, picture.found.height_m)},
          {"pitch_deg", where(picture.found.seen, picture.found.pitch_deg())},
          {"roll_deg", where(picture.found.seen, picture.found.roll_deg())}};
}

std::string row(const std::string& name, const GroundScore& score) {
  std::string line =
      fmt::format("  {:<12}{:>8}{:>8}{:>8}{:>10}{:>8}", name, score.pictures, score.with_floor,
                  score.found, score.without_floor, score.found_without);
  if (score.found > 0) {
    line +=
        fmt::format("{:>9.2f}{:>9.2f}{:>9.3f}{:>9.3f}{:>8.3f}", score.tilt_median_deg,
                    score.tilt_p90_deg, score.height_median, score.height_p90, score.height_bias);
  }
  return line + '\n';
}

}  // namespace

std::string to_json(const Grounds& grounds, const EvalAbout& about) {
  ordered_json result = heading("ground", about);
  result["least_floor"] = kLeastFloor;
  result["gravity_error_deg"] =
      grounds.gravity_error_deg ? ordered_json(*grounds.gravity_error_deg) : ordered_json(nullptr);
  result.update(score_json(grounds.scores.at("all")));
  ordered_json& sets = result["per_set"] = ordered_json::object();
  for (const auto& [name, score] : grounds.scores) {
    if (name != "all") sets[name] = score_json(score);
  }
  ordered_json& pictures = result["pictures"] = ordered_json::array();
  for (const GroundPicture& picture : grounds.pictures) pictures.push_back(picture_json(picture));
  return result.dump(2);
}

void print(const Grounds& grounds, std::ostream& out) {
  out << fmt::format("  {:<12}{:>8}{:>8}{:>8}{:>10}{:>8}{:>9}{:>9}{:>9}{:>9}{:>8}\n", "set",
                     "images", "floor", "found", "no floor", "found", "tilt", "90 %", "height",
                     "90 %", "bias");
  for (const auto& [name, score] : grounds.scores) out << row(name, score);
  out << fmt::format(
      "\n  floor: images where it is {:g} % or more; no floor: where none was measured; tilt: "
      "degrees, median\n  error of those found with floor; height: of the camera, relative error\n",
      100 * kLeastFloor);
}

}  // namespace lazarillo
