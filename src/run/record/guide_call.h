#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "run/guide_stage.h"
#include "run/values.h"

namespace lazarillo {

/// Live, no value came for a while.
struct GuideIdle {};
/// No value will come.
struct GuideEnd {};
/// Everything a guide stage is called with.
using GuideCall =
    std::variant<Frame, Seen, DepthSighting, VisionBreak, Command, GuideIdle, GuideEnd>;

void call(GuideStage& stage, GuideCall value);
[[nodiscard]] GuideCall widened(GuideInput input);

/// The value without pictures and the numbers of depth maps: a guide looks at neither.
[[nodiscard]] GuideCall without_pixels(const GuideCall& value);

/// One call of a guide stage, with all that a GuideWitness was told while it worked, in order.
struct RecordedCall {
  std::uint64_t number = 0;         ///< from 0; what was not recorded keeps its number
  GuideCall value;                  ///< without_pixels()
  std::vector<std::int64_t> clock;  ///< ns
  std::vector<Tracks> tracks;
  std::vector<CorridorView> views;
  std::optional<LastSaid> said;
};

/// A line of a recording, type "given" (docs/recording.md).
[[nodiscard]] std::string line_of(const RecordedCall& call);
/// `labels` are the detector's. Throws nlohmann::json::exception or std::out_of_range where the
/// line is not one of these.
[[nodiscard]] RecordedCall recorded_call(const nlohmann::json& line, const Labels& labels);

/// Bytes of memory that a call holds, roughly.
[[nodiscard]] std::size_t bytes_of(const RecordedCall& call);

}  // namespace lazarillo
