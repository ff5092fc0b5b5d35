#include "see/cuda/compiled_network.h"

#include "error.h"
#include "gpu/device.h"
#include "infer/tensorrt/tensorrt.h"

namespace lazarillo::gpu {
namespace {

/// Names and shapes of a compiled network for one picture, to be compared with a manifest.
class Shapes final : public Engine {
 public:
  explicit Shapes(const DeviceNetwork& network) {
    const auto described = [](const DeviceNetwork::Tensor& tensor) {
      TensorInfo info{tensor.name, tensor.shape};
      info.shape[0] = 1;
      return info;
    };
    for (const DeviceNetwork::Tensor& tensor : network.inputs())
      inputs_.push_back(described(tensor));
    for (const DeviceNetwork::Tensor& tensor : network.outputs())
      outputs_.push_back(described(tensor));
  }
  [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
  [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
  [[nodiscard]] std::span<float> input(std::size_t /*index*/) override { return {}; }
  void run() override {}
  [[nodiscard]] TensorView output(std::size_t index) const override {
    return {{}, outputs_.at(index).shape};
  }

 private:
  std::vector<TensorInfo> inputs_, outputs_;
};

std::filesystem::path compiled(const NetworkManifest& manifest, int batch) {
  const PlanKey key = plan_key(manifest.file, {batch});
  const auto plan = PlanStore::of_user().find(key);
  const std::string what = "the network '" + manifest.file.filename().string() + "'";
  if (!plan) {
    throw Error(ExitCode::model, what + " is not compiled for this card (" + key.card + ", " +
                                     key.library + "): run `lazarillo engine build`");
  }
  if (!plan->check) {
    throw Error(ExitCode::model,
                what + " was compiled and not checked: run `lazarillo engine check`");
  }
  if (!plan->check->passed) {
    throw Error(ExitCode::model, what +
                                     " gives other answers when compiled for this card: not used "
                                     "(`lazarillo engine list` says how far off)");
  }
  return plan->file;
}

}  // namespace

Number number_of(const DeviceNetwork::Tensor& tensor) {
  return tensor.half ? Number::f16 : Number::f32;
}

CompiledNetwork::CompiledNetwork(const NetworkManifest& m, int batch)
    : manifest(m), network(compiled(m, batch)) {
  if (m.layout != TensorLayout::nchw) {
    throw Error(ExitCode::model, "'" + m.described.filename().string() +
                                     "': a network for NVIDIA cards must be NCHW");
  }
  const Shapes shapes(network);
  check_input(m, shapes);
  plan = check_contract(m, shapes);
  const DeviceNetwork::Tensor& tensor = network.inputs()[0];
  input.values = tensor.data;
  input.number = number_of(tensor);
  input.width = m.input_width;
  input.height = m.input_height;
  input.rgb = m.rgb;
  input.pad_level = static_cast<float>(m.pad_value);
  for (std::size_t c = 0; c < 3; ++c) {
    input.gain[c] = 1 / (255 * m.std[c]);
    input.offset[c] = -m.mean[c] / m.std[c];
  }
}

const float* CompiledNetwork::corners(const Frame& frame, cudaStream_t stream) {
  if (!frame.lens) return nullptr;
  return maps
      .of(frame,
          [&] {
            const RectifyMap map = rectify_map(frame, fit(frame));
            DeviceBuffer buffer(map.corners.size() * sizeof(float));
            copy_to_device(buffer.data(), map.corners.data(), buffer.bytes(), stream);
            check(cudaStreamSynchronize(stream), "bringing a lens's map");
            return buffer;
          })
      .as<float>();
}

}  // namespace lazarillo::gpu
