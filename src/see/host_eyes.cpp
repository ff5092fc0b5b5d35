#include <algorithm>
#include <chrono>

#include "error.h"
#include "infer/engine.h"
#include "see/contract.h"
#include "see/decode.h"
#include "see/eyes.h"
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

Precision precision_named(const std::string& name) {
  if (name == "f32") return Precision::f32;
  if (name == "bf16") return Precision::bf16;
  throw Error(ExitCode::usage, "see.precision is '" + name + "', must be f32 or bf16");
}

std::unique_ptr<Engine> load(const NetworkManifest& manifest, int threads, int batch,
                             Precision precision) {
  // On a processor without VNNI OpenVINO's 8-bit kernels give boxes 200 pixels off, silently.
  if (manifest.int8) {
    throw Error(ExitCode::usage, "'" + manifest.name +
                                     "' has 8-bit products for NVIDIA cards: it needs "
                                     "see.engine = \"tensorrt\"");
  }
  EngineOptions options{threads, input_shape(manifest)};
  options.precision = precision;
  options.input_shape[0] = batch;
  options.reshape = batch > 1;
  auto engine = make_openvino_engine(manifest.file, options);
  if (batch == 1) check_input(manifest, *engine);
  const std::span<float> input = engine->input(0);
  std::fill(input.begin(), input.end(), 0.5F);
  engine->run();
  return engine;
}

struct Network {
  Network(const NetworkManifest& m, int threads, Precision precision, int batch_size = 1)
      : manifest(m),
        letterbox(m),
        batch(batch_size),
        single(load(m, threads, 1, precision)),
        plan(check_contract(m, *single)) {
    if (batch > 1) many = load(m, threads, batch, precision);
  }

  NetworkManifest manifest;
  Letterbox letterbox;
  int batch;
  std::unique_ptr<Engine> single;
  std::unique_ptr<Engine> many;  ///< takes `batch` frames; null when that is 1
  OutputPlan plan;
};

/// What one call of a network made of one of its frames.
struct Slice {
  const Network* network;
  const Engine* engine;
  std::size_t index;  ///< of the frame in the call
  std::size_t count;  ///< frames in the call
  LetterboxMapping mapping;

  /// The values of an output that are this frame's. Throws when one is not finite; a fault then.
  [[nodiscard]] TensorView finite_output(std::size_t output) const {
    TensorView view = engine->output(output);
    const std::size_t size = view.values.size() / count;
    view.values = view.values.subspan(index * size, size);
    if (!all_finite(view.values)) {
      throw Error(ExitCode::vision, "the output '" + engine->outputs()[output].name + "' of '" +
                                        network->manifest.name + "' is not finite");
    }
    return view;
  }
};

DepthGrid grid_of(const TensorView& view, const LetterboxMapping& mapping, float factor) {
  const std::size_t axes = view.shape.size();
  DepthGrid grid =
      mapping.grid(static_cast<int>(view.shape[axes - 1]), static_cast<int>(view.shape[axes - 2]));
  grid.values.resize(view.values.size());
  std::transform(view.values.begin(), view.values.end(), grid.values.begin(),
                 [factor](float v) { return v * factor; });
  return grid;
}

Depth read_depth(const Slice& slice, const Frame& frame) {
  const Network& network = *slice.network;
  const LetterboxMapping& mapping = slice.mapping;
  const TensorView view = slice.finite_output(network.plan.depth);
  if (network.manifest.depth == DepthContract::relative_inverse) {
    return std::make_shared<const RelativeDepth>(
        RelativeDepth{frame.stamp, grid_of(view, mapping, 1)});
  }
  const double factor = metres_factor(network.manifest, frame, mapping);
  auto depth = std::make_shared<MetricDepth>();
  depth->stamp = frame.stamp;
  depth->depth_m = grid_of(view, mapping, static_cast<float>(factor));
  if (network.plan.depth_sigma) {
    const TensorView sigma = slice.finite_output(*network.plan.depth_sigma);
    depth->sigma_relative.assign(sigma.values.begin(), sigma.values.end());
  }
  return depth;
}

class HostEyes final : public Eyes {
 public:
  HostEyes(const ModelSet& models, const PerceptionOptions& options) : options_(options) {
    const Precision precision = precision_named(options.precision);
    detector_ =
        std::make_unique<Network>(finder_of(models), options.threads, precision, options.batch);
    for (const NetworkManifest& network : models.networks) {
      if (network.task != Task::depth || !options.depth) continue;
      depth_network_ = std::make_unique<Network>(network, options.depth_threads, precision);
    }
  }

  void see(std::span<const Frame> frames, std::span<Sighting> sightings) override {
    Network& network = *detector_;
    const auto read = [this](const Frame& frame, const Slice& slice, Sighting& sighting) {
      find_objects(slice, sighting.detections.items);
      if (slice.network->manifest.task == Task::joint) sighting.depth = read_depth(slice, frame);
    };
    const std::size_t step = static_cast<int>(frames.size()) == network.batch ? frames.size() : 1;
    for (std::size_t i = 0; i < frames.size(); i += step) {
      call(network, frames.subspan(i, step), sightings.subspan(i, step), read);
    }
  }

