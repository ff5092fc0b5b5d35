#pragma once

#include <limits>
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
  double compared = 0.1;  ///< boxes are compared that the reference scores so high
  int at_least = 20;      ///< and so many of each picture, whatever their score
  double box_px = 2;      ///< an edge, pixels of the input
  double overlap = 0;     ///< least intersection over union
  double score = 0.03;
  double depth_median = 0.01;  ///< relative
  double depth_p99 = 0.05;

  /// Of a network with 8-bit products. Its answers are others, not only less exact ones: that they
  /// are as good is measured on labelled pictures before its file is shipped
  /// (training/evaluate.py). What is asked of the card is that it sees the same objects in the same
  /// places, at the same distance.
  static PlanLimits of_int8() {
    return {0.5, 0, std::numeric_limits<double>::infinity(), 0.7, 0.25, 0.03, 0.25};
  }
};

[[nodiscard]] inline PlanLimits limits_of(const NetworkManifest& network) {
  return network.int8 ? PlanLimits::of_int8() : PlanLimits{};
}

/// Gives both engines the same pictures and compares what they say: the boxes that the reference
/// scores `compared` or more after suppression (and its `at_least` best of each picture, so that a
/// network with random weights is compared, too; of those the class does not count), each with the
/// same anchor's, or, of a network that suppresses by itself, with the nearest of its class; and
/// every cell of the depth map. A network with 8-bit products of which no box could be compared has
/// not passed. Both run the network of the manifest for one picture. Throws Error.
[[nodiscard]] PlanCheck check_engine(const NetworkManifest& network, Engine& tried,
                                     Engine& reference, std::span<const Frame> pictures,
                                     const PlanLimits& limits);

}  // namespace lazarillo
