#include "run/pipeline.h"

#include <unistd.h>

#include <atomic>
#include <exception>
#include <iostream>
#include <mutex>
#include <thread>
#include <utility>

#include "run/metrics.h"
#include "run/paths.h"
#include "run/stages.h"
#include "show/wav_writer.h"
#include "version.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

fs::path made_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error || !fs::is_directory(directory)) {
    const std::string reason = error ? error.message() : "it is a file";
    throw Error(ExitCode::output, "cannot make the folder '" + directory.string() +
                                      "' for the results: " + reason + "; name another with --out");
  }
  return directory;
}

}  // namespace

struct Pipeline::Impl {
  explicit Impl(RunOptions run_options);

  RunOptions options;
  Metrics metrics;
  ModelSet models;
  std::unique_ptr<Source> source;
  std::unique_ptr<Perception> perception;
  std::unique_ptr<WavWriter> wav;
  std::unique_ptr<Recorder> recorder;
  std::unique_ptr<Progress> progress;
  std::unique_ptr<ShowStage> show;
  std::unique_ptr<GuideStage> guide;
  std::unique_ptr<SeeStage> see;
  std::unique_ptr<CaptureStage> capture;
  std::atomic<bool> stopped = false;

  std::mutex failure_mutex;
  std::exception_ptr failure;  ///< the first that escaped a stage

  /// Live guidance goes on without its record; a replay has nothing else to do and ends.
  void write_failed() {
    if (!options.realtime) source->stop();
  }

  /// Puts a stage on a thread: its function for every value, until its port is closed and empty.
  template <class Stage>
  std::thread start(Stage& stage) {
    return std::thread([this, &stage] {
      try {
        while (auto value = stage.input.pop()) stage.process(std::move(*value));
      } catch (...) {
        fail(std::current_exception());
        // Nobody takes any more: givers must not wait.
        stage.input.close();
      }
    });
  }

  void fail(std::exception_ptr error) {
    {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::move(error);
    }
    source->stop();
  }

  /// The report's words, and the report as a file.
  void complete(RunResult& result);
};

Pipeline::Impl::Impl(RunOptions run_options) : options(std::move(run_options)) {
  const Config& config = options.config;
  const fs::path home = home_directory();

  SourceOptions source_options;
  source_options.hfov_deg = config.hfov_deg;
  source_options.hfov_assumed = config.hfov_assumed;
  source_options.realtime = options.realtime;
  Phrasebook phrases = Phrasebook::load(home / "data" / "lang", config.language);
  source = open_source(options.source, source_options);
  const Intrinsics camera = source->cameras().at(0).intrinsics;

  models = load_model_set(config.models, model_directories());
  perception = std::make_unique<Perception>(models, config.seeing);

  const bool writes = !options.out_directory.empty();
  const fs::path out = writes ? made_directory(options.out_directory) : fs::path();
  std::unique_ptr<EventsWriter> events;
  std::unique_ptr<Overlay> overlay;
  if (writes) {
    RunInfo info;
    info.source = options.source;
    info.models = models.name;
    info.language = config.language;
    info.version = kVersion;
    events = std::make_unique<EventsWriter>(out / "events.jsonl", info);
    if (options.sound) wav = std::make_unique<WavWriter>(out / "audio.wav");
    if (options.video) {
      overlay = std::make_unique<Overlay>(camera.width, camera.height, config.guiding);
      recorder = std::make_unique<Recorder>(out / "overlay", overlay->width(), overlay->height(),
                                            options.sound);
    }
  }

  std::unique_ptr<Speaker> speaker;
  if (options.sound) {
    SpeakerOptions speaking = config.speaking;
    speaking.voice = phrases.voice();
    speaking.device = !writes;
    speaker = std::make_unique<Speaker>(speaking, [this](std::span<const float> samples) {
      if (wav) wav->write(samples);
      if (recorder) recorder->sound(samples);
    });
  }

  progress =
      std::make_unique<Progress>(std::cerr, terminal_columns(STDERR_FILENO), source->duration_ns());

  const auto on_write_failure = [this] { write_failed(); };
  const bool live = options.realtime;
  show = std::make_unique<ShowStage>(
      live ? PortPolicy::bounded(4) : PortPolicy::block(4),
      ShowStage::Parts{std::move(overlay), recorder.get(), progress.get(), on_write_failure},
      metrics);
  TrackerOptions tracking = config.tracking;
  if (tracking.high_score <= 0) tracking.high_score = perception->suggested_score();
  guide = std::make_unique<GuideStage>(
      PortPolicy::block(2),
      GuideStage::Parts{Tracker(tracking, ObjectCatalog::load(home / "data" / "objects.toml")),
                        Guide(config.guiding), std::move(phrases), std::move(speaker),
                        std::move(events), live, on_write_failure},
      metrics, show->input);
  see = std::make_unique<SeeStage>(live ? PortPolicy::latest() : PortPolicy::block(2), *perception,
                                   metrics, guide->input);
  capture = std::make_unique<CaptureStage>(*source, metrics, see->input);
}

