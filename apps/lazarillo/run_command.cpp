#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include "commands.h"
#include "control/command_inputs.h"
#include "guide/pace.h"
#include "run/isolate/supervisor.h"
#include "run/machine_profile.h"
#include "run/paths.h"
#include "run/pipeline.h"
#include "run/thread_role.h"
#include "signal_watch.h"
#include "source/source.h"
#include "speak/phrasebook.h"
#include "speak/sound_info.h"

namespace lazarillo {
namespace {

/// The language of the session, where there is a file for it; else English.
std::string session_language() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const auto known = Phrasebook::languages(home_directory() / "data" / "lang");
    const std::string code = std::string(value).substr(0, 2);
    return std::find(known.begin(), known.end(), code) == known.end() ? "en" : code;
  }
  return "en";
}

/// Hands the walker's commands to the pipeline as long as it lives.
class CommandThread {
 public:
  CommandThread(CommandInputs& inputs, Pipeline& pipeline)
      : thread_([&inputs, &pipeline](const std::stop_token& stop) {
          begin_thread("lz-commands", ThreadRole::normal);
          constexpr std::chrono::milliseconds kPatience{100};
          while (!stop.stop_requested()) {
            for (const Command command : inputs.wait(kPatience)) pipeline.tell(command);
          }
        }) {}

 private:
  std::jthread thread_;
};

struct RunArguments {
  RunOptions options;
  std::string out;
  std::string config_file;
  std::string models;
  std::string language;
  std::string pace;
  std::string commands;
  std::string calibration;
  double hfov_deg = 0;
  int threads = 0;
  bool fast = false;
  bool realtime = false;
  bool no_sound = false;
  bool no_speech = false;
  bool no_earcons = false;
  bool no_video = false;
  bool no_depth = false;
  bool isolate = false;
  bool no_tuned = false;
};

RunOptions options_from(const RunArguments& a) {
  RunOptions options = a.options;
  options.out_directory = a.out;
  options.sound = !a.no_sound;
  options.video = !a.no_video;
  const bool mute = a.out.empty() && options.sound && !has_playback_device();
  if (mute) options.out_directory = "lazarillo-out";
  options.realtime =
      a.realtime || (!a.fast && (options.out_directory.empty() || is_live(options.source)));
  Config& config = options.config;
  config.language = session_language();
  if (a.no_depth) config.seeing.depth = false;
  read_settings({a.config_file, a.models, a.threads,
                 a.no_tuned ? std::filesystem::path() : machine_profile_file(), options.realtime},
                config);
  if (!a.pace.empty()) config.guiding.words_per_minute = *words_per_minute_of(a.pace);
  if (!a.language.empty()) config.language = a.language;
  if (!a.commands.empty()) {
    if (!options.realtime) {
      throw Error(ExitCode::usage, "--commands is for live runs: add --realtime");
    }
    config.commands.socket = a.commands;
  }
  if (!a.calibration.empty()) config.calibration = a.calibration;
  if (a.hfov_deg > 0) {
    config.hfov_deg = a.hfov_deg;
    config.hfov_assumed = false;
  }
  if (a.no_speech) config.speaking.speech = false;
  if (a.no_earcons) config.speaking.earcons = false;
  if (mute) {
    std::cerr << "lazarillo: no sound card here: rendering into lazarillo-out/ (--out names "
                 "another folder)\n";
  }
  return options;
}

int finish(const RunResult& result, int signal) {
  print_table(result.report, std::cout);
  for (const std::string& line : result.problems) std::cerr << "lazarillo: " << line << '\n';
  if (signal != 0) return 128 + signal;
  return static_cast<int>(result.code);
}

