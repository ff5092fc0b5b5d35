#include "see/perception.h"

#include <algorithm>
#include <chrono>

#include "error.h"
#include "infer/engine.h"
#include "see/contract.h"
#include "see/decode.h"
#include "see/letterbox.h"

namespace lazarillo {
namespace {

/// Milliseconds since the last call.
class Lap {
 public:
  double ms() {
    const auto now = std::chrono::steady_clock::now();
    const double passed = std::chrono::duration<double, std::milli>(now - last_).count();
    last_ = now;
    return passed;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::unique_ptr<Engine> load(const NetworkManifest& manifest, int threads) {
  auto engine = make_openvino_engine(manifest.file, {threads, input_shape(manifest)});
  check_input(manifest, *engine);
  const std::span<float> input = engine->input(0);
  std::fill(input.begin(), input.end(), 0.5F);
  engine->run();
  return engine;
}

struct Network {
  Network(const NetworkManifest& m, int threads)
      : manifest(m), engine(load(m, threads)), letterbox(m), plan(check_contract(m, *engine)) {}

  NetworkManifest manifest;
  std::unique_ptr<Engine> engine;
  Letterbox letterbox;
  OutputPlan plan;

  /// The values of an output. Throws for one that is not finite; see() makes that a fault.
  [[nodiscard]] TensorView finite_output(std::size_t index) const {
    TensorView view = engine->output(index);
    if (!all_finite(view.values)) {
      throw Error(ExitCode::vision, "the output '" + engine->outputs()[index].name + "' of '" +
                                        manifest.name + "' is not finite");
    }
    return view;
  }

  LetterboxMapping run(const Frame& frame, Sighting& sighting) {
    Lap lap;
    const LetterboxMapping mapping = letterbox.fill(frame, engine->input(0));
    sighting.preprocess_ms += lap.ms();
    engine->run();
    sighting.inference_ms += lap.ms();
    return mapping;
  }
};

void check_frame(const Frame& frame) {
  const std::ptrdiff_t channels = frame.format == PixelFormat::bgr8 ? 3 : 1;
  if (frame.pixels && frame.width > 0 && frame.height > 0 &&
      frame.stride_bytes >= channels * frame.width) {
    return;
  }
  throw Error(ExitCode::vision, "the frame has no pixels");
}

DepthGrid grid_of(const TensorView& view, const LetterboxMapping& mapping, float factor) {
  const std::size_t axes = view.shape.size();
  DepthGrid grid =
      mapping.grid(static_cast<int>(view.shape[axes - 1]), static_cast<int>(view.shape[axes - 2]));
  grid.values.resize(view.values.size());
  std::transform(view.values.begin(), view.values.end(), grid.values.begin(),
                 [factor](float v) { return v * factor; });
  return grid;
}

Depth read_depth(const Network& network, const Frame& frame, const LetterboxMapping& mapping) {
  const TensorView view = network.finite_output(network.plan.depth);
  if (network.manifest.depth == DepthContract::relative_inverse) {
    return std::make_shared<const RelativeDepth>(
        RelativeDepth{frame.stamp, grid_of(view, mapping, 1)});
  }
  double factor = 1;
  if (network.manifest.canonical_focal_px > 0) {
    if (!(frame.intrinsics.fx > 0)) {
      throw Error(ExitCode::vision, "the camera's focal length is not known: no distances");
    }
    // The focal length of the picture the network saw: the frame's, resized with it.
    factor = frame.intrinsics.fx * mapping.scale_x() / network.manifest.canonical_focal_px;
  }
  auto depth = std::make_shared<MetricDepth>();
  depth->stamp = frame.stamp;
  depth->depth_m = grid_of(view, mapping, static_cast<float>(factor));
  if (network.plan.depth_sigma) {
    const TensorView sigma = network.finite_output(*network.plan.depth_sigma);
    depth->sigma_relative.assign(sigma.values.begin(), sigma.values.end());
  }
  return depth;
}

}  // namespace

struct Perception::Impl {
  Impl(const ModelSet& models, const PerceptionOptions& o) : options(o) {
    if (o.depth_interval < 1) throw Error(ExitCode::usage, "depth_interval must be 1 or more");
    for (const NetworkManifest& network : models.networks) {
      if (network.task == Task::depth) {
        if (o.depth) depth_network = std::make_unique<Network>(network, o.threads);
      } else {
        detector = std::make_unique<Network>(network, o.threads);
      }
    }
    if (!detector) {
      throw Error(ExitCode::model,
                  "model set '" + models.name + "' has no network that finds objects");
    }
    labels = std::make_shared<const std::vector<std::string>>(detector->manifest.labels);
  }

