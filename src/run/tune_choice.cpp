#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "run/machine_profile.h"
#include "run/processor.h"
#include "run/tune.h"

namespace lazarillo {
namespace {

/// Less is within what two measurements of the same setting differ by.
constexpr double kMargin = 0.05;
/// A depth network that takes so much of what is meant for it keeps up.
constexpr double kKeepsUp = 0.9;
/// Of a frame's time a network may take so much; the rest is for all else.
constexpr double kOfFrameTime = 0.8;

int fastest_threads(const std::vector<CallTime>& calls, int most) {
  double least_ms = 0;
  for (const CallTime& call : calls) {
    if (call.batch != 1 || call.threads > most) continue;
    if (least_ms == 0 || call.call_ms < least_ms) least_ms = call.call_ms;
  }
  int threads = 0;
  for (const CallTime& call : calls) {
    if (call.batch != 1 || call.threads > most || call.call_ms > least_ms * (1 + kMargin)) continue;
    if (threads == 0 || call.threads < threads) threads = call.threads;
  }
  return threads;
}

const SideBySide& best_split(const std::vector<SideBySide>& splits) {
  return *std::max_element(splits.begin(), splits.end(),
                           [](const SideBySide& a, const SideBySide& b) {
                             const bool a_keeps_up = a.depth_share >= kKeepsUp;
                             const bool b_keeps_up = b.depth_share >= kKeepsUp;
                             if (a_keeps_up != b_keeps_up) return b_keeps_up;
                             if (a_keeps_up) return a.detections_per_s < b.detections_per_s;
                             return a.depth_share < b.depth_share;
                           });
}

/// The fastest of those with, or of those without a batch; null when there is none.
const ReplayRate* fastest(const std::vector<ReplayRate>& rates, bool batched) {
  const ReplayRate* best = nullptr;
  for (const ReplayRate& rate : rates) {
    if ((rate.batch > 1) != batched) continue;
    if (best == nullptr || rate.frames_per_s > best->frames_per_s) best = &rate;
  }
  return best;
}

std::string toml_text(const std::string& value) {
  std::ostringstream text;
  text << toml::value<std::string>(value);
  return text.str();
}

/// "1 thread", "2 threads".
std::string count(int number, const char* what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

std::string call_lines(const char* network, const std::vector<CallTime>& calls) {
  std::string text;
  for (const CallTime& call : calls) {
    text += fmt::format("{:<9} {:<12}{:<9} a call {:>9.1f} ms {:>8.1f} frames/s\n", network,
                        count(call.threads, "thread"), count(call.batch, "frame"), call.call_ms,
                        call.frames_per_s());
  }
  return text;
}

}  // namespace

TuneChoice choose(const TuneTable& table, int cores) {
  TuneChoice choice;
  choice.threads = fastest_threads(table.detector, cores >= 4 ? cores - 1 : cores);
  if (!table.beside.empty()) {
    const SideBySide& split = best_split(table.beside);
    choice.threads = split.threads;
    choice.depth_threads = split.depth_threads;
  }
  const ReplayRate* replay = fastest(table.replay, false);
  const ReplayRate* batched = fastest(table.replay, true);
  if (replay == nullptr) return choice;
  if (batched != nullptr && batched->frames_per_s >= replay->frames_per_s * (1 + kMargin)) {
    replay = batched;
  }
  choice.batch = replay->batch;
  choice.streams = replay->streams;
  choice.stream_threads = replay->threads;
  return choice;
}

std::size_t choose_step(const std::vector<Step>& steps, double fps) {
  const auto in_time = std::find_if(steps.begin(), steps.end(), [&](const Step& step) {
    return step.call_ms <= kOfFrameTime * 1e3 / fps;
  });
  const auto chosen =
      in_time != steps.end()
          ? in_time
          : std::min_element(steps.begin(), steps.end(),
                             [](const Step& a, const Step& b) { return a.call_ms < b.call_ms; });
  return static_cast<std::size_t>(chosen - steps.begin());
}

std::string describe(const TuneTable& table, const TuneChoice& choice) {
  std::string text = call_lines("detector", table.detector) + call_lines("depth", table.depth);
  for (const SideBySide& each : table.beside) {
    text += fmt::format("live      {:<12}depth {:<12}{:>8.1f} detections/s, {:.0f} % of depth\n",
                        count(each.threads, "thread"), count(each.depth_threads, "thread"),
                        each.detections_per_s, 100 * each.depth_share);
  }
  for (const ReplayRate& each : table.replay) {
    text += fmt::format("replay    {:<10} of {:<12}{:<9} a call {:>8.1f} frames/s\n",
                        count(each.streams, "stream"), count(each.threads, "thread"),
                        count(each.batch, "frame"), each.frames_per_s);
  }
  if (!table.no_batch.empty()) text += "one frame a call only: " + table.no_batch + "\n";
  text += "chosen    live: " + count(choice.threads, "thread");
  if (choice.depth_threads > 0) text += ", depth " + count(choice.depth_threads, "thread");
  text += "; replay: " + count(choice.streams, "stream") + " of " +
          count(choice.stream_threads, "thread") + ", " + count(choice.batch, "frame") +
          " a call\n";
  return text;
}

std::string to_profile(const TuneTable& table, const TuneChoice& choice, const TunedModels& about,
                       const std::string& date) {
  std::string text =
      "# Measured by `lazarillo tune`, " + date +
      ". `lazarillo run` and `bench` read this file\n"
      "# before --config, on this processor and with these models only; --no-tuned leaves it out.\n"
      "#\n";
  for (const Step& step : about.chosen) {
    text += fmt::format("# {:<21}one frame a call {:>9.1f} ms\n", step.models, step.call_ms);
  }
  std::istringstream lines(describe(table, choice));
  for (std::string line; std::getline(lines, line);) text += "# " + line + "\n";
  const std::string models = toml_text(model_key(about.models));
  if (!about.chosen.empty()) text += fmt::format("\nmodels = {}\n", models);
  text +=
      fmt::format("\n[tuned]\nprocessor = {}\nmodels = {}\n", toml_text(processor_name()), models);
  text += fmt::format("\n[see]\nthreads = {}\ndepth_threads = {}\nbatch = {}\n", choice.threads,
                      choice.depth_threads, choice.batch);
  text += fmt::format("\n[run]\nstreams = {}\nstream_threads = {}\n", choice.streams,
                      choice.stream_threads);
  return text;
}

}  // namespace lazarillo
