#include <algorithm>
#include <fstream>
#include <openvino/openvino.hpp>
#include <sstream>
#include <thread>

#include "error.h"
#include "infer/engine.h"
#include "infer/outline.h"

namespace lazarillo {
namespace {

std::string quoted(const std::filesystem::path& file) {
  std::string text = "'";
  text += file.string();
  return text += '\'';
}

/// OpenVINO tells the cause of a failure last, after lines of its own source positions.
std::string cause_of(const std::exception& e) {
  std::istringstream lines(e.what());
  std::string cause;
  for (std::string line; std::getline(lines, line);) {
    const bool position = line.starts_with("Exception from") || line.starts_with("Check '") ||
                          line.find_first_not_of(" \t\r") == std::string::npos;
    if (!position) cause = line;
  }
  return cause.empty() ? "OpenVINO does not say why" : cause;
}

/// Tells a damaged or foreign file before OpenVINO tries all its readers on it, each of which
/// complains on stderr.
void check_signature(const std::filesystem::path& file) {
  std::array<char, 8> head{};
  std::ifstream stream(file, std::ios::binary);
  if (!stream || std::filesystem::is_directory(file)) {
    throw Error(ExitCode::model, "the network " + quoted(file) + " cannot be read");
  }
  stream.read(head.data(), head.size());
  const std::string_view bytes(head.data(), static_cast<std::size_t>(stream.gcount()));
  const std::string kind = file.extension().string();
  const bool good = kind == ".onnx"  ? bytes.starts_with('\x08')  // the protobuf field ir_version
                    : kind == ".xml" ? bytes.starts_with("<?xml") || bytes.starts_with("<net")
                    : kind == ".tflite"
                        ? bytes.substr(std::min<std::size_t>(4, bytes.size())) == "TFL3"
                        : false;
  if (good) return;
  const bool known = kind == ".onnx" || kind == ".xml" || kind == ".tflite";
  throw Error(ExitCode::model, "the network " + quoted(file) +
                                   (known ? " is damaged: it is not a " + kind + " file"
                                          : " is of no known kind: .onnx, .xml or .tflite"));
}

std::vector<std::int64_t> shape_of(const ov::Output<const ov::Node>& port) {
  std::vector<std::int64_t> shape;
  if (port.get_partial_shape().rank().is_dynamic()) return shape;
  for (const ov::Dimension& d : port.get_partial_shape()) {
    shape.push_back(d.is_static() ? d.get_length() : -1);
  }
  return shape;
}

std::vector<std::string> names_of(const std::vector<ov::Output<ov::Node>>& ports,
                                  const std::string& otherwise) {
  std::vector<std::string> names;
  names.reserve(ports.size());
  for (const auto& port : ports) {
    names.push_back(port.get_names().empty() ? otherwise + std::to_string(names.size())
                                             : port.get_any_name());
  }
  return names;
}

class OpenVinoEngine final : public Engine {
 public:
  OpenVinoEngine(const std::filesystem::path& file, const EngineOptions& options)
      : file_(file.filename()) {
    check_signature(file);
    try {
      ov::Core core;
      const std::shared_ptr<ov::Model> model = core.read_model(file.string());
      // Names as the file has them: compiling adds those of tensors it merged.
      const std::vector<std::string> input_names = names_of(model->inputs(), "input");
      const std::vector<std::string> output_names = names_of(model->outputs(), "output");
      if (options.reshape) {
        model->reshape(ov::PartialShape(
            std::vector<ov::Dimension>(options.input_shape.begin(), options.input_shape.end())));
      } else {
        fix_input_shape(*model, options.input_shape);
      }
      const bool bf16 = options.precision == Precision::bf16;
      if (bf16) check_bf16(core);
      // A network that takes all cores is faster when its threads stay where they are. One that
      // takes some must not be pinned: every such network would get the same first cores.
      const auto cores = static_cast<int>(std::thread::hardware_concurrency());
      const bool all = options.threads <= 0 || options.threads >= cores;
      ov::AnyMap properties{
          ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY),
          ov::hint::inference_precision(bf16 ? ov::element::bf16 : ov::element::f32),
          ov::num_streams(1), ov::hint::enable_cpu_pinning(all)};
      if (options.threads > 0) properties.insert(ov::inference_num_threads(options.threads));
      compiled_ = core.compile_model(model, "CPU", properties);
      request_ = compiled_.create_infer_request();
      inputs_ = describe(compiled_.inputs(), input_names);
      outputs_ = describe(compiled_.outputs(), output_names);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& e) {
      throw Error(ExitCode::model,
                  "the network " + quoted(file) + " cannot be loaded: " + cause_of(e));
    }
  }