  PerceptionOptions options;
  std::unique_ptr<Network> detector;
  std::unique_ptr<Network> depth_network;
  Labels labels;
  std::vector<Candidate> candidates;

  // Of a pair: the depth handed on until the next, and whose it is.
  Depth last_depth;
  int last_camera = 0;
  int last_width = 0;
  int last_height = 0;
  int frames_since_depth = 0;

  void see(const Frame& frame, Sighting& sighting) {
    check_frame(frame);
    const LetterboxMapping mapping = detector->run(frame, sighting);
    Lap lap;
    find_objects(mapping, sighting.detections.items);
    if (detector->manifest.task == Task::joint)
      sighting.depth = read_depth(*detector, frame, mapping);
    sighting.postprocess_ms += lap.ms();
    if (depth_network) sighting.depth = pair_depth(frame, sighting);
  }

  void find_objects(const LetterboxMapping& mapping, std::vector<Detection>& items) {
    const NetworkManifest& m = detector->manifest;
    const int classes = static_cast<int>(labels->size());
    const auto threshold = static_cast<float>(options.score_threshold);
    const auto nms_iou = static_cast<float>(options.nms_iou > 0 ? options.nms_iou : m.nms_iou);
    const float unit_x = m.boxes_normalised ? static_cast<float>(m.input_width) : 1.0F;
    const float unit_y = m.boxes_normalised ? static_cast<float>(m.input_height) : 1.0F;
    const TensorView boxes = detector->finite_output(detector->plan.boxes);
    candidates.clear();
    if (m.task == Task::joint) {
      const TensorView scores = detector->finite_output(detector->plan.scores);
      decode_joint(boxes.values, scores.values, classes, threshold, candidates);
      suppress(candidates, nms_iou);
    } else if (m.detector == DetectorContract::ultralytics) {
      decode_ultralytics(boxes.values, classes, detector->plan.transposed, unit_x, unit_y,
                         threshold, candidates);
      suppress(candidates, nms_iou);
    } else {
      if (!decode_end_to_end(boxes.values, classes, unit_x, unit_y, threshold, candidates)) {
        throw Error(ExitCode::vision, "'" + m.name + "' gives a class that is none of its " +
                                          std::to_string(classes) + " labels");
      }
      keep_best(candidates, NmsLimits{}.kept);
    }
    for (const Candidate& c : candidates) {
      const Box box = clipped(mapping.to_frame(c.box), mapping.frame_width, mapping.frame_height);
      if (box.width() > 0 && box.height() > 0) items.push_back({box, c.score, c.class_id});
    }
  }

  Depth pair_depth(const Frame& frame, Sighting& sighting) {
    const bool same_view = last_camera == frame.stamp.camera && last_width == frame.width &&
                           last_height == frame.height;
    const bool have = same_view && !std::holds_alternative<std::monostate>(last_depth);
    if (have && ++frames_since_depth < options.depth_interval) return last_depth;
    last_depth = {};  // a depth that fails is not replaced by an old one
    const LetterboxMapping mapping = depth_network->run(frame, sighting);
    Lap lap;
    last_depth = read_depth(*depth_network, frame, mapping);
    sighting.postprocess_ms += lap.ms();
    last_camera = frame.stamp.camera;
    last_width = frame.width;
    last_height = frame.height;
    frames_since_depth = 0;
    return last_depth;
  }
};

Perception::Perception(const ModelSet& models, const PerceptionOptions& options)
    : impl_(std::make_unique<Impl>(models, options)) {}

Perception::~Perception() = default;

Sighting Perception::see(const Frame& frame) {
  Sighting sighting;
  sighting.detections.stamp = frame.stamp;
  sighting.detections.labels = impl_->labels;
  try {
    impl_->see(frame, sighting);
  } catch (const std::exception& e) {
    sighting.detections.items.clear();
    sighting.depth = {};
    sighting.fault = e.what();
  }
  return sighting;
}

double Perception::suggested_score() const { return impl_->detector->manifest.score_threshold; }

}  // namespace lazarillo
