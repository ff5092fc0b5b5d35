#include <fmt/core.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "commands.h"
#include "count_progress.h"
#include "error.h"
#include "run/config.h"
#include "run/paths.h"
#include "simulate/many.h"
#include "simulate/picture.h"
#include "simulate/random_world.h"
#include "simulate/shrink.h"
#include "simulate/world_file.h"

namespace lazarillo {
namespace {

namespace sim = simulate;

struct SimulateArguments {
  std::string file;
  int worlds = 0;
  std::uint64_t seed = 1;
  int threads = 0;
  std::string sensor, config, json, picture, keep;
  int keep_most = 10;
  double words = sim::Limits{}.words_a_minute;
};

void write(const std::string& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw Error(ExitCode::output, "cannot write '" + file + "': name another file");
}

sim::Trial trial_of(const SimulateArguments& a) {
  Config config;
  if (!a.config.empty()) read_config(a.config, config);
  const std::filesystem::path data = home_directory() / "data";
  sim::Trial trial{ObjectCatalog::load(data / "objects.toml"),
                   Phrasebook::load(data / "lang", config.language)};
  const double own_score = trial.tracking.high_score;
  trial.tracking = config.tracking;
  if (trial.tracking.high_score <= 0) trial.tracking.high_score = own_score;
  trial.tracking.calibrated = true;
  trial.ground = config.ground;
  trial.worn_m = config.worn_m;
  trial.corridor = config.corridor;
  trial.guiding = config.guiding;
  trial.words_per_minute = config.speaking.words_per_minute;
  trial.grace_ms = config.speaking.grace_ms;
  trial.expire_s = config.speaking.expire_s;
  if (!a.sensor.empty()) sim::read_sensor(a.sensor, trial.sensor);
  return trial;
}

sim::Limits limits_of(const SimulateArguments& a, const sim::Trial& trial) {
  sim::Limits limits;
  limits.words_a_minute = a.words;
  limits.meant = trial.guiding;
  return limits;
}

nlohmann::json properties_json(const sim::Tally& tally, const sim::Limits& limits) {
  nlohmann::json all = nlohmann::json::object();
  for (std::size_t i = 0; i < sim::kProperties; ++i) {
    const auto property = static_cast<sim::Property>(i);
    all[sim::to_string(property)] = {{"cases", tally.cases[i]},
                                     {"failures", tally.failures[i]},
                                     {"holds", tally.holds(property, limits)}};
  }
  return all;
}

std::string table_of(const sim::Tally& tally, const sim::Limits& limits) {
  std::string text =
      fmt::format("{:16}{:>9}{:>10}{:>11}\n", "property", "cases", "failures", "kept");
  for (std::size_t i = 0; i < sim::kProperties; ++i) {
    const auto property = static_cast<sim::Property>(i);
    const double kept =
        tally.cases[i] == 0 ? 100 : 100.0 - 100.0 * tally.failures[i] / tally.cases[i];
    text += fmt::format("{:16}{:>9}{:>10}{:>10.2f}%  {}", sim::to_string(property), tally.cases[i],
                        tally.failures[i], kept, tally.holds(property, limits) ? "holds" : "FAILS");
    if (property == sim::Property::false_critical && tally.clear_seconds > 0) {
      text += fmt::format(" ({:.2f} a minute, at most {})",
                          60.0 * tally.failures[i] / tally.clear_seconds,
                          limits.false_criticals_a_minute);
    }
    if (const double least = limits.least_kept(property); least < 1) {
      text += fmt::format(" (at least {:.1f}%)", 100 * least);
    }
    text += '\n';
  }
  return text;
}

bool all_hold(const sim::Tally& tally, const sim::Limits& limits) {
  for (std::size_t i = 0; i < sim::kProperties; ++i) {
    if (!tally.holds(static_cast<sim::Property>(i), limits)) return false;
  }
  return true;
}

/// 8 (ExitCode::property): the guide did not keep what it must.
int exit_of(const sim::Tally& tally, const sim::Limits& limits) {
  return static_cast<int>(all_hold(tally, limits) ? ExitCode::ok : ExitCode::property);
}

int simulate_one(const SimulateArguments& a) {
  sim::Trial trial = trial_of(a);
  const sim::Limits limits = limits_of(a, trial);
  const sim::World world =
      a.file.empty() ? sim::random_world(a.seed) : sim::read_world(a.file, trial.sensor);
  const sim::Outcome outcome = sim::play(world, trial, limits);
  sim::Tally tally;
  tally.add(outcome.judgement);
  if (!world.title.empty()) std::cout << world.title << '\n';
  nlohmann::json cues = nlohmann::json::array();
  for (const sim::Said& said : outcome.record.said) {
    const std::string fate = said.begun_s < 0 ? "not said"
                             : said.cut_off
                                 ? "cut off"
                                 : fmt::format("{:.2f} s later", said.begun_s - said.decided_s);
    std::cout << fmt::format("{:6.2f} s  {:9}{:44}{}\n", said.decided_s,
                             to_string(said.cue.priority), said.sentence, fate);
    nlohmann::json cue{{"decided_s", said.decided_s},
                       {"priority", to_string(said.cue.priority)},
                       {"kind", to_string(said.cue.kind)},
                       {"sentence", said.sentence},
                       {"bearing_deg", said.cue.bearing_deg}};
    cue["begun_s"] = said.begun_s < 0 ? nlohmann::json() : nlohmann::json(said.begun_s);
    if (said.cue.distance_m) cue["distance_m"] = *said.cue.distance_m;
    if (said.cue.ttc_s) cue["ttc_s"] = *said.cue.ttc_s;
    cues.push_back(std::move(cue));
  }
  std::cout << fmt::format("walked {:.1f} s{}\n", outcome.judgement.seconds,
                           outcome.judgement.contact ? ", until something was hit" : "");
  std::cout << table_of(tally, limits);
  for (const sim::Verdict& verdict : outcome.judgement.of) {
    for (const std::string& why : verdict.why) std::cout << "failed: " << why << '\n';
  }
  if (!a.json.empty()) {
    const nlohmann::json all{{"title", world.title},
                             {"seconds", outcome.judgement.seconds},
                             {"contact", outcome.judgement.contact},
                             {"cues", std::move(cues)},
                             {"properties", properties_json(tally, limits)}};
    write(a.json, all.dump(2) + "\n");
  }
  if (!a.picture.empty()) write(a.picture, sim::picture_of(world, outcome));
  return outcome.judgement.failed() ? static_cast<int>(ExitCode::property) : 0;
}

/// Shrinks what failed and keeps it: world, reason and picture.
void keep(const SimulateArguments& a, const sim::Many& many, const sim::Trial& trial,
          const sim::Limits& limits) {
  std::error_code error;
  std::filesystem::create_directories(a.keep, error);
  if (error) throw Error(ExitCode::output, "cannot make the folder '" + a.keep + "': name another");
  int kept = 0;
  const sim::Failure* last = nullptr;
  for (const sim::Failure& failure : many.failures) {
    const bool again =
        last != nullptr && last->seed == failure.seed && last->property == failure.property;
    last = &failure;
    if (again) continue;
    if (kept++ == a.keep_most) break;
    sim::World small =
        sim::shrunk(sim::random_world(failure.seed), failure.property, trial, limits);
    small.title = fmt::format("{} fails, world {}", sim::to_string(failure.property), failure.seed);
    const std::string stem =
        fmt::format("{}/{}-{}", a.keep, sim::to_string(failure.property), failure.seed);
    write(stem + ".toml", "# " + failure.why + "\n" + sim::to_toml(small, trial.sensor));
    write(stem + ".svg", sim::picture_of(small, sim::play(small, trial, limits)));
    std::cerr << fmt::format("lazarillo: kept {}.toml ({} actors)\n", stem, small.actors.size());
  }
}

/// Memory for each look at a depth map is kept for the next: else a third of the time goes into
/// giving it back and taking it anew.
void keep_memory() {
  constexpr int kMost = 256 << 20;
  mallopt(M_MMAP_THRESHOLD, kMost);
  mallopt(M_TRIM_THRESHOLD, kMost);
}

int simulate_many(const SimulateArguments& a) {
  keep_memory();
  const sim::Trial trial = trial_of(a);
  const sim::Limits limits = limits_of(a, trial);
  const int cores = static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
  const int threads = a.threads > 0 ? a.threads : cores;
  const auto began = std::chrono::steady_clock::now();
  const auto since_s = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  const sim::Many many = [&] {
    CountProgress progress("worlds");
    return sim::play_many(a.worlds, a.seed, threads, trial, limits, [&](int done) {
      progress.update(static_cast<std::size_t>(done), static_cast<std::size_t>(a.worlds));
    });
  }();
  const double took_s = since_s();
  const sim::Tally& tally = many.tally;
  std::cout << table_of(tally, limits);
  std::cout << fmt::format(
      "{} worlds, {:.0f} s of walking in {:.1f} s: {:.0f} x life on {} threads\n"
      "{} contacts, {} of them not in view or not on a collision course in time; {:.0f} s without "
      "hazards; {} worlds with a failure\n",
      tally.worlds, tally.seconds, took_s, tally.seconds / std::max(took_s, 1e-9), threads,
      tally.contacts, tally.late_courses, tally.clear_seconds, tally.failing_worlds);
  if (!a.json.empty()) {
    nlohmann::json failures = nlohmann::json::array();
    for (const sim::Failure& f : many.failures) {
      failures.push_back(
          {{"seed", f.seed}, {"property", sim::to_string(f.property)}, {"why", f.why}});
    }
    const nlohmann::json all{{"worlds", tally.worlds},
                             {"seed", a.seed},
                             {"walked_s", tally.seconds},
                             {"took_s", took_s},
                             {"threads", threads},
                             {"contacts", tally.contacts},
                             {"late_courses", tally.late_courses},
                             {"clear_s", tally.clear_seconds},
                             {"properties", properties_json(tally, limits)},
                             {"failures", std::move(failures)}};
    write(a.json, all.dump(2) + "\n");
  }
  if (!a.keep.empty()) keep(a, many, trial, limits);
  return exit_of(tally, limits);
}

}  // namespace

void add_simulate_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<SimulateArguments>();
  SimulateArguments& a = *arguments;
  CLI::App* command = app.add_subcommand(
      "simulate", "Walk through made-up worlds and check what the walker is told");
  CLI::Option* file = command->add_option("FILE", a.file, "A world (docs/simulator.md)");
  command->add_option("--worlds", a.worlds, "So many random worlds in place of a file")
      ->check(CLI::Range(1, 10'000'000))
      ->excludes(file);
  command
      ->add_option("--seed", a.seed,
                   "Number of the first random world; without --worlds the only one")
      ->capture_default_str();
  command->add_option("--threads", a.threads, "Worlds side by side; 0: one a core")
      ->check(CLI::Range(0, 1024));
  command->add_option("--sensor", a.sensor,
                      "How imperfect the eyes are: a file with a table [sensor]");
  command->add_option("--config", a.config, "Settings of the guide, as for `lazarillo run`");
  command
      ->add_option("--words", a.words,
                   "Words a minute, critical sentences aside, that are too many")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  command->add_option("--json", a.json, "Write the result into this file, too");
  command->add_option("--picture", a.picture, "One world: write it, seen from above, as SVG");
  command->add_option("--keep", a.keep, "Shrink failing worlds and write them into this folder");
  command->add_option("--keep-most", a.keep_most, "So many at most")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->callback([arguments, &exit_code] {
    exit_code = arguments->worlds > 0 ? simulate_many(*arguments) : simulate_one(*arguments);
  });
}

}  // namespace lazarillo
