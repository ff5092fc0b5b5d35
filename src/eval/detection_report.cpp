#include <fmt/format.h>

#include <ostream>

#include "eval/report_parts.h"

namespace lazarillo {
namespace {

using nlohmann::ordered_json;

ordered_json bins_of(const Reliability& reliability) {
  ordered_json bins = ordered_json::array();
  for (const ReliabilityBin& bin : reliability.bins) {
    bins.push_back({{"from", bin.from},
                    {"to", bin.to},
                    {"detections", bin.detections},
                    {"mean_score", bin.mean_score},
                    {"right", bin.right}});
  }
  return bins;
}

}  // namespace

std::string to_json(const DetectionScore& score, const EvalAbout& about) {
  ordered_json result = heading("detection", about);
  result["images"] = score.all.images;
  result["ap50"] = score.all.ap50;
  result["ap"] = score.all.ap;
  result["ece"] = score.reliability.ece;
  ordered_json& classes = result["per_class"] = ordered_json::object();
  for (const ClassScore& one : score.all.classes) {
    classes[one.name] = {{"ap50", one.precision.ap50},
                         {"ap", one.precision.ap},
                         {"images", one.images},
                         {"objects", one.precision.objects},
                         {"ece", one.reliability.ece}};
  }
  ordered_json& sets = result["per_set"] = ordered_json::object();
  for (const auto& [name, set] : score.sets) {
    sets[name] = {{"ap50", set.ap50},
                  {"ap", set.ap},
                  {"images", set.images},
                  {"classes", set.classes.size()}};
  }
  result["unknown_classes"] = score.unknown;
  result["reliability"] = bins_of(score.reliability);
  return result.dump(2);
}

void print(const DetectionScore& score, std::ostream& out) {
  out << fmt::format("  {:<16}{:>8}{:>9}{:>8}{:>8}\n", "class", "images", "objects", "AP50", "AP");
  std::size_t objects = 0;
  for (const ClassScore& one : score.all.classes) {
    objects += one.precision.objects;
    out << fmt::format("  {:<16}{:>8}{:>9}{:>8.3f}{:>8.3f}\n", one.name, one.images,
                       one.precision.objects, one.precision.ap50, one.precision.ap);
  }
  out << fmt::format("  {:<16}{:>8}{:>9}{:>8.3f}{:>8.3f}\n", "mean, all", score.all.images, objects,
                     score.all.ap50, score.all.ap);
  if (score.sets.size() > 1) {
    out << "\n  set\n";
    for (const auto& [name, set] : score.sets) {
      if (set.classes.empty()) continue;
      out << fmt::format("  {:<16}{:>8}{:>9}{:>8.3f}{:>8.3f}\n", name, set.images,
                         fmt::format("{} cl.", set.classes.size()), set.ap50, set.ap);
    }
  }
  out << fmt::format("\n  expected calibration error {:.4f}, of scores from {:.2f}\n",
                     score.reliability.ece, kLeastReliableScore);
  for (const std::string& name : score.unknown) {
    out << "  '" << name << "' is labelled and not known to the network: left out of the mean\n";
  }
}

}  // namespace lazarillo
