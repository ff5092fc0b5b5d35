// Renders the sound of one cue into a WAV file: to hear what a walker hears, and to test that it
// can be understood.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <map>
#include <optional>
#include <string>

#include "error.h"
#include "guide/guide.h"
#include "guide/threat.h"
#include "run/paths.h"
#include "show/wav_writer.h"
#include "speak/phrasebook.h"
#include "speak/speaker.h"

using namespace lazarillo;

namespace {

int say(int argc, char** argv) {
  CLI::App app("Renders the sound of one cue into a WAV file", "lazarillo-say");
  Cue cue;
  cue.track = 1;
  cue.priority = Priority::warning;
  std::string language = "en", out = "say.wav";
  std::string directory;
  std::optional<double> distance;
  SpeakerOptions options;
  bool no_earcon = false;
  app.add_option("label", cue.label, "what it is: a canonical name, as in the language files")
      ->required();
  app.add_option("distance", distance, "metres")->check(CLI::NonNegativeNumber);
  app.add_option("--bearing", cue.bearing_deg, "degrees, 0 ahead, positive right")
      ->check(CLI::Range(-180.0, 180.0));
  app.add_option("--priority", cue.priority, "critical, warning or info")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, Priority>{{"critical", Priority::critical},
                                                                  {"warning", Priority::warning},
                                                                  {"info", Priority::info}}));
  std::map<std::string, CueKind> kinds;
  for (int i = 0; i < kCueKinds; ++i)
    kinds[to_string(static_cast<CueKind>(i))] = static_cast<CueKind>(i);
  app.add_option("--kind", cue.kind, "what the cue says (docs/events.md)")
      ->transform(CLI::CheckedTransformer(kinds));
  app.add_option("--lang", language, "language of the sentence")->capture_default_str();
  app.add_option("--languages", directory, "folder of other language files");
  app.add_option("--rate", options.words_per_minute, "words a minute")->capture_default_str();
  app.add_option("--out", out, "WAV file to write")->capture_default_str();
  app.add_flag("--no-earcon", no_earcon, "the sentence alone");
  CLI11_PARSE(app, argc, argv);

  cue.distance_m = distance;
  cue.side = side_of(cue.bearing_deg, GuideOptions().ahead_deg);
  cue.clock_hour = clock_hour_of(cue.bearing_deg);
  const Phrasebook phrases = Phrasebook::load(
      directory.empty() ? home_directory() / "data" / "lang" : std::filesystem::path(directory),
      language);
  const std::string sentence = phrases.sentence(cue);
  options.voice = phrases.voice();
  options.earcons = !no_earcon;
  WavWriter wav(out);
  Speaker speaker(options, [&wav](std::span<const float> samples) { wav.write(samples); });
  speaker.say(cue, sentence, 0);
  speaker.finish(20);
  wav.close();
  if (!wav.fault().empty()) throw Error(ExitCode::output, wav.fault());
  std::cout << sentence << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return say(argc, argv);
  } catch (const Error& error) {
    std::fprintf(stderr, "lazarillo-say: %s\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lazarillo-say: internal fault: %s\n", error.what());
    return static_cast<int>(ExitCode::internal);
  }
}
