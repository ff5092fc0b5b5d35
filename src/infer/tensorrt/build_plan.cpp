#include <NvOnnxParser.h>

#include <fstream>
#include <iterator>

#include "error.h"
#include "gpu/device.h"
#include "infer/model_set.h"
#include "infer/tensorrt/library.h"
#include "infer/tensorrt/tensorrt.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;
using tensorrt::kMajor;

[[noreturn]] void refuse(const fs::path& network, const std::string& why) {
  throw Error(ExitCode::model,
              "the network '" + network.string() + "' cannot be compiled for the card: " + why);
}

/// Types are the file's from TensorRT 10 on. 8.6 knows weak types only: it is allowed FP16, and
/// what is FP16 in the file may run so.
std::uint32_t network_flags() {
  if constexpr (kMajor == 8) return 1U << 0;                  // explicit batch
  if constexpr (kMajor == 10 || kMajor == 0) return 1U << 1;  // strongly typed
  return 0;                                                   // always is
}

#if defined(NV_TENSORRT_MAJOR) && NV_TENSORRT_MAJOR == 8
/// Weights keep the type of the file; what flows between layers has none before the build.
bool has_half_weights(const nvinfer1::ILayer& layer) {
  nvinfer1::Weights weights{};
  if (layer.getType() == nvinfer1::LayerType::kCONSTANT) {
    weights = static_cast<const nvinfer1::IConstantLayer&>(layer).getWeights();
  } else if (layer.getType() == nvinfer1::LayerType::kCONVOLUTION) {
    weights = static_cast<const nvinfer1::IConvolutionLayer&>(layer).getKernelWeights();
  }
  return weights.type == nvinfer1::DataType::kHALF && weights.count > 0;
}
#endif

void set_flags([[maybe_unused]] const nvinfer1::INetworkDefinition& network,
               [[maybe_unused]] nvinfer1::IBuilderConfig& config) {
#if defined(NV_TENSORRT_MAJOR) && NV_TENSORRT_MAJOR == 8
  for (int i = 0; i < network.getNbLayers(); ++i) {
    const nvinfer1::ILayer& layer = *network.getLayer(i);
    // What is not quantised is FP32 in such a file: 8.6 knows FP32 steps only (int8.py --types
    // float).
    if (layer.getType() == nvinfer1::LayerType::kQUANTIZE) {
      config.setFlag(nvinfer1::BuilderFlag::kINT8);
      config.setFlag(nvinfer1::BuilderFlag::kFP16);
    }
    if (has_half_weights(layer)) config.setFlag(nvinfer1::BuilderFlag::kFP16);
  }
  // cuBLAS and cuDNN 8 need not be there; TensorRT's own kernels do without.
  config.setTacticSources(0);
#endif
}

void set_level([[maybe_unused]] nvinfer1::IBuilderConfig& config, [[maybe_unused]] int level) {
#ifdef NV_TENSORRT_MAJOR
  config.setBuilderOptimizationLevel(level);
#endif
}

/// Gives an open first dimension 1 to options.most_batch.
void set_profile(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                 nvinfer1::IBuilderConfig& config, const fs::path& file,
                 const PlanOptions& options) {
  nvinfer1::IOptimizationProfile* profile = builder.createOptimizationProfile();
  bool open = false;
  for (int i = 0; i < network.getNbInputs(); ++i) {
    const nvinfer1::ITensor& input = *network.getInput(i);
    nvinfer1::Dims dims = input.getDimensions();
    for (int d = 1; d < dims.nbDims; ++d) {
      if (dims.d[d] < 0) refuse(file, "its input leaves more open than the number of pictures");
    }
    if (dims.nbDims == 0 || dims.d[0] >= 0) {
      if (dims.nbDims == 0 || dims.d[0] == options.most_batch) continue;
      refuse(file, "it takes " + std::to_string(dims.d[0]) + " pictures a call, not " +
                       std::to_string(options.most_batch) + " (export it with a dynamic batch)");
    }
    open = true;
    dims.d[0] = 1;
    profile->setDimensions(input.getName(), nvinfer1::OptProfileSelector::kMIN, dims);
    dims.d[0] = options.most_batch;
    profile->setDimensions(input.getName(), nvinfer1::OptProfileSelector::kOPT, dims);
    profile->setDimensions(input.getName(), nvinfer1::OptProfileSelector::kMAX, dims);
  }
  if (!open) return;
  config.addOptimizationProfile(profile);
#if defined(NV_TENSORRT_MAJOR) && NV_TENSORRT_MAJOR == 8
  // Each number of pictures has an execution context of its own (DeviceNetwork); from TensorRT 10
  // on several may always use one profile.
  config.setPreviewFeature(nvinfer1::PreviewFeature::kPROFILE_SHARING_0806, true);
#endif
}

