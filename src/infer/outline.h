#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "infer/engine.h"

namespace lazarillo {

/// What a network's file says of itself, before it is made ready to run.
struct NetworkOutline {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  /// Names of its classes, where its maker wrote them into it as Ultralytics does; else empty.
  std::vector<std::string> labels;
};

/// Reads what make_openvino_engine() reads. Throws Error(model).
[[nodiscard]] NetworkOutline read_outline(const std::filesystem::path& network);

/// "{0: 'person', 1: 'car'}", as Python writes it, as a list. Empty when it is not a list of names
/// for 0, 1, 2 ...
[[nodiscard]] std::vector<std::string> read_class_names(const std::string& text);

}  // namespace lazarillo
