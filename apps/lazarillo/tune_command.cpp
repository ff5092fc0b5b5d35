#include <fmt/chrono.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>

#include "commands.h"
#include "error.h"
#include "infer/model_set.h"
#include "run/config.h"
#include "run/paths.h"
#include "run/processor.h"
#include "run/tune.h"

namespace lazarillo {
namespace {

/// lznet's sizes, the one that sees best first.
const std::vector<std::string> kSteps{"lznet", "lznet-int8", "lznet-nano"};

struct TuneArguments {
  std::string models;  ///< empty: one of kSteps
  double fps = 60;
  std::string file;
  double seconds = TuneOptions{}.seconds;
  bool dry_run = false;
};

std::filesystem::path target(const TuneArguments& a) {
  std::filesystem::path file =
      a.file.empty() ? machine_profile_file() : std::filesystem::path(a.file);
  if (file.empty()) {
    throw Error(ExitCode::output,
                "no home folder to write the profile into: name a file with --write");
  }
  return file;
}

/// As a whole or not at all: runs read it at any time.
void write(const std::filesystem::path& file, const std::string& text) {
  std::error_code error;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), error);
  const std::filesystem::path part = file.string() + ".part";
  std::ofstream stream(part, std::ios::binary);
  stream << text;
  stream.close();
  if (stream) std::filesystem::rename(part, file, error);
  if (!stream || error) {
    throw Error(ExitCode::output,
                "cannot write '" + file.string() + "': name another with --write");
  }
}

ModelSet announced(const std::string& name) {
  ModelSet models = load_model_set(name, model_directories());
  std::cerr << "lazarillo: measuring '" << models.name << "'\n";
  return models;
}

TunedModels choose_models(const TuneArguments& a, const TuneOptions& options) {
  if (!a.models.empty()) return {a.models, {}};
  TunedModels about;
  for (const std::string& name : kSteps) {
    about.chosen.push_back({name, quickest_call(announced(name), options).call_ms});
  }
  about.models = about.chosen[choose_step(about.chosen, a.fps)].models;
  std::cout << fmt::format("models    {}, for {:g} frames a second\n", about.models, a.fps);
  return about;
}

int tune(const TuneArguments& a) {
  const std::filesystem::path file = a.dry_run ? std::filesystem::path() : target(a);
  const int cores = core_count();
  std::cerr << "lazarillo: on " << processor_name() << '\n';
  double load = 0;
  if (getloadavg(&load, 1) == 1 && load > 0.5 * cores) {
    std::cerr << fmt::format(
        "lazarillo: other programs are at work here (load {:.1f}): measure again when it is "
        "quiet\n",
        load);
  }
  TuneOptions options;
  options.cores = cores;
  options.depth_interval = Config{}.pace.depth_interval;
  options.seconds = a.seconds;
  options.progress = [](const std::string& line) { std::cerr << "lazarillo: " << line << '\n'; };
  const TunedModels about = choose_models(a, options);
  const TuneTable table = measure(announced(about.models), options);
  const TuneChoice choice = choose(table, cores);
  std::cout << describe(table, choice);
  if (a.dry_run) return 0;
  const std::time_t now = std::time(nullptr);
  write(file, to_profile(table, choice, about, fmt::format("{:%Y-%m-%d}", fmt::localtime(now))));
  std::cout << file.string() << '\n';
  return 0;
}

}  // namespace

void add_tune_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<TuneArguments>();
  TuneArguments& a = *arguments;
  CLI::App* command = app.add_subcommand(
      "tune", "Find the model, threads, batch and streams for this machine, and keep them");
  command->add_option(
      "--models", a.models,
      "What to measure: a name from `lazarillo models list`, or a manifest. Without, the "
      "size of lznet is chosen too: the one that sees best at --fps");
  command->add_option("--fps", a.fps, "Frames a second the chosen size is to look at")
      ->check(CLI::Range(1.0, 1000.0))
      ->capture_default_str();
  command->add_option("--write", a.file,
                      "Write the settings into this file instead of this machine's own profile");
  command->add_option("--seconds", a.seconds, "About how long each setting is measured")
      ->check(CLI::Range(0.01, 60.0))
      ->capture_default_str();
  command->add_flag("--dry-run", a.dry_run, "Measure and tell, write nothing");
  command->callback([arguments, &exit_code] { exit_code = tune(*arguments); });
}

}  // namespace lazarillo
