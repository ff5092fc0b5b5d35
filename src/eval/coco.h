#pragma once

#include <filesystem>

#include "eval/detection.h"

namespace lazarillo {

/// Writes what was labelled and what was found, as far as it counts, in COCO's formats:
/// ground_truth.json and detections.json. pycocotools makes the same numbers of them as score().
/// Ids count from 1: pictures as in the run, categories as its names. Throws Error(output).
void write_coco(const DetectionRun& run, const std::filesystem::path& folder);

}  // namespace lazarillo
