#include <cuda_fp16.h>

#include <algorithm>

#include "error.h"
#include "gpu/memory.h"
#include "infer/tensorrt/device_network.h"
#include "infer/tensorrt/tensorrt.h"

namespace lazarillo {
namespace {

/// A plan's tensors beside their copies in the host's memory.
class TensorRtEngine final : public Engine {
 public:
  TensorRtEngine(const std::filesystem::path& plan, int batch)
      : network_(plan), stream_(gpu::make_stream(true)), batch_(batch) {
    network_.prepare(batch, stream_.get());
    const auto mirror = [batch](const gpu::DeviceNetwork::Tensor& tensor) {
      Mirror m{{tensor.name, tensor.shape}, {}, gpu::PinnedBuffer(tensor.bytes())};
      m.info.shape[0] = m.info.shape[0] / tensor.shape[0] * batch;
      m.values.resize(tensor.values() / static_cast<std::size_t>(tensor.shape[0]) *
                      static_cast<std::size_t>(batch));
      return m;
    };
    for (const auto& tensor : network_.inputs()) inputs_.push_back(mirror(tensor));
    for (const auto& tensor : network_.outputs()) outputs_.push_back(mirror(tensor));
    for (const Mirror& m : inputs_) input_infos_.push_back(m.info);
    for (const Mirror& m : outputs_) output_infos_.push_back(m.info);
  }

  [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return input_infos_; }
  [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return output_infos_; }
  [[nodiscard]] std::span<float> input(std::size_t index) override {
    return inputs_.at(index).values;
  }

  void run() override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const auto& tensor = network_.inputs()[i];
      gpu::copy_to_device(tensor.data, packed(inputs_[i], tensor.half),
                          inputs_[i].values.size() * size_of(tensor), stream_.get());
    }
    network_.enqueue(batch_, stream_.get());
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const auto& tensor = network_.outputs()[i];
      gpu::copy_to_host(outputs_[i].pinned.as<void>(), tensor.data,
                        outputs_[i].values.size() * size_of(tensor), stream_.get());
    }
    gpu::check(cudaStreamSynchronize(stream_.get()), "running a network");
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      unpack(outputs_[i], network_.outputs()[i].half);
    }
  }

  [[nodiscard]] TensorView output(std::size_t index) const override {
    return {outputs_.at(index).values, outputs_[index].info.shape};
  }

 private:
  struct Mirror {
    TensorInfo info;
    std::vector<float> values;
    gpu::PinnedBuffer pinned;  ///< as the network has them
  };

  static std::size_t size_of(const gpu::DeviceNetwork::Tensor& tensor) {
    return tensor.half ? sizeof(__half) : sizeof(float);
  }

  static const void* packed(Mirror& m, bool half) {
    if (half) {
      std::transform(m.values.begin(), m.values.end(), m.pinned.as<__half>(),
                     [](float v) { return __float2half(v); });
    } else {
      std::copy(m.values.begin(), m.values.end(), m.pinned.as<float>());
    }
    return m.pinned.as<void>();
  }

  static void unpack(Mirror& m, bool half) {
    if (half) {
      std::transform(m.pinned.as<__half>(), m.pinned.as<__half>() + m.values.size(),
                     m.values.begin(), [](__half v) { return __half2float(v); });
    } else {
      std::copy_n(m.pinned.as<float>(), m.values.size(), m.values.begin());
    }
  }

  gpu::DeviceNetwork network_;
  gpu::Stream stream_;
  int batch_;
  std::vector<Mirror> inputs_, outputs_;
  std::vector<TensorInfo> input_infos_, output_infos_;
};

}  // namespace

std::unique_ptr<Engine> make_tensorrt_engine(const std::filesystem::path& plan, int batch) {
  return std::make_unique<TensorRtEngine>(plan, batch);
}

}  // namespace lazarillo
