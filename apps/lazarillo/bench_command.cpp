#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "error.h"
#include "run/config.h"
#include "run/isolate/supervisor.h"
#include "run/machine_profile.h"
#include "run/paths.h"
#include "run/pipeline.h"
#include "source/source.h"

namespace lazarillo {
namespace {

struct BenchArguments {
  RunOptions options;
  std::string config_file;
  std::string models;
  std::string json_file;
  bool fast = false;
  bool isolate = false;
  bool no_tuned = false;
};

nlohmann::ordered_json percentiles(const LatencyHistogram& h) {
  return {{"p50", h.percentile_ms(50)}, {"p95", h.percentile_ms(95)},
          {"p99", h.percentile_ms(99)}, {"max", h.max_ms()},
          {"mean", h.mean_ms()},        {"count", h.count()}};
}

nlohmann::ordered_json to_bench_json(const Report& r) {
  nlohmann::ordered_json stages = nlohmann::ordered_json::object();
  for (const auto& [name, histogram] : r.stages) stages[name] = percentiles(histogram);
  const double wall_s = r.wall_s > 0 ? r.wall_s : 1;
  const double frames = std::max<double>(1, static_cast<double>(r.frames));
  return {{"schema", 1},
          {"source", r.source},
          {"models", r.models},
          {"mode", r.mode},
          {"frames", r.frames},
          {"wall_s", r.wall_s},
          {"fps",
           {{"tracked", static_cast<double>(r.frames) / wall_s},
            {"detected", static_cast<double>(r.detected) / wall_s},
            {"depth", static_cast<double>(r.depth_maps) / wall_s}}},
          {"latency_ms",
           {{"capture_to_decision", percentiles(r.capture_to_decision)},
            {"capture_to_output", percentiles(r.capture_to_output)}}},
          {"stages_ms", stages},
          {"cores", r.cores},
          {"copies_per_frame", static_cast<double>(r.copies) / frames},
          {"gpu_bytes_per_frame",
           {{"to_card", static_cast<double>(r.bytes_to_gpu) / frames},
            {"to_host", static_cast<double>(r.bytes_from_gpu) / frames}}},
          {"gpu_memory_mib", r.gpu_memory_mib},
          {"dropped", r.drops},
          {"rss_mib", r.rss_mib},
          {"rss_growth_mib", r.rss_growth_mib}};
}

void print_bench(const Report& r, std::ostream& out) {
  print_table(r, out);
  const double wall_s = r.wall_s > 0 ? r.wall_s : 1;
  out << fmt::format("\n  tracked   {:.1f} frames a second\n  detected  {:.1f}\n",
                     static_cast<double>(r.frames) / wall_s,
                     static_cast<double>(r.detected) / wall_s);
  if (r.depth_maps > 0) {
    out << fmt::format("  depth     {:.1f} maps a second\n",
                       static_cast<double>(r.depth_maps) / wall_s);
  }
  out << "  cores    ";
  for (const auto& [name, cores] : r.cores) {
    if (cores >= 0.005) out << fmt::format(" {} {:.2f}", name, cores);
  }
  if (r.bytes_to_gpu > 0) {
    const double frames = std::max<double>(1, static_cast<double>(r.frames));
    out << fmt::format("\n  bus       {:.1f} KB a frame to the card, {:.1f} KB back",
                       static_cast<double>(r.bytes_to_gpu) / frames / 1e3,
                       static_cast<double>(r.bytes_from_gpu) / frames / 1e3);
  }
  if (r.gpu_memory_mib > 0) {
    out << fmt::format("\n  card      {:.0f} MiB of its memory in use by all programs",
                       r.gpu_memory_mib);
  }
  out << fmt::format("\n  copies    {:.2f} a frame\n  memory    {:.0f} MiB, grown by {:.2f}\n",
                     static_cast<double>(r.copies) /
                         std::max<double>(1, static_cast<double>(r.frames)),
                     r.rss_mib, r.rss_growth_mib);
}

int bench(const BenchArguments& a) {
  RunOptions options = a.options;
  options.realtime = !a.fast;
  read_settings({a.config_file, a.models, 0,
                 a.no_tuned ? std::filesystem::path() : machine_profile_file(), options.realtime},
                options.config);
  options.silent = true;
  options.loop = !is_live(options.source);  // a camera has no end
  options.show_progress = true;
  std::ofstream json;
  if (!a.json_file.empty()) {
    json.open(a.json_file);
    if (!json) throw Error(ExitCode::output, "cannot write '" + a.json_file + "'");
  }
  int signal = 0;
  const RunResult result =
      a.isolate ? run_isolated(options, signal) : Pipeline(options).run();
  print_bench(result.report, std::cout);
  for (const std::string& line : result.problems) std::cerr << "lazarillo: " << line << '\n';
  if (json.is_open()) {
    json << to_bench_json(result.report).dump(2) << '\n';
    json.close();
    if (!json) throw Error(ExitCode::output, "cannot write '" + a.json_file + "'");
  }
  return static_cast<int>(result.code);
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<BenchArguments>();
  BenchArguments& a = *arguments;
  a.options.warm_up_frames = 120;
  a.options.frames = 1200;
  CLI::App* command =
      app.add_subcommand("bench", "Measure rates, latency, load and memory on a video, played live");
  command->add_option("SOURCE", a.options.source, "A video file, repeated as often as needed; or a camera or stream")
      ->required();
  command->add_option("--feed-fps", a.options.feed_fps,
                      "Frames a second the source gives (default: the file's own rate)")
      ->check(CLI::Range(0.1, 10000.0));
  command->add_option("--frames", a.options.frames, "Frames to measure")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  command->add_option("--warm-up", a.options.warm_up_frames, "Frames before that")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  command->add_option("--models", a.models,
                      "What to see with: a name from `lazarillo models list`, or a manifest");
  command->add_option("--config", a.config_file,
                      "Settings (TOML); `lazarillo config` prints them all");
  command->add_option("--json", a.json_file, "Write the numbers into this file, too");
  command->add_flag("--fast", a.fast, "As fast as possible, nothing dropped, instead of live");
  command->add_flag("--no-tuned", a.no_tuned,
                    "Leave out what `lazarillo tune` found best on this machine");
  command->add_flag("--isolate", a.isolate, "In separate processes, as `run --isolate`");
  command->callback([arguments, &exit_code] { exit_code = bench(*arguments); });
}

}  // namespace lazarillo
