#pragma once

#include <cstddef>
#include <optional>

#include "infer/engine.h"
#include "infer/model_set.h"

namespace lazarillo {

/// Which of a network's outputs is what; only what the task has is set.
struct OutputPlan {
  std::size_t boxes = 0;   ///< joint, detr; other detectors: the one output
  std::size_t scores = 0;  ///< joint; detr: the logits
  std::size_t depth = 0;
  std::optional<std::size_t> depth_sigma;
  bool transposed = false;  ///< ultralytics: 1xNx(4+C)
};

/// The shape of the input the manifest describes.
[[nodiscard]] std::vector<std::int64_t> input_shape(const NetworkManifest& network);

/// Compares a network that has just run with its manifest. Throws Error(model) with both shapes
/// side by side where they differ.
[[nodiscard]] OutputPlan check_contract(const NetworkManifest& network, const Engine& engine);

/// The same for the input alone, before anything is written into it.
void check_input(const NetworkManifest& network, const Engine& engine);

}  // namespace lazarillo
