#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>
#include <string>
#include <vector>

#include "temp_dir.h"

namespace lazarillo::test {

struct TinyOutput {
  std::string name;
  ov::Shape shape;
  std::vector<float> values;  ///< as many as the shape holds, or one for all
  float gain = 0;             ///< the output is values + gain * mean(input), picture by picture
};

/// Writes a network with known answers, as OpenVINO IR.
inline void write_tiny_network(const std::filesystem::path& xml, const ov::PartialShape& input,
                               const std::vector<TinyOutput>& outputs,
                               ov::element::Type type = ov::element::f32) {
  namespace ops = ov::opset13;
  const auto parameter = std::make_shared<ops::Parameter>(type, input);
  parameter->output(0).set_names({"image"});
  const auto as_float = std::make_shared<ops::Convert>(parameter, ov::element::f32);
  const auto axes = ops::Constant::create(ov::element::i64, {3}, {1, 2, 3});
  const auto mean = std::make_shared<ops::ReduceMean>(as_float, axes, false);
  ov::ResultVector results;
  for (const TinyOutput& out : outputs) {
    const auto values = ops::Constant::create(ov::element::f32, out.shape, out.values);
    const auto gain = ops::Constant::create(ov::element::f32, {}, {out.gain});
    std::vector<std::int64_t> per_picture(out.shape.size(), 1);
    per_picture[0] = -1;
    const auto shape =
        ops::Constant::create(ov::element::i64, {per_picture.size()}, per_picture);
    const auto means = std::make_shared<ops::Reshape>(mean, shape, false);
    const auto sum =
        std::make_shared<ops::Add>(values, std::make_shared<ops::Multiply>(means, gain));
    sum->output(0).set_names({out.name});
    results.push_back(std::make_shared<ops::Result>(sum));
  }
  ov::serialize(std::make_shared<ov::Model>(results, ov::ParameterVector{parameter}), xml.string());
}

/// The folder of test material that is not part of the repository; may not exist.
inline std::filesystem::path shared_folder() {
  const char* stated = std::getenv("LAZARILLO_SHARED");
  return stated != nullptr ? std::filesystem::path(stated)
                           : std::filesystem::path(LZ_SOURCE_DIR) / ".." / "shared";
}

inline std::filesystem::path models_folder() {
  return std::filesystem::path(LZ_SOURCE_DIR) / "models";
}

}  // namespace lazarillo::test
