#include <CLI/CLI.hpp>
#include <iomanip>
#include <iostream>
#include <memory>

#include "commands.h"
#include "error.h"
#include "infer/model_set.h"
#include "run/paths.h"
#include "see/perception.h"

namespace lazarillo {
namespace {

int list() {
  for (const ModelSetSummary& set : list_model_sets(model_directories())) {
    std::cout << std::left << std::setw(20) << set.name << set.description << '\n'
              << std::setw(20) << "" << set.manifest.string() << '\n';
    if (!set.problem.empty())
      std::cout << std::setw(20) << ""
                << "NOT USABLE: " << set.problem << '\n';
  }
  return 0;
}

const char* to_string(Task task) {
  switch (task) {
    case Task::joint:
      return "objects and metric depth";
    case Task::detect:
      return "objects";
    case Task::depth:
      return "depth";
  }
  return "";
}

int show(const std::string& name) {
  const ModelSet set = load_model_set(name, model_directories());
  std::cout << set.name << "\n  " << set.description
            << "\n  licence: " << (set.licence.empty() ? "not stated" : set.licence) << '\n';
  for (const NetworkManifest& network : set.networks) {
    std::cout << '\n'
              << network.name << ": " << to_string(network.task) << "\n  file       "
              << network.file.string() << "\n  sha256     "
              << (network.sha256.empty() ? "not stated" : network.sha256) << "\n  input      "
              << network.input_width << " x " << network.input_height << ' '
              << (network.rgb ? "RGB" : "BGR") << ' '
              << (network.layout == TensorLayout::nchw ? "NCHW" : "NHWC")
              << (network.letterbox ? ", letterboxed" : ", stretched") << '\n';
    if (!network.labels.empty()) {
      std::cout << "  classes    " << network.labels.size() << ":";
      for (const std::string& label : network.labels)
        std::cout << ' ' << label << (&label == &network.labels.back() ? "\n" : ",");
      std::cout << "  score      " << network.score_threshold << "\n";
    }
    if (network.canonical_focal_px > 0) {
      std::cout << "  depth      metres = output * focal length / " << network.canonical_focal_px
                << '\n';
    }
  }
  return 0;
}

/// Loads a set as a run would: files, checksums, shapes, one warm-up inference.
int verify(const std::vector<std::string>& names) {
  std::vector<std::string> wanted = names;
  if (wanted.empty()) {
    for (const ModelSetSummary& set : list_model_sets(model_directories()))
      wanted.push_back(set.name);
  }
  int exit_code = 0;
  for (const std::string& name : wanted) {
    try {
      const Perception perception(load_model_set(name, model_directories()), {});
      std::cout << name << ": good\n";
    } catch (const Error& error) {
      std::cout << name << ": " << error.what() << '\n';
      exit_code = static_cast<int>(error.code());
    }
  }
  return exit_code;
}

}  // namespace

void add_models_command(CLI::App& app, int& exit_code) {
  CLI::App* models = app.add_subcommand("models", "The networks it can see with");
  models->require_subcommand(1);
  models->add_subcommand("list", "Name the model sets found here")->callback([&exit_code] {
    exit_code = list();
  });
  auto name = std::make_shared<std::string>();
  CLI::App* show_one = models->add_subcommand("show", "Describe one model set");
  show_one->add_option("NAME", *name, "A name from `models list`, or a manifest")->required();
  show_one->callback([name, &exit_code] { exit_code = show(*name); });
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* check = models->add_subcommand("verify", "Check files, checksums and shapes");
  check->add_option("NAME", *names, "Which sets (default: all)");
  check->callback([names, &exit_code] { exit_code = verify(*names); });
  add_models_import(*models, exit_code);
  add_models_fetch(*models, exit_code);
}

}  // namespace lazarillo
