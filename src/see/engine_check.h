#pragma once

#include <span>

#include "infer/engine.h"
#include "infer/model_set.h"
#include "infer/plan_store.h"
#include "source/frame.h"

namespace lazarillo {

/// How far a compiled network may be from the same network in FP32. FP16 has 11 bits: an edge 300
/// pixels from its anchor moves by 0.15. What is beyond is a wrong kernel or a layer that FP16
/// breaks.
struct PlanLimits {
  double box_px = 2;  ///< an edge, pixels of the input
  double score = 0.03;
  double depth_median = 0.01;  ///< relative
  double depth_p99 = 0.05;
};

/// Gives both engines the same pictures and compares what they say: the boxes that the reference
/// scores 0.1 or more after suppression (at least its twenty best of each picture, so that a
/// network with random weights is compared, too; of those the class does not count), each with the
/// same anchor's, or, of a network that suppresses by itself, with the nearest of its class; and
/// every cell of the depth map. Both run the network of the manifest for one picture. Throws Error.
[[nodiscard]] PlanCheck check_engine(const NetworkManifest& network, Engine& tried,
                                     Engine& reference, std::span<const Frame> pictures,
                                     const PlanLimits& limits = {});

}  // namespace lazarillo
