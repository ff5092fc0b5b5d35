#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "commands.h"
#include "error.h"
#include "eval/report.h"
#include "run/machine_profile.h"
#include "run/paths.h"
#include "run/pipeline.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

struct GuidanceArguments {
  std::string folder;
  std::string models;
  std::string config_file;
  std::string json_file;
  std::string out;     ///< what runs wrote is kept here
  std::string events;  ///< what runs wrote is read here
};

/// A folder for what runs write: the user's, or one that goes away with this.
class RunsFolder {
 public:
  explicit RunsFolder(const std::string& kept) : folder_(kept), temporary_(kept.empty()) {
    if (!temporary_) return;
    std::string pattern = (fs::temp_directory_path() / "lazarillo-eval-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw Error(ExitCode::output, "cannot make a folder like '" + pattern + "': see --out");
    }
    folder_ = pattern;
  }
  ~RunsFolder() {
    std::error_code ignored;
    if (temporary_) fs::remove_all(folder_, ignored);
  }
  RunsFolder(const RunsFolder&) = delete;
  RunsFolder& operator=(const RunsFolder&) = delete;

  /// Of one sequence.
  [[nodiscard]] fs::path of(const std::string& name) const { return folder_ / name; }

 private:
  fs::path folder_;
  bool temporary_;
};

/// As `run --fast`, without video and sound: neither changes what is decided.
void run_over(const AnnotatedSequence& sequence, const Config& config, const fs::path& out) {
  RunOptions options;
  options.source = sequence.video.string();
  options.out_directory = out;
  options.sound = false;
  options.video = false;
  options.config = config;
  if (sequence.hfov_deg) {
    options.config.hfov_deg = *sequence.hfov_deg;
    options.config.hfov_assumed = false;
  }
  const RunResult result = Pipeline(std::move(options)).run();
  if (result.code != ExitCode::ok) {
    throw Error(result.code, "'" + sequence.name + "': " +
                                 (result.problems.empty() ? "its run did not end well"
                                                          : result.problems.front()));
  }
}

int eval_guidance(const GuidanceArguments& a) {
  const auto began = std::chrono::steady_clock::now();
  const std::vector<AnnotatedSequence> sequences =
      read_sequences(a.folder, ObjectCatalog::load(home_directory() / "data" / "objects.toml"));
  std::ofstream json;
  if (!a.json_file.empty()) {
    json.open(a.json_file);
    if (!json) throw Error(ExitCode::output, "cannot write '" + a.json_file + "'");
  }
  Config config;
  read_settings({a.config_file, a.models, 0, machine_profile_file(), false}, config);
  const RunsFolder runs(a.events.empty() ? a.out : a.events);
  EvalAbout about;
  about.data = a.folder;
  Guidance guidance;
  for (const AnnotatedSequence& sequence : sequences) {
    if (a.events.empty()) run_over(sequence, config, runs.of(sequence.name));
    const Told told = read_told(runs.of(sequence.name) / "events.jsonl");
    about.models = told.models;
    guidance.sequences.push_back(match(sequence, told));
  }
  about.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::cout << fmt::format("{}, with {}, {:.0f} s\n\n", a.folder, about.models, about.seconds);
  print(guidance, std::cout);
  if (a.json_file.empty()) return 0;
  json << to_json(guidance, about) << '\n';
  json.close();
  if (!json) throw Error(ExitCode::output, "cannot write '" + a.json_file + "'");
  return 0;
}

}  // namespace

void add_eval_guidance(CLI::App& eval, int& exit_code) {
  auto arguments = std::make_shared<GuidanceArguments>();
  GuidanceArguments& a = *arguments;
  CLI::App* command = eval.add_subcommand(
      "guidance", "What is told of annotated videos: in time, late, missed, false, how much");
  command->add_option("DIR", a.folder, "Folder of NAME.hazards.json and videos")->required();
  auto* models = command->add_option(
      "--models", a.models, "What to see with: a name from `lazarillo models list`, or a manifest");
  auto* config = command->add_option("--config", a.config_file,
                                     "Settings (TOML); `lazarillo config` prints them all");
  command->add_option("--json", a.json_file, "Write the numbers into this file, too");
  auto* out =
      command->add_option("--out", a.out, "Keep what the runs write in NAME/ of this folder");
  command
      ->add_option("--events", a.events,
                   "Run nothing: score NAME/events.jsonl of this folder, as --out left them")
      ->excludes(models)
      ->excludes(config)
      ->excludes(out);
  command->callback([arguments, &exit_code] { exit_code = eval_guidance(*arguments); });
}

}  // namespace lazarillo
