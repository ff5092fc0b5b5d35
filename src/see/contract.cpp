#include "see/contract.h"

#include "error.h"

namespace lazarillo {
namespace {

using Shape = std::vector<std::int64_t>;

[[noreturn]] void refuse(const NetworkManifest& network, const std::string& says,
                         const std::string& has) {
  throw Error(ExitCode::model, "'" + network.described.filename().string() + "' says " + says +
                                   ", the network '" + network.file.filename().string() + "' has " +
                                   has);
}

std::optional<std::size_t> find(const Engine& engine, const std::string& name) {
  for (std::size_t i = 0; i < engine.outputs().size(); ++i) {
    if (engine.outputs()[i].name == name) return i;
  }
  return std::nullopt;
}

std::string names(const std::vector<TensorInfo>& tensors) {
  std::string line;
  for (const TensorInfo& t : tensors) line += (line.empty() ? "" : ", ") + t.name;
  return line.empty() ? "none" : line;
}

std::size_t output_named(const NetworkManifest& network, const Engine& engine,
                         const std::string& name, const std::string& all) {
  const auto index = find(engine, name);
  if (!index) refuse(network, "outputs " + all, "outputs " + names(engine.outputs()));
  return *index;
}

/// Boxes 1xNx4 and what is told of each of them for every class, 1xNxC.
void check_boxes(const NetworkManifest& network, const Engine& engine, const OutputPlan& plan) {
  const auto classes = static_cast<std::int64_t>(network.labels.size());
  const Shape boxes = engine.output(plan.boxes).shape;
  const Shape scores = engine.output(plan.scores).shape;
  if (boxes.size() != 3 || boxes[0] != 1 || boxes[2] != 4) {
    refuse(network, engine.outputs()[plan.boxes].name + " 1xNx4", to_string(boxes));
  }
  if (scores != Shape{1, boxes[1], classes}) {
    refuse(network,
           engine.outputs()[plan.scores].name + ' ' + to_string({1, boxes[1], classes}) + " (" +
               std::to_string(classes) + " labels)",
           to_string(scores));
  }
}

/// Height and width of 1xHxW or 1x1xHxW; the map must cover the input with square cells.
void check_depth(const NetworkManifest& network, const Engine& engine, std::size_t index,
                 const std::string& name) {
  const Shape shape = engine.output(index).shape;
  const bool map =
      (shape.size() == 3 && shape[0] == 1) || (shape.size() == 4 && shape[0] == 1 && shape[1] == 1);
  if (!map) refuse(network, name + " 1x1xHxW or 1xHxW", to_string(shape));
  const std::int64_t height = shape[shape.size() - 2];
  const std::int64_t width = shape[shape.size() - 1];
  if (width < 1 || width * network.input_height != height * network.input_width) {
    refuse(
        network,
        "input " + to_string(input_shape(network)) + " and a " + name + " map of its proportions",
        to_string(shape));
  }
}

}  // namespace

Shape input_shape(const NetworkManifest& network) {
  const std::int64_t height = network.input_height;
  const std::int64_t width = network.input_width;
  return network.layout == TensorLayout::nchw ? Shape{1, 3, height, width}
                                              : Shape{1, height, width, 3};
}

void check_input(const NetworkManifest& network, const Engine& engine) {
  const Shape said = input_shape(network);
  if (engine.inputs().size() != 1) {
    refuse(network, "one input " + to_string(said), "inputs " + names(engine.inputs()));
  }
  if (engine.inputs()[0].shape != said) {
    refuse(network, "input " + to_string(said), to_string(engine.inputs()[0].shape));
  }
}

OutputPlan check_contract(const NetworkManifest& network, const Engine& engine) {
  const auto classes = static_cast<std::int64_t>(network.labels.size());
  const std::string labels = " (" + std::to_string(classes) + " labels)";
  OutputPlan plan;
  if (engine.outputs().empty()) refuse(network, "outputs", "none");

  if (network.task == Task::joint) {
    constexpr const char* kOutputs = "boxes, scores, depth";
    plan.boxes = output_named(network, engine, "boxes", kOutputs);
    plan.scores = output_named(network, engine, "scores", kOutputs);
    plan.depth = output_named(network, engine, "depth", kOutputs);
    plan.depth_sigma = find(engine, "depth_sigma");
    check_boxes(network, engine, plan);
    check_depth(network, engine, plan.depth, "depth");
    if (plan.depth_sigma) {
      const Shape depth = engine.output(plan.depth).shape;
      const Shape sigma = engine.output(*plan.depth_sigma).shape;
      if (sigma != depth) refuse(network, "depth_sigma " + to_string(depth), to_string(sigma));
    }
    return plan;
  }

  if (network.task == Task::detect && network.detector == DetectorContract::detr) {
    plan.boxes = output_named(network, engine, "pred_boxes", "logits, pred_boxes");
    plan.scores = output_named(network, engine, "logits", "logits, pred_boxes");
    check_boxes(network, engine, plan);
    return plan;
  }

  const Shape shape = engine.output(0).shape;
  if (network.task == Task::depth) {
    check_depth(network, engine, 0, "depth");
    return plan;
  }
  const bool batch_of_one = shape.size() == 3 && shape[0] == 1;
  if (network.detector == DetectorContract::end_to_end) {
    if (!batch_of_one || shape[2] != 6) {
      refuse(network, "output 1xNx6 (end_to_end)", to_string(shape));
    }
    return plan;
  }
  const std::int64_t rows = 4 + classes;
  if (!batch_of_one || (shape[1] != rows && shape[2] != rows)) {
    refuse(network, "output 1x" + std::to_string(rows) + "xN" + labels, to_string(shape));
  }
  plan.transposed = shape[1] != rows;
  return plan;
}

}  // namespace lazarillo
