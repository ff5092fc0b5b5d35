#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "error.h"
#include "run/config.h"
#include "run/paths.h"
#include "show/wav_writer.h"
#include "speak/phrasebook.h"
#include "speak/speaker.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

struct SoundsArguments {
  std::string folder;
  std::string language;
  std::string config;
};

/// One sound of the page.
struct Sample {
  std::string file;
  std::string title;
  Cue cue;
};

Cue cue_of(CueKind kind, Priority priority, double bearing_deg, double distance_m,
           const std::string& label = {}) {
  Cue cue;
  cue.kind = kind;
  cue.priority = priority;
  cue.track = 1;
  cue.label = label;
  cue.bearing_deg = bearing_deg;
  cue.side = bearing_deg < -12 ? Side::left : bearing_deg > 12 ? Side::right : Side::ahead;
  cue.clock_hour = bearing_deg < 0 ? 11 : bearing_deg > 0 ? 1 : 12;
  cue.distance_m = distance_m;
  return cue;
}

std::vector<Sample> samples() {
  using enum CueKind;
  using enum Priority;
  return {
      {"information", "Information: something to know of, here 30 degrees to the right",
       cue_of(object, info, 30, 4, "chair")},
      {"warning", "Warning: somebody comes from the left",
       cue_of(approaching, warning, -30, 5, "person")},
      {"critical", "Critical: a car is about to hit", cue_of(approaching, critical, 30, 3, "car")},
      {"obstacle", "Something without a name in the way", cue_of(obstacle, warning, 0, 2)},
      {"head", "At head height: two tones that rise", cue_of(head_level, critical, 0, 1.6)},
      {"drop", "The ground goes down: three tones that fall", cue_of(drop, critical, 0, 1.6)},
      {"clear", "The way is free again", cue_of(path_clear, info, 0, 5)},
      {"answer", "An answer to a command", cue_of(muted, info, 0, 5)},
  };
}

/// Renders what `play` has a speaker say into a file.
template <class Play>
void render(const fs::path& file, const SpeakerOptions& options, const Play& play) {
  WavWriter wav(file);
  Speaker speaker(options, [&](std::span<const float> sound) { wav.write(sound); });
  play(speaker);
  speaker.finish(10);
  wav.close();
  if (!wav.fault().empty()) throw Error(ExitCode::output, wav.fault());
}

/// Half a minute of a walk in which nothing is told, in five seconds: the way goes from the left to
/// the right.
void walk(Speaker& speaker) {
  constexpr std::int64_t kStep_ns = 20'000'000;
  constexpr int kSteps = 250;
  for (int i = 0; i <= kSteps; ++i) speaker.seeing(true, -40 + 80.0 * i / kSteps, i * kStep_ns);
}

std::string row(const std::string& title, const std::string& file, const std::string& sentence) {
  return fmt::format(
      "<tr><td>{}</td><td><audio controls preload=\"none\" src=\"{}.wav\">{}.wav</audio></td>"
      "<td>{}</td></tr>\n",
      title, file, file, sentence);
}

int write_sounds(const SoundsArguments& a) {
  Config config;
  if (!a.config.empty()) read_config(a.config, config);
  if (!a.language.empty()) config.language = a.language;
  const fs::path folder = a.folder;
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) {
    throw Error(ExitCode::output,
                "the folder '" + a.folder + "' cannot be made: " + failed.message());
  }
  const Phrasebook phrases =
      Phrasebook::load(home_directory() / "data" / "lang", config.language, config.wording);
  SpeakerOptions speaking = config.speaking;
  speaking.voice = phrases.voice();
  speaking.device = false;
  speaking.heartbeat_s = 0;
  speaking.way_tone = false;

  std::string rows;
  for (const Sample& sample : samples()) {
    const std::string sentence = phrases.sentence(sample.cue);
    render(folder / (sample.file + ".wav"), speaking,
           [&](Speaker& speaker) { speaker.say(sample.cue, sentence, 0); });
    rows += row(sample.title, sample.file, sentence);
  }
  SpeakerOptions alive = speaking;
  alive.heartbeat_s = 1;
  render(folder / "heartbeat.wav", alive, walk);
  rows += row("Heartbeat: all is seen, nothing to tell (speak.heartbeat_s)", "heartbeat", "");
  SpeakerOptions tone = speaking;
  tone.way_tone = true;
  render(folder / "way.wav", tone, walk);
  rows += row("Where the way is free, here from the left to the right (speak.way_tone)", "way", "");

  std::ofstream page(folder / "index.html");
  page << fmt::format(
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Lazarillo's "
      "sounds</title>\n"
      "<h1>Lazarillo's sounds</h1>\n<p>Wear headphones: each comes from where the thing is.</p>\n"
      "<table>\n<tr><th>What it means</th><th>Sound</th><th>Sentence</th></tr>\n{}</table>\n"
      "</html>\n",
      rows);
  page.close();
  if (!page)
    throw Error(ExitCode::output, "'" + (folder / "index.html").string() + "' cannot be written");
  std::cout << "wrote " << samples().size() + 2 << " sounds and "
            << (folder / "index.html").string() << '\n';
  return 0;
}

}  // namespace

void add_sounds_command(CLI::App& app, int& exit_code) {
  const auto a = std::make_shared<SoundsArguments>();
  CLI::App* command =
      app.add_subcommand("sounds", "Write every sound into a folder, with a page to listen to");
  command->add_option("DIR", a->folder, "Folder for the sounds (WAV) and index.html")->required();
  command->add_option("--lang", a->language, "Language of the sentences: en, es, de, fr");
  command->add_option("--config", a->config, "Settings (TOML); `lazarillo config` prints them all");
  command->footer("What they mean, and when they come: docs/guidance.md.");
  command->callback([a, &exit_code] { exit_code = write_sounds(*a); });
}

}  // namespace lazarillo
