#pragma once

#include <nlohmann/json.hpp>

#include "eval/report.h"

// What the reports share. Private to the .cpp files.

namespace lazarillo {

/// The keys every report begins with.
[[nodiscard]] nlohmann::ordered_json heading(const char* measured, const EvalAbout& about);

/// How much of the errors is inside how many sigmas, beside what a normal distribution has there.
[[nodiscard]] nlohmann::ordered_json curve_of(const SigmaCoverage& coverage);

/// "0.7-6 m"
[[nodiscard]] std::string name_of(const Band& band);

}  // namespace lazarillo
