#include "see/perception.h"

#include "error.h"
#include "see/eyes.h"

namespace lazarillo {

void check_pixels(const Frame& frame) {
  const std::ptrdiff_t channels = frame.format == PixelFormat::bgr8 ? 3 : 1;
  if (frame.pixels && frame.width > 0 && frame.height > 0 &&
      frame.stride_bytes >= channels * frame.width) {
    return;
  }
  throw Error(ExitCode::vision, frame.device ? "the frame lies in the NVIDIA card's memory"
                                             : "the frame has no pixels");
}

double metres_factor(const NetworkManifest& network, const Frame& frame,
                     const LetterboxMapping& mapping) {
  if (network.canonical_focal_px <= 0) return 1;
  if (!(frame.intrinsics.fx > 0)) {
    throw Error(ExitCode::vision, "the camera's focal length is not known: no distances");
  }
  // The focal length of the picture the network saw: the frame's, resized with it.
  return frame.intrinsics.fx * mapping.scale_x() / network.canonical_focal_px;
}

struct Perception::Impl {
  Impl(const ModelSet& models, const PerceptionOptions& options)
      : labels(std::make_shared<const std::vector<std::string>>(finder_of(models).labels)),
        suggested_score(finder_of(models).score_threshold) {
    if (options.engine == "openvino") {
      eyes = make_host_eyes(models, options);
    } else if (options.engine == "tensorrt") {
      eyes = make_gpu_eyes(models, options);
    } else {
      throw Error(ExitCode::usage,
                  "see.engine is '" + options.engine + "', must be openvino or tensorrt");
    }
  }

  Labels labels;
  double suggested_score;
  std::unique_ptr<Eyes> eyes;
};

Perception::Perception(const ModelSet& models, const PerceptionOptions& options)
    : impl_(std::make_unique<Impl>(models, options)) {}

Perception::~Perception() = default;

Sighting Perception::see(const Frame& frame) { return std::move(see({&frame, 1}).front()); }

std::vector<Sighting> Perception::see(std::span<const Frame> frames) {
  std::vector<Sighting> sightings(frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    sightings[i].detections.stamp = frames[i].stamp;
    sightings[i].detections.labels = impl_->labels;
  }
  impl_->eyes->see(frames, sightings);
  for (Sighting& sighting : sightings) {
    if (sighting.fault.empty()) continue;
    sighting.detections.items.clear();
    sighting.depth = {};
  }
  return sightings;
}

bool Perception::has_depth_network() const { return impl_->eyes->has_depth_network(); }

DepthSighting Perception::measure_depth(const Frame& frame) {
  return impl_->eyes->measure_depth(frame);
}

double Perception::suggested_score() const { return impl_->suggested_score; }

}  // namespace lazarillo
