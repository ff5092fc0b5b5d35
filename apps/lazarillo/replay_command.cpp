#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>

#include "commands.h"
#include "error.h"
#include "run/record/replay.h"

namespace lazarillo {
namespace {

void print(const CueChange& change) {
  const auto at = [](const ToldCue& cue) {
    return fmt::format("{:8.2f} s  {}", static_cast<double>(cue.stream_ns) / 1e9, cue.text);
  };
  switch (change.kind) {
    case CueChange::Kind::added:
      std::cout << "new     " << at(change.replayed) << '\n';
      break;
    case CueChange::Kind::gone:
      std::cout << "gone    " << at(change.recorded) << '\n';
      break;
    case CueChange::Kind::changed:
      std::cout << "changed " << at(change.recorded) << "\n     to " << at(change.replayed) << '\n';
      break;
  }
}

std::size_t count(const ReplayResult& result, CueChange::Kind kind) {
  return static_cast<std::size_t>(
      std::count_if(result.changes.begin(), result.changes.end(),
                    [kind](const CueChange& change) { return change.kind == kind; }));
}

int run(const ReplayOptions& options) {
  using std::chrono::steady_clock;
  const steady_clock::time_point begin = steady_clock::now();
  const ReplayResult result = replay(options);
  const double took_s = std::chrono::duration<double>(steady_clock::now() - begin).count();
  for (const CueChange& change : result.changes) print(change);
  for (const std::string& note : result.notes) std::cerr << "lazarillo: " << note << '\n';
  std::cout << fmt::format("{} frames, {:.1f} s, in {:.2f} s ({:.0f} times life)\n", result.frames,
                           result.stream_s, took_s, result.stream_s / std::max(took_s, 1e-9));
  if (result.changes.empty()) {
    std::cout << fmt::format("{} cues, all as recorded\n", result.replayed_cues);
    return 0;
  }
  std::cout << fmt::format(
      "{} cues recorded, {} now: {} new, {} gone, {} changed\n", result.recorded_cues,
      result.replayed_cues, count(result, CueChange::Kind::added),
      count(result, CueChange::Kind::gone), count(result, CueChange::Kind::changed));
  // What was asked for is no failure.
  return result.same_settings ? static_cast<int>(ExitCode::property) : 0;
}

}  // namespace

void add_replay_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app.add_subcommand(
      "replay", "Have the guide decide once more on what a recording holds, and compare the cues");
  command->add_option("FILE", options->file, "A recording (`lazarillo record`)")->required();
  command->add_option("--set", options->settings,
                      "Another setting than the recorded one, as often as needed: "
                      "--set guide.critical_ttc_s=3");
  command->add_option("--config", options->config_file,
                      "Settings (TOML) read over the recorded ones");
  command->add_option("--out", options->out_directory,
                      "Write events.jsonl, the settings (config.toml) and the calibration into "
                      "this folder");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace lazarillo