  [[nodiscard]] bool has_depth_network() const override { return depth_network_ != nullptr; }

  [[nodiscard]] DepthSighting measure_depth(const Frame& frame) override {
    DepthSighting sighting;
    sighting.stamp = frame.stamp;
    call<DepthSighting>(*depth_network_, {&frame, 1}, {&sighting, 1},
                        [](const Frame& f, const Slice& slice, DepthSighting& result) {
                          result.depth = read_depth(slice, f);
                        });
    return sighting;
  }

 private:
  /// Frames in one call of a network: fills the input, runs, lets `read` take what concerns each.
  /// What throws is the fault of the frame, or of all when the network itself failed.
  template <class Result, class Read>
  static void call(Network& network, std::span<const Frame> frames, std::span<Result> results,
                   const Read& read) {
    Engine& engine = frames.size() == 1 ? *network.single : *network.many;
    const std::span<float> input = engine.input(0);
    const std::size_t size = input.size() / frames.size();
    std::vector<LetterboxMapping> mappings(frames.size());
    const auto attempt = [](Result& result, const auto& action) {
      if (!result.fault.empty()) return;
      try {
        action();
      } catch (const std::exception& e) {
        result.fault = e.what();
      }
    };
    Lap lap;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      attempt(results[i], [&] {
        check_pixels(frames[i]);
        mappings[i] = network.letterbox.fill(frames[i], input.subspan(i * size, size));
      });
    }
    const double preprocess_ms = lap.ms() / static_cast<double>(frames.size());
    const bool any = std::any_of(results.begin(), results.end(),
                                 [](const Result& r) { return r.fault.empty(); });
    std::string failure;
    try {
      if (any) engine.run();
    } catch (const std::exception& e) {
      failure = e.what();
    }
    const double inference_ms = lap.ms() / static_cast<double>(frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (results[i].fault.empty()) results[i].fault = failure;
      attempt(results[i], [&] {
        read(frames[i], Slice{&network, &engine, i, frames.size(), mappings[i]}, results[i]);
      });
      results[i].preprocess_ms = preprocess_ms;
      results[i].inference_ms = inference_ms;
      results[i].postprocess_ms = lap.ms();
    }
  }

  void find_objects(const Slice& slice, std::vector<Detection>& items) {
    const NetworkManifest& m = detector_->manifest;
    const LetterboxMapping& mapping = slice.mapping;
    const int classes = static_cast<int>(m.labels.size());
    const auto threshold = static_cast<float>(options_.score_threshold);
    const auto nms_iou = static_cast<float>(options_.nms_iou > 0 ? options_.nms_iou : m.nms_iou);
    const float unit_x = m.boxes_normalised ? static_cast<float>(m.input_width) : 1.0F;
    const float unit_y = m.boxes_normalised ? static_cast<float>(m.input_height) : 1.0F;
    const TensorView boxes = slice.finite_output(detector_->plan.boxes);
    candidates_.clear();
    if (m.task == Task::joint) {
      const TensorView scores = slice.finite_output(detector_->plan.scores);
      decode_joint(boxes.values, scores.values, classes, threshold, candidates_);
      suppress(candidates_, nms_iou);
    } else if (m.detector == DetectorContract::ultralytics) {
      decode_ultralytics(boxes.values, classes, detector_->plan.transposed, unit_x, unit_y,
                         threshold, candidates_);
      suppress(candidates_, nms_iou);
    } else if (m.detector == DetectorContract::detr) {
      const TensorView logits = slice.finite_output(detector_->plan.scores);
      decode_detr(logits.values, boxes.values, classes, unit_x, unit_y, threshold, candidates_);
      keep_best(candidates_, NmsLimits{}.kept);
    } else {
      if (!decode_end_to_end(boxes.values, classes, unit_x, unit_y, threshold, candidates_)) {
        throw Error(ExitCode::vision, "'" + m.name + "' gives a class that is none of its " +
                                          std::to_string(classes) + " labels");
      }
      keep_best(candidates_, NmsLimits{}.kept);
    }
    for (const Candidate& c : candidates_) {
      const Box box = clipped(mapping.to_frame(c.box), mapping.frame_width, mapping.frame_height);
      if (box.width() > 0 && box.height() > 0) items.push_back({box, c.score, c.class_id});
    }
  }

  PerceptionOptions options_;
  std::unique_ptr<Network> detector_;
  std::unique_ptr<Network> depth_network_;
  std::vector<Candidate> candidates_;
};

}  // namespace

std::unique_ptr<Eyes> make_host_eyes(const ModelSet& models, const PerceptionOptions& options) {
  return std::make_unique<HostEyes>(models, options);
}

}  // namespace lazarillo
