#include "see/engine_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "error.h"
#include "see/contract.h"
#include "see/decode.h"
#include "see/letterbox.h"

namespace lazarillo {
namespace {

/// All boxes of an engine's last run, in its own order.
std::vector<Candidate> boxes_of(const NetworkManifest& network, const Engine& engine,
                                const OutputPlan& plan) {
  std::vector<Candidate> all;
  const int classes = static_cast<int>(network.labels.size());
  const float unit_x = network.boxes_normalised ? static_cast<float>(network.input_width) : 1.0F;
  const float unit_y = network.boxes_normalised ? static_cast<float>(network.input_height) : 1.0F;
  const float any = -std::numeric_limits<float>::infinity();
  const std::span<const float> boxes = engine.output(plan.boxes).values;
  if (network.task == Task::joint) {
    decode_joint(boxes, engine.output(plan.scores).values, classes, any, all);
  } else if (network.detector == DetectorContract::detr) {
    decode_detr(engine.output(plan.scores).values, boxes, classes, unit_x, unit_y, any, all);
  } else if (network.detector == DetectorContract::ultralytics) {
    decode_ultralytics(boxes, classes, plan.transposed, unit_x, unit_y, any, all);
  } else if (!decode_end_to_end(boxes, classes, unit_x, unit_y, any, all)) {
    throw Error(ExitCode::vision,
                "'" + network.name + "' gives a class that is none of its labels");
  }
  return all;
}

double edge_error(const Box& a, const Box& b) {
  return std::max(
      {std::abs(a.x1 - b.x1), std::abs(a.y1 - b.y1), std::abs(a.x2 - b.x2), std::abs(a.y2 - b.y2)});
}

/// The box to compare with: the same anchor's; of a network that suppresses by itself, whose
/// anchors are only places in a list, the one of the same class that lies nearest.
const Candidate* counterpart(const std::vector<Candidate>& tried, const Candidate& wanted,
                             bool anchored) {
  const Candidate* nearest = nullptr;
  for (const Candidate& c : tried) {
    if (anchored) {
      if (c.anchor == wanted.anchor) return &c;
    } else if (c.class_id == wanted.class_id &&
               (nearest == nullptr || iou(c.box, wanted.box) > iou(nearest->box, wanted.box))) {
      nearest = &c;
    }
  }
  return nearest;
}

void compare_boxes(const std::vector<Candidate>& tried, std::vector<Candidate> reference,
                   const NetworkManifest& network, const PlanLimits& limits, PlanCheck& check) {
  suppress(reference, static_cast<float>(network.nms_iou),
           {NmsLimits{}.candidates, NmsLimits{}.kept});
  const bool anchored =
      network.task == Task::joint || network.detector == DetectorContract::ultralytics;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const Candidate& wanted = reference[i];
    const bool weak = wanted.score < limits.compared;
    if (weak && i >= static_cast<std::size_t>(limits.at_least)) break;
    const Candidate* c = counterpart(tried, wanted, anchored);
    ++check.boxes;
    // Among weak classes, as random weights give them, the best one is chance.
    const bool lost = c == nullptr || (c->class_id != wanted.class_id && !weak);
    check.score =
        std::max(check.score, double(lost ? wanted.score : std::abs(c->score - wanted.score)));
    if (c == nullptr) continue;
    check.box_px = std::max(check.box_px, edge_error(c->box, wanted.box));
    check.overlap = std::min(check.overlap, static_cast<double>(iou(c->box, wanted.box)));
  }
}

/// Metres: parts of the distance. What has no unit and may be 0 far away: parts of the map's range.
void compare_depth(std::span<const float> got, std::span<const float> wanted,
                   DepthContract contract, std::vector<float>& errors) {
  const auto [least, most] = std::minmax_element(wanted.begin(), wanted.end());
  const float range = std::max(*most - *least, std::numeric_limits<float>::min());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const float whole = contract == DepthContract::metric
                            ? std::max(std::abs(wanted[i]), std::numeric_limits<float>::min())
                            : range;
    errors.push_back(std::abs(got[i] - wanted[i]) / whole);
  }
}

void require_finite(const NetworkManifest& network, const Engine& engine) {
  for (std::size_t i = 0; i < engine.outputs().size(); ++i) {
    if (all_finite(engine.output(i).values)) continue;
    throw Error(ExitCode::vision, "the output '" + engine.outputs()[i].name + "' of '" +
                                      network.name + "' is not finite");
  }
}

double quantile(std::vector<float>& errors, double part) {
  if (errors.empty()) return 0;
  const auto at =
      errors.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(errors.size() - 1));
  std::nth_element(errors.begin(), at, errors.end());
  return *at;
}

}  // namespace

PlanCheck check_engine(const NetworkManifest& network, Engine& tried, Engine& reference,
                       std::span<const Frame> pictures, const PlanLimits& limits) {
  if (pictures.empty()) throw Error(ExitCode::usage, "there are no pictures to check it with");
  PlanCheck check;
  Letterbox letterbox(network);
  std::optional<OutputPlan> plan;
  std::optional<OutputPlan> reference_plan;
  std::vector<float> depth_errors;
  for (const Frame& picture : pictures) {
    letterbox.fill(picture, reference.input(0));
    if (tried.input(0).size() != reference.input(0).size()) {
      throw Error(ExitCode::model, "'" + network.name + "' compiled takes another input");
    }
    std::copy(reference.input(0).begin(), reference.input(0).end(), tried.input(0).begin());
    tried.run();
    reference.run();
    if (!plan) {
      plan = check_contract(network, tried);
      reference_plan = check_contract(network, reference);
    }
    require_finite(network, reference);
    require_finite(network, tried);
    if (network.task != Task::depth) {
      compare_boxes(boxes_of(network, tried, *plan), boxes_of(network, reference, *reference_plan),
                    network, limits, check);
    }
    if (network.task != Task::detect) {
      const std::span<const float> got = tried.output(plan->depth).values;
      const std::span<const float> wanted = reference.output(reference_plan->depth).values;
      compare_depth(got, wanted, network.depth, depth_errors);
    }
    ++check.pictures;
  }
  check.depth_median = quantile(depth_errors, 0.5);
  check.depth_p99 = quantile(depth_errors, 0.99);
  const bool nothing_seen = network.int8 && network.task != Task::depth && check.boxes == 0;
  check.passed = !nothing_seen && check.box_px <= limits.box_px &&
                 check.overlap >= limits.overlap && check.score <= limits.score &&
                 check.depth_median <= limits.depth_median && check.depth_p99 <= limits.depth_p99;
  return check;
}

}  // namespace lazarillo
