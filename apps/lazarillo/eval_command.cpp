#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>

#include "commands.h"
#include "count_progress.h"
#include "error.h"
#include "eval/coco.h"
#include "eval/depth.h"
#include "eval/detection.h"
#include "eval/distance.h"
#include "eval/ground.h"
#include "eval/report.h"
#include "run/config.h"
#include "run/machine_profile.h"
#include "run/paths.h"

namespace lazarillo {
namespace {

struct EvalArguments {
  std::string folder;
  Choice choice;
  std::string config_file;
  std::string models;
  std::string json_file;
  double least_score = 0.001;  ///< detection
  std::string coco_folder;     ///< detection
  Objects objects = Objects::any;
  std::optional<double> gravity_error_deg;  ///< distance, ground
};

EvalProgress pictures_progress() {
  const auto progress = std::make_shared<CountProgress>("pictures");
  return [progress](std::size_t done, std::size_t all) { progress->update(done, all); };
}

/// The networks and settings a run would have, and what is said about them.
struct Setting {
  explicit Setting(const EvalArguments& a) {
    read_settings({a.config_file, a.models, 0, machine_profile_file(), false}, config);
    models = load_model_set(config.models, model_directories());
    catalog = ObjectCatalog::load(home_directory() / "data" / "objects.toml");
    about.data = a.folder;
    about.split = a.choice.split;
    about.models = models.name;
    if (!a.json_file.empty()) {
      json.open(a.json_file);
      if (!json) throw Error(ExitCode::output, "cannot write '" + a.json_file + "'");
    }
  }

  void measured_with(const NetworkManifest& network) {
    about.network = network.file.filename().string();
    about.sha256 = sha256_of(network.file);
  }

  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }

  Config config;
  ModelSet models;
  ObjectCatalog catalog;
  EvalAbout about;
  std::ofstream json;
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
};

/// The table, and the file where one was asked for.
template <class Result>
void tell(const Result& result, Setting& setting, const EvalArguments& a) {
  setting.about.seconds = setting.seconds();
  std::cout << fmt::format("{}, split {}, with {} ({}), {:.0f} s\n\n", a.folder, a.choice.split,
                           setting.about.models, setting.about.network, setting.about.seconds);
  print(result, std::cout);
  if (a.json_file.empty()) return;
  setting.json << to_json(result, setting.about) << '\n';
  setting.json.close();
  if (!setting.json) throw Error(ExitCode::output, "cannot write '" + a.json_file + "'");
}

int eval_detection(const EvalArguments& a) {
  Setting setting(a);
  setting.config.seeing.score_threshold = a.least_score;
  setting.config.seeing.depth = false;
  setting.about.least_score = a.least_score;
  const NetworkManifest& network = finder_of(setting.models);
  setting.measured_with(network);
  Perception perception(setting.models, setting.config.seeing);
  const DetectionRun run = detect(perception, network.labels, setting.catalog, a.folder, a.choice,
                                  setting.config.hfov_deg, pictures_progress());
  const DetectionScore result = score(run);
  if (!a.coco_folder.empty()) write_coco(run, a.coco_folder);
  tell(result, setting, a);
  return 0;
}

/// The network that gives depth.
const NetworkManifest& measurer_of(const ModelSet& models) {
  for (const NetworkManifest& network : models.networks) {
    if (network.task != Task::detect) return network;
  }
  return finder_of(models);
}

int eval_depth(const EvalArguments& a) {
  Setting setting(a);
  setting.measured_with(measurer_of(setting.models));
  Perception perception(setting.models, setting.config.seeing);
  tell(evaluate_depth(perception, a.folder, a.choice, pictures_progress()), setting, a);
  return 0;
}

int eval_ground(const EvalArguments& a) {
  Setting setting(a);
  setting.measured_with(measurer_of(setting.models));
  Perception perception(setting.models, setting.config.seeing);
  Grounds grounds;
  grounds.pictures = find_grounds(perception, setting.config.ground, a.folder, a.choice,
                                  a.gravity_error_deg, pictures_progress());
  grounds.gravity_error_deg = a.gravity_error_deg;
  grounds.scores = score(grounds.pictures);
  tell(grounds, setting, a);
  return 0;
}

int eval_distance(const EvalArguments& a) {
  Setting setting(a);
  setting.measured_with(measurer_of(setting.models));
  Perception perception(setting.models, setting.config.seeing);
  // What is weaker is no object to a run: it only continues one.
  const double stated = setting.config.tracking.high_score;
  setting.about.least_score = stated > 0 ? stated : perception.suggested_score();
  Distances distances;
  distances.objects =
      measure_distances(perception, setting.catalog, a.folder, a.choice, a.objects,
                        setting.about.least_score, a.gravity_error_deg, pictures_progress());
  distances.score = score(distances.objects);
  tell(distances, setting, a);
  return 0;
}

void add_common(CLI::App& command, EvalArguments& a) {
  command.add_option("DIR", a.folder, "Folder of the data set (docs/evaluation.md)")->required();
  command.add_option("--split", a.choice.split, "Which part of it")->capture_default_str();
  command.add_option("--max", a.choice.most, "Only so many pictures, spread over all; 0: all")
      ->capture_default_str();
  command.add_option("--models", a.models,
                     "What to see with: a name from `lazarillo models list`, or a manifest");
  command.add_option("--config", a.config_file,
                     "Settings (TOML); `lazarillo config` prints them all");
  command.add_option("--json", a.json_file, "Write the numbers into this file, too");
}

void add_gravity(CLI::App& command, EvalArguments& a) {
  command
      .add_option("--gravity", a.gravity_error_deg,
                  "Tell it where gravity points, as an IMU would that is off by so many degrees "
                  "(standard deviation)")
      ->check(CLI::Range(0.0, 45.0));
}

}  // namespace

