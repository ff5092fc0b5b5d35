#include "run/pipeline.h"

#include <atomic>
#include <exception>
#include <iostream>
#include <mutex>
#include <utility>

#include "run/parts.h"
#include "run/paths.h"
#include "run/record/run_recorder.h"
#include "source/live_address.h"
#include "version.h"

namespace lazarillo {

namespace {

/// A fifth of a second at 60 frames a second: longer than the slowest detector worth its name.
constexpr std::size_t kHeldFrames = 12;

std::unique_ptr<RunRecorder> recorder_of(const RunOptions& options, const ModelSet& models,
                                         std::function<void()> on_failure) {
  if (options.record.empty()) return nullptr;
  return std::make_unique<RunRecorder>(
      options, models, [](const std::string& line) { std::cerr << "lazarillo: " + line + "\n"; },
      std::move(on_failure));
}

}  // namespace

struct Pipeline::Impl {
  Impl(RunOptions run_options, std::unique_ptr<Source> given_source);

  RunOptions options;
  Metrics metrics;
  ModelSet models;
  ForesightBoard foresights;
  std::unique_ptr<RunRecorder> recorder;  ///< null: not recorded; outlives the source
  CapturePart capture;
  ShowPart show;
  GuidePart guide;
  SeePart see;
  std::atomic<bool> stopped = false;

  std::mutex failure_mutex;
  std::exception_ptr failure;  ///< the first that escaped a stage

  /// Live guidance goes on without its record; a replay has nothing else to do and ends.
  void write_failed() {
    if (!options.realtime) capture.stop();
  }

  void fail(std::exception_ptr error) {
    {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::move(error);
    }
    foresights.close();
    capture.stop();
  }
};

Pipeline::Impl::Impl(RunOptions run_options, std::unique_ptr<Source> given_source)
    : options(std::move(run_options)),
      models(load_model_set(options.config.models, model_directories())),
      recorder(recorder_of(options, models, [this] { write_failed(); })),
      capture(options, std::move(given_source), metrics, recorder.get()),
      show(options, capture.source().cameras().at(0).intrinsics, capture.source().duration_ns(),
           kHeldFrames, metrics, [this] { write_failed(); }),
      guide(
          options, models, metrics, show.input(), foresights,
          [this](std::span<const float> samples) { show.sound(samples); },
          [this] { write_failed(); }, {}, recorder.get()),
      see(options, models, foresights, metrics, guide.input()) {}

void finish_report(const RunOptions& options, bool stopped, RunResult& result) {
  Report& report = result.report;
  report.faults = result.problems;
  report.exit_code = static_cast<int>(result.code);
  report.ended = stopped                   ? "stopped"
                 : result.problems.empty() ? "end of stream"
                                           : result.problems.front();
  if (options.out_directory.empty()) return;
  const std::filesystem::path file = options.out_directory / "report.json";
  report.files.push_back(file.string());
  try {
    write_report(report, file);
  } catch (const Error& error) {
    if (result.code == ExitCode::ok) result.code = error.code();
    result.problems.emplace_back(error.what());
  }
}

Pipeline::Pipeline(RunOptions options, std::unique_ptr<Source> source)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(source))) {}
Pipeline::~Pipeline() = default;

void Pipeline::stop() {
  impl_->stopped = true;
  impl_->capture.stop();
}

void Pipeline::tell(Command command) {
  if (impl_->options.realtime) impl_->guide.input().push(command);
}

RunResult Pipeline::run() {
  Impl& s = *impl_;
  const OnFailure on_failure = [&s](std::exception_ptr error) { s.fail(std::move(error)); };
  s.metrics.begin();
  s.show.start(on_failure);
  s.guide.start(on_failure);
  s.see.start(on_failure);
  s.capture.start(
      {s.guide.input(), s.see.input()}, s.options.config.running.lockstep ? &s.foresights : nullptr,
      [&s] {
        s.metrics.begin();
        return true;
      },
      on_failure);
  s.capture.join();
  if (s.options.realtime) s.metrics.end();
  s.see.finish();
  s.guide.finish();
  if (s.recorder) s.recorder->finish();
  s.show.finish();
  s.show.close_video();
  if (s.failure) std::rethrow_exception(s.failure);

  RunResult result;
  Report& report = result.report;
  s.metrics.fill(report);
  s.show.end_progress(report);
  const auto problem = [&](ExitCode code, const std::string& line) {
    if (line.empty()) return;
    if (result.code == ExitCode::ok) result.code = code;
    result.problems.push_back(line);
  };
  for (const std::string& line : s.guide.faults()) problem(ExitCode::output, line);
  problem(ExitCode::output, s.show.fault());
  if (s.recorder) problem(ExitCode::output, s.recorder->fault());
  problem(ExitCode::source, s.capture.source().fault());
  if (s.metrics.faults() > 0) {
    problem(ExitCode::vision, std::to_string(s.metrics.faults()) + " of " +
                                  std::to_string(report.frames) +
                                  " frames could not be seen: " + s.metrics.first_fault());
  }
  report.version = kVersion;
  report.source = without_secrets(s.options.source);
  report.models = s.models.name;
  report.mode = s.options.realtime ? "realtime" : "fast";
  report.language = s.options.config.language;
  report.files = s.guide.files();
  if (s.recorder) report.files.push_back(s.recorder->file().string());
  for (std::string& file : s.show.files()) report.files.push_back(std::move(file));
  finish_report(s.options, s.stopped, result);
  return result;
}

}  // namespace lazarillo