std::string read_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

#ifdef NV_TENSORRT_MAJOR
/// What TensorRT measured of its kernels, from build to build.
class TimingCache {
 public:
  TimingCache(nvinfer1::IBuilderConfig& config, const fs::path& folder)
      : file_(folder / ("timing-" + std::to_string(getInferLibVersion()) + ".cache")) {
    const std::string known = read_file(file_);
    cache_.reset(config.createTimingCache(known.data(), known.size()));
    // A damaged one, or of another card, is refused: begun anew.
    if (!cache_ || !config.setTimingCache(*cache_, false)) {
      cache_.reset(config.createTimingCache(nullptr, 0));
      if (cache_) config.setTimingCache(*cache_, false);
    }
  }
  /// It only saves time: a full disk is no reason to fail.
  void save() const {
    if (!cache_) return;
    const std::unique_ptr<nvinfer1::IHostMemory> bytes(cache_->serialize());
    if (!bytes) return;
    const fs::path part = file_.string() + ".part";
    std::ofstream stream(part, std::ios::binary);
    stream.write(static_cast<const char*>(bytes->data()),
                 static_cast<std::streamsize>(bytes->size()));
    stream.close();
    std::error_code ignored;
    if (stream) fs::rename(part, file_, ignored);
  }

 private:
  fs::path file_;
  std::unique_ptr<nvinfer1::ITimingCache> cache_;
};
#endif

}  // namespace

PlanKey plan_key(const fs::path& network, const PlanOptions& options) {
  return {network.filename().string(), sha256_of(network), gpu_info().title(), tensorrt_version(),
          options};
}

std::string build_plan(const fs::path& file, const PlanOptions& options,
                       [[maybe_unused]] const fs::path& scratch) {
  (void)gpu_info();
  tensorrt::Complaints& complaints = tensorrt::complaints();
  const std::unique_ptr<nvinfer1::IBuilder> builder(nvinfer1::createInferBuilder(complaints));
  if (!builder) refuse(file, complaints.take());
  builder->setGpuAllocator(&tensorrt::memory());
  const std::unique_ptr<nvinfer1::INetworkDefinition> network(
      builder->createNetworkV2(network_flags()));
  if (!network) refuse(file, complaints.take());
  const std::unique_ptr<nvonnxparser::IParser> parser(
      nvonnxparser::createParser(*network, complaints));
  if (!parser ||
      !parser->parseFromFile(file.c_str(), static_cast<int>(nvinfer1::ILogger::Severity::kERROR))) {
    std::string why = complaints.take();
    if (parser && parser->getNbErrors() > 0) why = parser->getError(0)->desc();
    refuse(file, why);
  }
  const std::unique_ptr<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
  set_flags(*network, *config);
  set_level(*config, options.level);
  set_profile(*builder, *network, *config, file, options);
#ifdef NV_TENSORRT_MAJOR
  const TimingCache timing(*config, scratch);
#endif
  const std::unique_ptr<nvinfer1::IHostMemory> plan(
      builder->buildSerializedNetwork(*network, *config));
  if (!plan) refuse(file, complaints.take());
#ifdef NV_TENSORRT_MAJOR
  timing.save();
#endif
  return {static_cast<const char*>(plan->data()), plan->size()};
}

}  // namespace lazarillo