  [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
  [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }

  [[nodiscard]] std::span<float> input(std::size_t index) override {
    ov::Tensor tensor = request_.get_input_tensor(index);
    return {tensor.data<float>(), tensor.get_size()};
  }

  void run() override {
    try {
      request_.infer();
    } catch (const std::exception& e) {
      throw Error(ExitCode::model, "the network " + quoted(file_) + " failed: " + cause_of(e));
    }
  }

  [[nodiscard]] TensorView output(std::size_t index) const override {
    // get_output_tensor() is not const, though it only hands out the tensor.
    const ov::Tensor tensor = const_cast<ov::InferRequest&>(request_).get_output_tensor(index);
    const ov::Shape& shape = tensor.get_shape();
    return {{tensor.data<const float>(), tensor.get_size()}, {shape.begin(), shape.end()}};
  }

 private:
  void check_bf16(ov::Core& core) const {
    for (const std::string& each : core.get_property("CPU", ov::device::capabilities)) {
      if (each == ov::device::capability::BF16) return;
    }
    throw Error(ExitCode::model, "the network " + quoted(file_) +
                                     " cannot run in bf16: this processor has no bfloat16 "
                                     "arithmetic; set see.precision = \"f32\"");
  }

  /// Closes the dimensions a network file leaves open. A network all fixed keeps its shape.
  void fix_input_shape(ov::Model& model, const std::vector<std::int64_t>& wanted) const {
    if (model.inputs().empty() || !model.input(0).get_partial_shape().is_dynamic()) return;
    const ov::PartialShape open = model.input(0).get_partial_shape();
    const ov::PartialShape closed(std::vector<ov::Dimension>(wanted.begin(), wanted.end()));
    if (wanted.empty() || !open.compatible(closed)) {
      throw Error(ExitCode::model, "the network " + quoted(file_) + " has input " +
                                       to_string(shape_of(std::as_const(model).input(0))) +
                                       ", which cannot be " + to_string(wanted));
    }
    model.reshape(closed);
  }

  [[nodiscard]] std::vector<TensorInfo> describe(
      const std::vector<ov::Output<const ov::Node>>& ports,
      const std::vector<std::string>& names) const {
    std::vector<TensorInfo> tensors;
    for (std::size_t i = 0; i < ports.size(); ++i) {
      if (ports[i].get_element_type() != ov::element::f32) {
        throw Error(ExitCode::model, "the network " + quoted(file_) + " has tensor '" + names[i] +
                                         "' of type " +
                                         ports[i].get_element_type().get_type_name() +
                                         "; only float (f32) is supported");
      }
      tensors.push_back({names[i], shape_of(ports[i])});
    }
    return tensors;
  }

  std::filesystem::path file_;
  ov::CompiledModel compiled_;
  ov::InferRequest request_;
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
};

}  // namespace

std::string to_string(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t d : shape) {
    if (!text.empty()) text += 'x';
    text += d < 0 ? "?" : std::to_string(d);
  }
  return text.empty() ? "no shape" : text;
}

NetworkOutline read_outline(const std::filesystem::path& network) {
  check_signature(network);
  try {
    ov::Core core;
    const std::shared_ptr<ov::Model> model = core.read_model(network.string());
    const auto tensors = [](const std::vector<ov::Output<ov::Node>>& ports,
                            const std::string& otherwise) {
      const std::vector<std::string> names = names_of(ports, otherwise);
      std::vector<TensorInfo> all;
      for (std::size_t i = 0; i < ports.size(); ++i) {
        all.push_back({names[i], shape_of(ov::Output<const ov::Node>(ports[i]))});
      }
      return all;
    };
    NetworkOutline outline{
        tensors(model->inputs(), "input"), tensors(model->outputs(), "output"), {}};
    // Where OpenVINO keeps what an ONNX file holds beside its graph.
    if (model->has_rt_info("framework", "names")) {
      outline.labels = read_class_names(model->get_rt_info<std::string>("framework", "names"));
    }
    return outline;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    throw Error(ExitCode::model,
                "the network " + quoted(network) + " cannot be loaded: " + cause_of(e));
  }
}

std::unique_ptr<Engine> make_openvino_engine(const std::filesystem::path& network,
                                             const EngineOptions& options) {
  return std::make_unique<OpenVinoEngine>(network, options);
}

}  // namespace lazarillo
