#include <fmt/format.h>

#include <ostream>

#include "eval/report_parts.h"

namespace lazarillo {
namespace {

using nlohmann::ordered_json;

ordered_json number(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json errors_json(const DistanceErrors& errors) {
  const auto known = [&](double value) {
    return errors.found > 0 ? ordered_json(value) : ordered_json(nullptr);
  };
  return {{"count", errors.objects},
          {"found", errors.found},
          {"missed", errors.objects - errors.found},
          {"median_error", known(errors.median)},
          {"p90_error", known(errors.p90)},
          {"bias", known(errors.bias)},
          {"inside_one_sigma", known(errors.coverage.inside_one())},
          {"bearing_p90_deg", known(errors.bearing_p90_deg)}};
}

ordered_json object_json(const DistantObject& o) {
  return {
      {"file", o.file},
      {"set", o.set},
      {"class", o.name},
      {"labelled", o.labelled},
      {"box", {o.box.x1, o.box.y1, o.box.x2, o.box.y2}},
      {"truth_m", o.truth_m},
      {"found", o.found},
      {"score", o.found ? ordered_json(o.score) : ordered_json(nullptr)},
      {"distance_m", number(o.distance_m)},
      {"sigma_relative", o.distance_m ? ordered_json(o.sigma_relative) : ordered_json(nullptr)},
      {"bearing_error_deg", o.found ? ordered_json(o.bearing_error_deg) : ordered_json(nullptr)},
      {"depth_m", number(o.depth_m)},
      {"height_m", number(o.height_m)}};
}

std::string row(const std::string& name, const DistanceErrors& errors) {
  const std::string counts = fmt::format("  {:<18}{:>8}{:>7}", name, errors.objects, errors.found);
  if (errors.found == 0) return counts + '\n';
  return counts + fmt::format("{:>9.3f}{:>9.3f}{:>9.3f}{:>8.3f}{:>9.1f}\n", errors.median,
                              errors.p90, errors.bias, errors.coverage.inside_one(),
                              errors.bearing_p90_deg);
}

}  // namespace

std::string to_json(const Distances& distances, const EvalAbout& about) {
  const DistanceScore& score = distances.score;
  ordered_json result = heading("distance", about);
  result["from_m"] = kWalkersBand.from_m;
  result["to_m"] = kWalkersBand.to_m;
  result.update(errors_json(score.walkers));
  result["all_distances"] = errors_json(score.all);
  for (const auto& [key, parts] :
       {std::pair("per_class", &score.classes), std::pair("per_set", &score.sets)}) {
    ordered_json& group = result[key] = ordered_json::object();
    for (const auto& [name, errors] : *parts) group[name] = errors_json(errors);
  }
  ordered_json& bands = result["per_band"] = ordered_json::array();
  for (std::size_t i = 0; i < kBands.size(); ++i) {
    ordered_json band{{"from_m", kBands[i].from_m}, {"to_m", kBands[i].to_m}};
    band.update(errors_json(score.bands[i]));
    bands.push_back(std::move(band));
  }
  result["coverage"] = curve_of(score.walkers.coverage);
  ordered_json& objects = result["objects"] = ordered_json::array();
  for (const DistantObject& object : distances.objects) objects.push_back(object_json(object));
  return result.dump(2);
}

void print(const Distances& distances, std::ostream& out) {
  const DistanceScore& score = distances.score;
  const auto title = [&](const std::string& name) {
    out << fmt::format("  {:<18}{:>8}{:>7}{:>9}{:>9}{:>9}{:>8}{:>9}\n", name, "objects", "found",
                       "median", "90 %", "bias", "in 1 s", "bearing");
  };
  title("true distance");
  out << row(name_of(kWalkersBand), score.walkers);
  for (std::size_t i = 0; i < kBands.size(); ++i) out << row(name_of(kBands[i]), score.bands[i]);
  out << row("all", score.all) << '\n';
  title("set, " + name_of(kWalkersBand));
  for (const auto& [name, errors] : score.sets) out << row(name, errors);
  out << '\n';
  title("class, " + name_of(kWalkersBand));
  for (const auto& [name, errors] : score.classes) out << row(name, errors);
  out << "\n  median, 90 %: of the relative error's size; bias: of the error itself; in 1 s: part "
         "of the errors\n  within one stated sigma; bearing: 90 of 100 are off by less, degrees\n";
}

}  // namespace lazarillo