void add_eval_command(CLI::App& app, int& exit_code) {
  CLI::App* eval = app.add_subcommand(
      "eval",
      "Measure how good it sees and guides: on pictures with labels or measured depth, and "
      "on annotated videos");
  eval->require_subcommand(1);
  eval->footer(
      "Plots of what --json wrote: tools/eval/plots.py. Data sets out of COCO, VOC, ScanNet, "
      "7-Scenes, Aria: tools/eval/convert.py; annotated videos: tools/eval/annotate.py.");
  auto a = std::make_shared<EvalArguments>();
  CLI::App* detection =
      eval->add_subcommand("detection", "Objects: average precision as COCO counts it");
  add_common(*detection, *a);
  detection
      ->add_option("--min-score", a->least_score,
                   "Weaker boxes are not looked at (a run leaves out those below "
                   "see.score_threshold)")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  detection->add_option("--coco", a->coco_folder,
                        "Write what was labelled and found into this folder, in COCO's formats "
                        "(ground_truth.json, detections.json)");
  detection->callback([a, &exit_code] { exit_code = eval_detection(*a); });

  CLI::App* depth = eval->add_subcommand(
      "depth", "Metric depth against measured depth: over all, and in the walking corridor");
  add_common(*depth, *a);
  depth->callback([a, &exit_code] { exit_code = eval_depth(*a); });

  CLI::App* ground = eval->add_subcommand(
      "ground", "The ground under the walker against the floor in measured depth");
  add_common(*ground, *a);
  add_gravity(*ground, *a);
  ground->callback([a, &exit_code] { exit_code = eval_ground(*a); });

  CLI::App* distance = eval->add_subcommand(
      "distance", "Distances of objects, by depth and known height, against measured ones");
  add_common(*distance, *a);
  const std::map<std::string, Objects> objects{
      {"any", Objects::any}, {"labelled", Objects::labelled}, {"found", Objects::found}};
  distance
      ->add_option("--objects", a->objects,
                   "Which: labelled boxes, or as the network finds them; any: labelled where a "
                   "picture has boxes, else found")
      ->transform(CLI::CheckedTransformer(objects, CLI::ignore_case))
      ->default_str("any");
  add_gravity(*distance, *a);
  distance->callback([a, &exit_code] { exit_code = eval_distance(*a); });

  add_eval_guidance(*eval, exit_code);
}

}  // namespace lazarillo