void Pipeline::Impl::complete(RunResult& result) {
  Report& report = result.report;
  report.version = kVersion;
  report.source = options.source;
  report.models = models.name;
  report.mode = options.realtime ? "realtime" : "fast";
  report.language = options.config.language;
  report.faults = result.problems;
  report.exit_code = static_cast<int>(result.code);
  report.ended = stopped                   ? "stopped"
                 : result.problems.empty() ? "end of stream"
                                           : result.problems.front();
  const fs::path& out = options.out_directory;
  if (out.empty()) return;
  report.files.push_back((out / "events.jsonl").string());
  if (wav) report.files.push_back((out / "audio.wav").string());
  if (recorder && fs::exists(recorder->file())) report.files.push_back(recorder->file().string());
  report.files.push_back((out / "report.json").string());
  try {
    write_report(report, out / "report.json");
  } catch (const Error& error) {
    if (result.code == ExitCode::ok) result.code = error.code();
    result.problems.emplace_back(error.what());
  }
}

Pipeline::Pipeline(RunOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Pipeline::~Pipeline() = default;

void Pipeline::stop() {
  impl_->stopped = true;
  impl_->source->stop();
}

RunResult Pipeline::run() {
  Impl& s = *impl_;
  s.metrics.begin();
  std::thread showing = s.start(*s.show);
  std::thread guiding = s.start(*s.guide);
  std::thread seeing = s.start(*s.see);
  try {
    while (s.capture->process()) {
    }
  } catch (...) {
    s.fail(std::current_exception());
  }
  s.see->input.close();
  seeing.join();
  s.guide->input.close();
  guiding.join();
  s.guide->finish();
  s.show->input.close();
  showing.join();
  if (s.failure) std::rethrow_exception(s.failure);

  RunResult result;
  Report& report = result.report;
  s.metrics.drop("frame_late", s.see->input.dropped());
  s.metrics.drop("picture_not_drawn", s.show->input.dropped());
  s.metrics.fill(report);
  s.progress->finish(report.frames, static_cast<std::int64_t>(report.stream_s * 1e9),
                     steady_now_ns());
  const auto problem = [&](ExitCode code, const std::string& line) {
    if (line.empty()) return;
    if (result.code == ExitCode::ok) result.code = code;
    result.problems.push_back(line);
  };
  if (s.wav) s.wav->close();
  if (s.recorder) s.recorder->finish();
  problem(ExitCode::output, s.guide->record_fault());
  problem(ExitCode::output, s.wav ? s.wav->fault() : "");
  problem(ExitCode::output, s.recorder ? s.recorder->fault() : "");
  problem(ExitCode::source, s.source->fault());
  if (s.metrics.faults() > 0) {
    problem(ExitCode::vision, std::to_string(s.metrics.faults()) + " of " +
                                  std::to_string(report.frames) +
                                  " frames could not be seen: " + s.metrics.first_fault());
  }
  s.complete(result);
  return result;
}

}  // namespace lazarillo
