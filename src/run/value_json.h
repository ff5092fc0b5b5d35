#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "path/corridor.h"
#include "see/depth.h"
#include "see/detections.h"
#include "track/track.h"

// Values as JSON, for processes (isolate/codec.h) and recordings (record/given.h). Private to run/.
// Reading throws nlohmann::json::exception where something lacks or has another type.

namespace lazarillo {

[[nodiscard]] nlohmann::json to_json(const FrameStamp& stamp);
[[nodiscard]] FrameStamp stamp_from(const nlohmann::json& j);
[[nodiscard]] nlohmann::json to_json(const Box& box);
[[nodiscard]] Box box_from(const nlohmann::json& j);
[[nodiscard]] nlohmann::json to_json(const std::optional<double>& value);
[[nodiscard]] std::optional<double> number_from(const nlohmann::json& j);
[[nodiscard]] nlohmann::json to_json(const Detections& detections);
/// `labels` are the detector's; they do not travel.
[[nodiscard]] Detections detections_from(const nlohmann::json& j, const Labels& labels);

[[nodiscard]] nlohmann::json to_json(const Track& track);
[[nodiscard]] Track track_from(const nlohmann::json& j);
[[nodiscard]] nlohmann::json to_json(const CorridorView& view);
[[nodiscard]] CorridorView view_from(const nlohmann::json& j);

/// A depth map: what stands in the object, and the numbers that follow it, wherever they are put.
struct DepthParts {
  nlohmann::json description;  ///< null: there is no map
  std::span<const float> values;
  std::span<const float> sigmas;
};
[[nodiscard]] DepthParts parts_of(const Depth& depth);
/// `numbers`: the values, then the sigmas; more may follow. Throws std::out_of_range where they are
/// fewer than the description says.
[[nodiscard]] Depth depth_from(const nlohmann::json& description, std::span<const float> numbers);

}  // namespace lazarillo