int run(const RunArguments& arguments) {
  const RunOptions options = options_from(arguments);
  // Before a key can be pressed, and before any thread begins.
  SignalWatch::block();
  std::optional<CommandInputs> inputs;
  if (options.realtime) {
    inputs.emplace(options.config.commands,
                   [](const std::string& line) { std::cerr << "lazarillo: " << line << '\n'; });
  }
  if (arguments.isolate) {
    if (!options.record.empty()) {
      throw Error(ExitCode::usage, "a run is recorded in one process: leave out --isolate");
    }
    int signal = 0;
    const RunResult result = run_isolated(options, signal, inputs ? &*inputs : nullptr);
    inputs.reset();
    return finish(result, signal);
  }
  SignalWatch signals;
  Pipeline pipeline(options);
  const SignalWatch::Work work(signals, [&pipeline] { pipeline.stop(); });
  std::optional<CommandThread> commands;
  if (inputs) commands.emplace(*inputs, pipeline);
  const RunResult result = pipeline.run();
  commands.reset();
  inputs.reset();
  return finish(result, signals.received());
}

void add_run_options(CLI::App* command, RunArguments& a) {
  command
      ->add_option(
          "SOURCE", a.options.source,
          "A video file, a camera (camera:, /dev/video0), a stream (rtsp://..., http://..., "
          "udp://..., srt://...), Aria glasses (aria:) or a recording of them (.vrs)")
      ->required();
  command->add_option(
      "--out", a.out,
      "Write overlay.mp4, audio.wav, events.jsonl and report.json into this folder; "
      "without it you hear the run through the sound card");
  command->add_option("--config", a.config_file,
                      "Settings (TOML); `lazarillo config` prints them all");
  command->add_option("--models", a.models,
                      "What to see with: a name from `lazarillo models list`, or a manifest");
  command->add_option("--lang", a.language,
                      "Language of the sentences: de, en, es, fr, or a file you added");
  command
      ->add_option("--pace", a.pace,
                   "How much is said: critical-only, calm (30 words a minute), normal (60), dense "
                   "(120); what is critical is always said")
      ->check(CLI::Validator(
          [](const std::string& name) {
            return words_per_minute_of(name) ? std::string()
                                             : "known are critical-only, calm, normal and dense";
          },
          "PACE"));
  command->add_option("--commands", a.commands,
                      "Live: where `lazarillo tell` reaches this run (default "
                      "$XDG_RUNTIME_DIR/lazarillo.sock; none: nowhere)");
  command->add_option("--hfov", a.hfov_deg, "Horizontal field of view of the camera, degrees")
      ->check(CLI::Range(5.0, 170.0));
  command->add_option(
      "--calibration", a.calibration,
      "Calibration of the camera: a file of `lazarillo calibrate`, OpenCV or Kalibr, "
      "or JSON; FILE#NAME for one of its cameras");
  command->add_option("--threads", a.threads, "Threads of the networks (default: one per core)")
      ->check(CLI::Range(1, 256));
  auto* fast = command->add_flag("--fast", a.fast,
                                 "As fast as possible, nothing dropped, the same cues every time "
                                 "(default with --out)");
  command
      ->add_flag("--realtime", a.realtime,
                 "At the stream's pace, the newest frame wins (default without --out)")
      ->excludes(fast);
  command->add_flag("--no-sound", a.no_sound, "No sound at all");
  command->add_flag("--no-speech", a.no_speech, "Earcons only");
  command->add_flag("--no-earcons", a.no_earcons, "Sentences only");
  command->add_flag("--no-video", a.no_video, "No overlay.mp4");
  command->add_flag("--isolate", a.isolate,
                    "Capture, seeing, guiding and showing as processes of their own: what dies is "
                    "started again (only live)");
  command
      ->add_option("--feed-fps", a.options.feed_fps,
                   "For measuring: the file's frames at this rate instead of its own")
      ->check(CLI::Range(0.1, 10000.0));
  command->add_flag("--no-tuned", a.no_tuned,
                    "Leave out what `lazarillo tune` found best on this machine");
  command->add_flag("--no-depth", a.no_depth, "Leave out the depth network of a pair");
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand("run", "Guide through a video, or live");
  add_run_options(command, *arguments);
  command->add_option("--record", arguments->options.record,
                      "Record the run into this .mkv file, as `lazarillo record` does");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

void add_record_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand(
      "record", "Guide as `run` does, and record all that `replay` needs into one file");
  add_run_options(command, *arguments);
  command
      ->add_option("FILE", arguments->options.record,
                   "The recording, .mkv: the video as it came, and what the guide was given")
      ->required();
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace lazarillo
