#include "fetch/manifest_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace lazarillo {
namespace {

std::string three(const std::array<float, 3>& values) {
  return fmt::format("[{}, {}, {}]", values[0], values[1], values[2]);
}

std::string input(const NetworkManifest& n) {
  std::string text = fmt::format(
      "{{ width = {}, height = {}, layout = \"{}\", colour = \"{}\"", n.input_width, n.input_height,
      n.layout == TensorLayout::nchw ? "nchw" : "nhwc", n.rgb ? "rgb" : "bgr");
  text += fmt::format(", mean = {}, std = {}, letterbox = {}, pad = {} }}", three(n.mean),
                      three(n.std), n.letterbox, n.pad_value);
  return text;
}

}  // namespace

std::string toml_text(const std::string& text) {
  // TOML's basic strings and their escapes are JSON's.
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string table_name(Task task) {
  switch (task) {
    case Task::joint:
      return "joint";
    case Task::detect:
      return "detector";
    case Task::depth:
      return "depth";
  }
  return "";
}

std::string contract_name(const NetworkManifest& network) {
  if (network.task == Task::joint) return "joint";
  if (network.task == Task::depth) {
    return network.depth == DepthContract::metric ? "metric" : "relative_inverse";
  }
  switch (network.detector) {
    case DetectorContract::ultralytics:
      return "ultralytics";
    case DetectorContract::end_to_end:
      return "end_to_end";
    case DetectorContract::detr:
      return "detr";
  }
  return "";
}

std::string manifest_head(const ModelSet& set, const std::string& comment) {
  std::string text;
  std::istringstream lines(comment);
  for (std::string line; std::getline(lines, line);) text += "# " + line + '\n';
  if (!set.name.empty()) text += "name = " + toml_text(set.name) + '\n';
  if (!set.description.empty()) text += "description = " + toml_text(set.description) + '\n';
  if (!set.licence.empty()) text += "licence = " + toml_text(set.licence) + '\n';
  return text;
}

std::string manifest_table(const NetworkManifest& n, const std::string& file) {
  std::string text = "\n[" + table_name(n.task) + "]\nfile = " + toml_text(file) + '\n';
  if (!n.sha256.empty()) text += "sha256 = \"" + n.sha256 + "\"\n";
  if (!n.weights_sha256.empty()) text += "weights_sha256 = \"" + n.weights_sha256 + "\"\n";
  text += "input = " + input(n) + '\n';
  if (n.task != Task::depth) {
    text += "labels = [";
    for (const std::string& label : n.labels) {
      text += (&label == n.labels.data() ? "" : ", ") + toml_text(label);
    }
    text += fmt::format("]\nscore_threshold = {}\nnms_iou = {}\n", n.score_threshold, n.nms_iou);
  }
  if (n.task != Task::joint) text += "contract = \"" + contract_name(n) + "\"\n";
  if (n.task == Task::detect) {
    text += std::string("box_units = \"") + (n.boxes_normalised ? "normalised" : "pixels") + "\"\n";
  }
  if (n.canonical_focal_px > 0) {
    text += fmt::format("canonical_focal_px = {}\n", n.canonical_focal_px);
  }
  return text;
}

}  // namespace lazarillo
