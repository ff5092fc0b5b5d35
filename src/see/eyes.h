#pragma once

#include <memory>
#include <span>

#include "see/letterbox.h"
#include "see/perception.h"

// What stands behind Perception: networks on the processor, or on an NVIDIA card. Private to see/.

namespace lazarillo {

class Eyes {
 public:
  virtual ~Eyes() = default;
  Eyes(const Eyes&) = delete;
  Eyes& operator=(const Eyes&) = delete;

  /// Fills one sighting a frame; stamps and labels stand there already. Does not throw for what is
  /// in a picture: see Sighting::fault.
  virtual void see(std::span<const Frame> frames, std::span<Sighting> sightings) = 0;
  [[nodiscard]] virtual bool has_depth_network() const = 0;
  [[nodiscard]] virtual DepthSighting measure_depth(const Frame& frame) = 0;

 protected:
  Eyes() = default;
};

/// Throw Error(model).
[[nodiscard]] std::unique_ptr<Eyes> make_host_eyes(const ModelSet& models,
                                                   const PerceptionOptions& options);

/// How a frame's work is given to the card. What is not the default is slower, and there to be
/// measured against (bench/eyes_bench).
struct GpuSchedule {
  bool graph = true;        ///< one CUDA graph a frame; false: call by call
  bool two_streams = true;  ///< depth beside the detector; false: after one another
};
[[nodiscard]] std::unique_ptr<Eyes> make_gpu_eyes(const ModelSet& models,
                                                  const PerceptionOptions& options,
                                                  GpuSchedule schedule = {});

/// Throws Error(vision) when the frame has no pixels.
void check_pixels(const Frame& frame);

/// What a network's metric depth is multiplied by to be metres of the frame's camera. Throws
/// Error(vision) where the camera's focal length is needed and not known.
[[nodiscard]] double metres_factor(const NetworkManifest& network, const Frame& frame,
                                   const LetterboxMapping& mapping);

}  // namespace lazarillo
