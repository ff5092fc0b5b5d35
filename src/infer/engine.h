#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lazarillo {

struct TensorInfo {
  std::string name;
  std::vector<std::int64_t> shape;  ///< -1 where a dimension is dynamic
};

/// "1x3x416x416"; "?" for a dynamic dimension.
[[nodiscard]] std::string to_string(const std::vector<std::int64_t>& shape);

struct TensorView {
  std::span<const float> values;  ///< row-major
  std::vector<std::int64_t> shape;
};

/// Runs one network on float tensors in host memory. Not thread-safe. Input buffers belong to the
/// engine and stay in place for its life.
class Engine {
 public:
  virtual ~Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] virtual const std::vector<TensorInfo>& inputs() const = 0;
  [[nodiscard]] virtual const std::vector<TensorInfo>& outputs() const = 0;

  /// The tensor to fill before run().
  [[nodiscard]] virtual std::span<float> input(std::size_t index) = 0;
  /// Runs the network on the inputs; throws Error(model) when the engine itself fails.
  virtual void run() = 0;
  /// The result of the last run(), valid until the next.
  [[nodiscard]] virtual TensorView output(std::size_t index) const = 0;

 protected:
  Engine() = default;
};

/// Arithmetic inside a network. bfloat16 keeps 8 bits of each product: nearly twice as fast on
/// processors that have it, and results differ a little from machine class to machine class.
enum class Precision { f32, bf16 };

struct EngineOptions {
  int threads = 0;  ///< 0: one per core
  /// The shape given to a network that leaves dimensions of its first input open (-1 in its file).
  std::vector<std::int64_t> input_shape;
  /// Gives it to a network whose file fixes another shape, too (a batch).
  bool reshape = false;
  Precision precision = Precision::f32;
};

/// OpenVINO on the CPU, latency first. Arithmetic is FP32 unless bfloat16 is asked for, so a
/// network gives the same numbers on every machine class; bfloat16 on a processor without it is an
/// error. Reads ONNX, OpenVINO IR (.xml beside
/// .bin) and TFLite; inputs and outputs must be float. Throws Error(model).
[[nodiscard]] std::unique_ptr<Engine> make_openvino_engine(const std::filesystem::path& network,
                                                           const EngineOptions& options);

}  // namespace lazarillo
