#include <fmt/format.h>

#include <ostream>

#include "eval/report_parts.h"

namespace lazarillo {
namespace {

using nlohmann::ordered_json;

/// What is not known is null, not 0.
ordered_json errors_json(const DepthErrors& errors) {
  if (errors.weight() <= 0) {
    return {{"absrel", nullptr},
            {"rmse_m", nullptr},
            {"delta125", nullptr},
            {"bias", nullptr},
            {"inside_one_sigma", nullptr}};
  }
  return {{"absrel", errors.absrel()},
          {"rmse_m", errors.rmse_m()},
          {"delta125", errors.delta125()},
          {"bias", errors.bias()},
          {"inside_one_sigma", errors.has_sigma() ? ordered_json(errors.coverage().inside_one())
                                                  : ordered_json(nullptr)}};
}

ordered_json score_json(const DepthScore& score) {
  ordered_json result = errors_json(score.errors);
  result["images"] = score.pictures;
  ordered_json& bands = result["corridor"] = ordered_json::array();
  for (std::size_t i = 0; i < kBands.size(); ++i) {
    ordered_json band{{"from_m", kBands[i].from_m},
                      {"to_m", kBands[i].to_m},
                      {"pixels", static_cast<std::size_t>(score.corridor[i].weight())}};
    band.update(errors_json(score.corridor[i]));
    bands.push_back(std::move(band));
  }
  result["coverage"] = curve_of(score.errors.coverage());
  return result;
}

std::string row(const std::string& name, const std::string& count, const DepthErrors& errors) {
  if (errors.weight() <= 0) return fmt::format("  {:<18}{:>11}\n", name, count);
  return fmt::format(
      "  {:<18}{:>11}{:>9.4f}{:>9.3f}{:>10.4f}{:>8.3f}{:>10}\n", name, count, errors.absrel(),
      errors.rmse_m(), errors.delta125(), errors.bias(),
      errors.has_sigma() ? fmt::format("{:.3f}", errors.coverage().inside_one()) : "-");
}

}  // namespace

std::string to_json(const DepthScores& scores, const EvalAbout& about) {
  ordered_json result = heading("depth", about);
  result["corridor_half_m"] = kCorridorHalf_m;
  result.update(score_json(scores.at("all")));
  ordered_json& sets = result["per_set"] = ordered_json::object();
  for (const auto& [name, score] : scores) {
    if (name != "all") sets[name] = score_json(score);
  }
  return result.dump(2);
}

void print(const DepthScores& scores, std::ostream& out) {
  out << fmt::format("  {:<18}{:>11}{:>9}{:>9}{:>10}{:>8}{:>10}\n", "set", "images", "AbsRel",
                     "RMSE m", "d < 1.25", "bias", "in 1 s");
  for (const auto& [name, score] : scores) {
    out << row(name, std::to_string(score.pictures), score.errors);
  }
  out << fmt::format("\n  in the walking corridor, {:g} m to either side, all sets\n",
                     kCorridorHalf_m);
  const DepthScore& all = scores.at("all");
  for (std::size_t i = 0; i < kBands.size(); ++i) {
    out << row(name_of(kBands[i]), fmt::format("{:.0f} px", all.corridor[i].weight()),
               all.corridor[i]);
  }
  out << "\n  bias: mean logarithm of depth / truth; in 1 s: part of the errors within one stated "
         "sigma\n";
}

}  // namespace lazarillo
