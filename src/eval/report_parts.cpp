#include "eval/report_parts.h"

#include <fmt/format.h>

namespace lazarillo {

nlohmann::ordered_json heading(const char* measured, const EvalAbout& about) {
  nlohmann::ordered_json result{{"schema", 1}, {"measured", measured}, {"data", about.data}};
  if (!about.split.empty()) result["split"] = about.split;
  result["models"] = about.models;
  if (!about.network.empty()) {
    result["network"] = {{"file", about.network}, {"sha256", about.sha256}};
  }
  result["seconds"] = about.seconds;
  if (about.least_score > 0) result["least_score"] = about.least_score;
  return result;
}

nlohmann::ordered_json curve_of(const SigmaCoverage& coverage) {
  nlohmann::ordered_json curve = nlohmann::ordered_json::array();
  for (std::size_t step = 1; step <= SigmaCoverage::kSteps; ++step) {
    curve.push_back({{"sigmas", static_cast<double>(step) * SigmaCoverage::kStep},
                     {"expected", SigmaCoverage::expected(step)},
                     {"inside", coverage.inside(step)}});
  }
  return curve;
}

std::string name_of(const Band& band) { return fmt::format("{:g}-{:g} m", band.from_m, band.to_m); }

}  // namespace lazarillo
