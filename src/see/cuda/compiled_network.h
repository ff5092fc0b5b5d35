#pragma once

#include "gpu/memory.h"
#include "infer/tensorrt/device_network.h"
#include "see/contract.h"
#include "see/cuda/kernels.h"
#include "see/rectify.h"
#include "source/frame.h"

namespace lazarillo::gpu {

[[nodiscard]] Number number_of(const DeviceNetwork::Tensor& tensor);

/// A network compiled for this card, and how its input is made and its outputs are read. Private to
/// see/cuda. One thread uses it.
struct CompiledNetwork {
  /// `batch`: pictures in a call. Throws Error(model) when the user has no checked plan of it for
  /// this card, or the plan does not fit the manifest.
  CompiledNetwork(const NetworkManifest& m, int batch);

  [[nodiscard]] const DeviceNetwork::Tensor& output(std::size_t index) const {
    return network.outputs()[index];
  }

  [[nodiscard]] LetterboxMapping fit(const Frame& frame) const {
    return fit_frame(frame, manifest.input_width, manifest.input_height, manifest.letterbox);
  }

  /// What PictureBatch::corners says of the frame; on the card until 15 other cameras came.
  [[nodiscard]] const float* corners(const Frame& frame, cudaStream_t stream);

  NetworkManifest manifest;
  DeviceNetwork network;
  InputTensor input;
  OutputPlan plan;
  PerLens<DeviceBuffer> maps;
};

}  // namespace lazarillo::gpu
