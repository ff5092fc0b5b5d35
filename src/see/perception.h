#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "infer/model_set.h"
#include "see/depth.h"
#include "see/detections.h"

namespace lazarillo {

/// What one frame shows.
struct Sighting {
  Detections detections;
  /// Of a joint network, from the same frame; empty for a pair until its depth is joined in.
  Depth depth;
  /// Why this frame could not be seen ("the network's output 'scores' is not finite"); empty when
  /// it could. A frame with a fault has no detections and no depth.
  std::string fault;
  /// tensorrt: why a pair's depth says nothing of this frame; its detections stand.
  std::string depth_fault;
  double preprocess_ms = 0;
  double inference_ms = 0;
  double postprocess_ms = 0;
  double gpu_ms = 0;  ///< of all that, the card's own time; 0 on the processor
};

/// What a depth network says of one frame.
struct DepthSighting {
  FrameStamp stamp;
  Depth depth;
  std::string fault;  ///< as Sighting::fault; such a frame has no depth
  double preprocess_ms = 0;
  double inference_ms = 0;
  double postprocess_ms = 0;
};

struct PerceptionOptions {
  /// Boxes below are dropped. Deliberately lower than what a model suggests (suggested_score()):
  /// the tracker keeps an object alive with boxes that would be too weak to start one.
  double score_threshold = 0.1;
  double nms_iou = 0;     ///< boxes that overlap more are one; 0 takes the model's own suggestion
  bool depth = true;      ///< run the depth network of a pair; a joint network always gives it
  int threads = 0;        ///< threads of the detector or joint network; 0: one per core
  int depth_threads = 0;  ///< threads of a pair's depth network; 0: one per core
  std::string precision = "f32";  ///< or "bf16": faster where the processor has it
  /// "openvino": on the processor; "tensorrt": on an NVIDIA card, where everything stays on the
  /// card: precision is then what the network's file has, a pair's depth comes with the detections,
  /// and each detection brings its own depth. Never the other in place of the one that was asked
  /// for.
  std::string engine = "openvino";
  /// tensorrt: depth maps in metres, or relative ones, are brought back from the card, 104 cells
  /// across at most (see/map_sample.h): those to look along the way, these to be shown.
  bool metric_maps = true;
  bool relative_maps = true;
  /// tensorrt: depth maps are brought back, and a pair's depth network runs, on every n-th frame.
  int depth_interval = 1;
  int gpu_memory_mb = 0;  ///< tensorrt: no more of the card's memory than this; 0: all
  /// Frames the detector or joint network takes in one call; a second network is loaded for calls
  /// with as many frames, others run one by one. Throws where the network's file cannot be resized.
  int batch = 1;
};

/// Runs the networks of a model set on frames. One thread at a time may call see(), and one, the
/// same or another, measure_depth().
class Perception {
 public:
  /// Loads the networks, runs each once, and checks the shapes found against the manifests: a
  /// manifest that does not fit its network is refused with both shapes in one line. (Missing and
  /// altered files are load_model_set's matter.) Throws Error(model).
  Perception(const ModelSet& models, const PerceptionOptions& options);
  ~Perception();

  /// Finds objects; a joint network's depth too. Never throws for what is in the picture or comes
  /// out of the network: see Sighting::fault.
  [[nodiscard]] Sighting see(const Frame& frame);
  /// The same for several frames, of several cameras or moments: in one call of the network when
  /// they are `batch`. Times are the call's, shared out evenly.
  [[nodiscard]] std::vector<Sighting> see(std::span<const Frame> frames);

  /// True for a pair: depth comes from measure_depth().
  [[nodiscard]] bool has_depth_network() const;
  /// Only when has_depth_network(). Never throws, as see().
  [[nodiscard]] DepthSighting measure_depth(const Frame& frame);

  /// Score from which the model's maker takes a box for an object, 0..1.
  [[nodiscard]] double suggested_score() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
