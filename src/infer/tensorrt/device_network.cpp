#include "infer/tensorrt/device_network.h"

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>

#include "error.h"
#include "gpu/memory.h"
#include "infer/engine.h"
#include "infer/tensorrt/library.h"

namespace lazarillo::gpu {
namespace {

namespace fs = std::filesystem;

nvinfer1::Dims dims_of(const std::vector<std::int64_t>& shape) {
  nvinfer1::Dims dims{};
  dims.nbDims = static_cast<std::int32_t>(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    dims.d[i] = static_cast<std::remove_reference_t<decltype(dims.d[i])>>(shape[i]);
  }
  return dims;
}

}  // namespace

std::size_t DeviceNetwork::Tensor::values() const {
  return static_cast<std::size_t>(
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
}

struct DeviceNetwork::Impl {
  explicit Impl(const fs::path& plan) : name(plan.filename()) {
    (void)gpu_info();
    (void)take_refused();
    std::ifstream stream(plan, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream),
                            std::istreambuf_iterator<char>()};
    if (bytes.empty()) refuse("it cannot be read");
    engine.reset(tensorrt::runtime().deserializeCudaEngine(bytes.data(), bytes.size()));
    if (!engine) fail();
    for (int i = 0; i < engine->getNbIOTensors(); ++i) describe(engine->getIOTensorName(i));
    if (inputs.size() != 1) refuse("it has " + std::to_string(inputs.size()) + " inputs, not one");
    most_batch = static_cast<int>(inputs[0].shape[0]);
    // Outputs have the shapes that follow from the largest input.
    nvinfer1::IExecutionContext& context = context_for(most_batch);
    // Found out now, and not at the first call with fewer.
    if (most_batch > 1 && engine->getTensorShape(inputs[0].name.c_str()).d[0] < 0) context_for(1);
    for (Tensor& output : outputs) {
      const nvinfer1::Dims dims = context.getTensorShape(output.name.c_str());
      output.shape.assign(dims.d, dims.d + dims.nbDims);
      for (const std::int64_t d : output.shape) {
        if (d <= 0) refuse("its output '" + output.name + "' has no shape");
      }
    }
    for (auto* tensors : {&inputs, &outputs}) {
      for (Tensor& tensor : *tensors) {
        buffers.emplace_back(tensor.bytes());
        tensor.data = buffers.back().data();
      }
    }
    contexts.clear();
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ExitCode::model, "the compiled network '" + name + "' cannot be used: " + why +
                                     " (`lazarillo engine build` makes it anew)");
  }

  /// TensorRT did not do what it was asked for.
  [[noreturn]] void fail() const {
    const std::string why = tensorrt::complaints().take();
    if (const std::size_t bytes = take_refused(); bytes > 0) refuse_memory(bytes);
    refuse(why);
  }

  void describe(const char* tensor_name) {
    Tensor tensor;
    tensor.name = tensor_name;
    const nvinfer1::DataType type = engine->getTensorDataType(tensor_name);
    if (type != nvinfer1::DataType::kFLOAT && type != nvinfer1::DataType::kHALF) {
      refuse("its tensor '" + tensor.name + "' is neither FP32 nor FP16");
    }
    tensor.half = type == nvinfer1::DataType::kHALF;
    if (engine->getTensorIOMode(tensor_name) == nvinfer1::TensorIOMode::kOUTPUT) {
      outputs.push_back(std::move(tensor));
      return;
    }
    nvinfer1::Dims dims = engine->getTensorShape(tensor_name);
    if (dims.nbDims > 0 && dims.d[0] < 0) {
      dims = engine->getProfileShape(tensor_name, 0, nvinfer1::OptProfileSelector::kMAX);
    }
    tensor.shape.assign(dims.d, dims.d + dims.nbDims);
    inputs.push_back(std::move(tensor));
  }

  /// A batch size has a context of its own, so that graphs captured with one stay valid.
  nvinfer1::IExecutionContext& context_for(int batch) {
    std::unique_ptr<nvinfer1::IExecutionContext>& context = contexts[batch];
    if (!context) {
      context.reset(engine->createExecutionContext());
      if (!context) fail();
      if (context->getOptimizationProfile() < 0) {
        contexts.erase(batch);
        throw Error(ExitCode::model,
                    "the compiled network '" + name +
                        "' is an older version's, for calls with one number of pictures only: run "
                        "`lazarillo engine build --again`, with --batch " +
                        std::to_string(most_batch));
      }
      std::vector<std::int64_t> shape = inputs[0].shape;
      shape[0] = batch;
      if (batch < 1 || batch > std::max(most_batch, 1) ||
          !context->setInputShape(inputs[0].name.c_str(), dims_of(shape))) {
        contexts.erase(batch);
        refuse("it does not take " + std::to_string(batch) + " pictures a call");
      }
    }
    return *context;
  }

  std::string name;
  std::unique_ptr<nvinfer1::ICudaEngine> engine;
  std::vector<Tensor> inputs, outputs;
  std::vector<DeviceBuffer> buffers;
  std::map<int, std::unique_ptr<nvinfer1::IExecutionContext>> contexts;
  int most_batch = 1 << 20;  // until it is known
};

DeviceNetwork::DeviceNetwork(const fs::path& plan) : impl_(std::make_unique<Impl>(plan)) {}
DeviceNetwork::~DeviceNetwork() = default;

int DeviceNetwork::most_batch() const { return impl_->most_batch; }
const std::vector<DeviceNetwork::Tensor>& DeviceNetwork::inputs() const { return impl_->inputs; }
const std::vector<DeviceNetwork::Tensor>& DeviceNetwork::outputs() const { return impl_->outputs; }

void DeviceNetwork::prepare(int batch, cudaStream_t stream) {
  nvinfer1::IExecutionContext& context = impl_->context_for(batch);
  for (const auto* tensors : {&impl_->inputs, &impl_->outputs}) {
    for (const Tensor& tensor : *tensors) {
      context.setTensorAddress(tensor.name.c_str(), tensor.data);
    }
  }
  // The first call after a change of shapes does more than queue.
  enqueue(batch, stream);
  check(cudaStreamSynchronize(stream), "running a network for the first time");
}

void DeviceNetwork::enqueue(int batch, cudaStream_t stream) {
  if (impl_->context_for(batch).enqueueV3(stream)) return;
  throw Error(ExitCode::vision,
              "the network '" + impl_->name + "' failed: " + tensorrt::complaints().take());
}

}  // namespace lazarillo::gpu
