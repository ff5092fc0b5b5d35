#pragma once

#include <memory>
#include <string>

#include "infer/model_set.h"
#include "see/depth.h"
#include "see/detections.h"

namespace lazarillo {

/// What one frame shows.
struct Sighting {
  Detections detections;
  Depth depth;
  /// Why this frame could not be seen ("the network's output 'scores' is not finite"); empty when
  /// it could. A frame with a fault has no detections and no depth.
  std::string fault;
  double preprocess_ms = 0;
  double inference_ms = 0;
  double postprocess_ms = 0;
};

struct PerceptionOptions {
  /// Boxes below are dropped. Deliberately lower than what a model suggests (suggested_score()):
  /// the tracker keeps an object alive with boxes that would be too weak to start one.
  double score_threshold = 0.1;
  double nms_iou = 0;      ///< boxes that overlap more are one; 0 takes the model's own suggestion
  bool depth = true;       ///< run the depth network of a pair; a joint network always gives it
  int depth_interval = 6;  ///< a pair's depth network runs on every n-th frame
  int threads = 0;         ///< engine threads; 0: one per core
};

/// Runs the networks of a model set on frames. Not thread-safe; one thread at a time.
class Perception {
 public:
  /// Loads the networks, runs each once, and checks the shapes found against the manifests: a
  /// manifest that does not fit its network is refused with both shapes in one line. (Missing and
  /// altered files are load_model_set's matter.) Throws Error(model).
  Perception(const ModelSet& models, const PerceptionOptions& options);
  ~Perception();

  /// Never throws for what is in the picture or comes out of the network: see Sighting::fault.
  /// A pair's depth comes from its last depth frame of the same camera, with that frame's stamp.
  [[nodiscard]] Sighting see(const Frame& frame);

  /// Score from which the model's maker takes a box for an object, 0..1.
  [[nodiscard]] double suggested_score() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
