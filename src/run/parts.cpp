#include "run/parts.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <utility>

#include "error.h"
#include "run/paths.h"
#include "run/processor.h"
#include "run/record/run_recorder.h"
#include "source/calibration_file.h"
#include "source/camera_view.h"
#include "source/live_address.h"
#include "source/rig.h"
#include "version.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

/// A guide that hears nothing for so long looks by itself whether vision is lost.
constexpr std::chrono::milliseconds kIdle{50};
/// A guide takes well under a millisecond a frame: one that is so many values behind is stuck, and
/// nothing it has not been told yet must be lost to it. Everybody waits.
constexpr std::size_t kGuideBehind = 256;

ThreadRole role(const RunOptions& options, ThreadRole wanted) {
  return options.realtime && options.config.running.priorities ? wanted : ThreadRole::normal;
}

/// Frames go through one after the other: no streams, no batches.
bool one_by_one(const RunOptions& options) {
  const Config& config = options.config;
  return options.realtime || config.running.lockstep || config.skipping.enabled;
}

bool is_pair(const ModelSet& models) {
  return std::any_of(models.networks.begin(), models.networks.end(),
                     [](const NetworkManifest& n) { return n.task == Task::depth; });
}

/// The card does everything in one call: no eyes beside each other, no depth beside the detector.
bool on_gpu(const RunOptions& options) { return options.config.seeing.engine == "tensorrt"; }

bool several_cameras(const Config& config) { return config.camera == kAllCameras; }

/// Pictures that are only on the card need eyes that look there. Throws Error(usage).
void check_eyes_on_card(const Config& config, const std::string& setting) {
  if (config.seeing.engine == "tensorrt") return;
  throw Error(ExitCode::usage, setting +
                                   " leaves the pictures on the card: it needs see.engine = "
                                   "\"tensorrt\"");
}

/// Throws Error(usage) for settings that do not go together.
bool decodes_on_card(const Config& config) {
  if (config.decoder == "processor") return false;
  if (config.decoder != "nvdec") {
    throw Error(ExitCode::usage,
                "source.decoder is '" + config.decoder + "', must be processor or nvdec");
  }
  check_eyes_on_card(config, "source.decoder = \"nvdec\"");
  return true;
}

}  // namespace

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

ThreadBudget share_threads(const RunOptions& options, bool pair, int cores) {
  const Config& config = options.config;
  ThreadBudget budget;
  const int wanted = config.running.streams > 0 ? config.running.streams : std::min(cores, 4);
  budget.streams = one_by_one(options) || on_gpu(options) ? 1 : wanted;
  int share = std::max(1, cores / budget.streams);
  budget.depth_threads = share;
  if (options.realtime && !config.running.lockstep) {
    // Live, a pair's networks run side by side; and where there are cores enough, one is left to
    // everything that is not a network.
    if (pair) {
      budget.depth_threads = std::max(1, cores / 2);
      share = std::max(1, cores - budget.depth_threads);
    }
    if (cores >= 4) --share;
  }
  budget.threads = config.seeing.threads > 0 ? config.seeing.threads : share;
  if (config.seeing.depth_threads > 0) budget.depth_threads = config.seeing.depth_threads;
  if (!one_by_one(options) && config.running.stream_threads > 0) {
    budget.threads = budget.depth_threads = config.running.stream_threads;
  }
  return budget;
}

// ---- capture

std::shared_ptr<const Lens> lens_of(const Config& config) {
  if (config.calibration.empty()) return nullptr;
  return read_calibration(config.calibration).lens;
}

SourceOptions source_options_of(const RunOptions& options) {
  SourceOptions source_options;
  source_options.hfov_deg = options.config.hfov_deg;
  source_options.hfov_assumed = options.config.hfov_assumed;
  set_lens(source_options, options.lens ? options.lens : lens_of(options.config));
  source_options.realtime = options.realtime;
  source_options.feed_fps = options.feed_fps;
  source_options.loop = options.loop;
  source_options.start_ns = options.start_ns;
  source_options.origin_ns = options.origin_ns;
  source_options.first_sequence = options.first_sequence;
  source_options.on_card = decodes_on_card(options.config);
  source_options.dma_buf = options.config.dma_buf;
  source_options.camera_mode = options.config.camera_mode;
  source_options.camera = options.config.camera;
  source_options.aria_bridge = options.config.aria_bridge;
  source_options.jitter_ms = options.config.jitter_ms;
  source_options.wait_s = options.config.wait_s;
  source_options.tell = [](const std::string& line) { std::cerr << "lazarillo: " + line + "\n"; };
  if (source_options.dma_buf) check_eyes_on_card(options.config, "source.dma_buf = true");
  return source_options;
}

CapturePart::CapturePart(const RunOptions& options, std::unique_ptr<Source> source,
                         Metrics& metrics, SourceTap* tap)
    : metrics_(metrics),
      warm_up_frames_(options.warm_up_frames),
      frames_(options.frames),
      watch_(options.config.watch ? std::optional(options.config.pictures) : std::nullopt),
      source_(std::move(source)) {
  if (source_) return;
  SourceOptions source_options = source_options_of(options);
  source_options.tap = tap;
  source_ = open_source(options.source, source_options);
}

void CapturePart::take_frames(const std::function<bool()>& on_warm) {
  std::uint64_t taken = 0;
  bool steady = warm_up_frames_ == 0;
  while (stage_->process()) {
    ++taken;
    if (!steady && taken >= warm_up_frames_ && on_warm()) {
      steady = true;
      taken = 0;
    }
    if (steady && frames_ > 0 && taken == frames_) return;
  }
}

void CapturePart::start(CaptureStage::Outputs outputs, ForesightBoard* lockstep,
                        std::function<bool()> on_warm, OnFailure on_failure) {
  stage_ = std::make_unique<CaptureStage>(*source_, metrics_, outputs, watch_, lockstep);
  thread_ = std::thread([this, on_warm = std::move(on_warm), on_failure = std::move(on_failure)] {
    begin_thread("lz-capture", ThreadRole::normal);
    try {
      take_frames(on_warm);
    } catch (...) {
      on_failure(std::current_exception());
    }
  });
}

void CapturePart::join() {
  if (thread_.joinable()) thread_.join();
}

// ---- see

SeePart::SeePart(const RunOptions& options, const ModelSet& models, ForesightBoard& foresights,
                 Metrics& metrics, Sink<GuideInput>& output)
    : live_(options.realtime),
      // Of several cameras a batch is a moment.
      batch_(one_by_one(options) || several_cameras(options.config) ? 1
                                                                    : options.config.seeing.batch),
      input_(live_ ? PortPolicy::latest() : PortPolicy::block(4),
             [&metrics] { metrics.drop("detector_busy"); }),
      depth_input_(PortPolicy::latest(), [&metrics] { metrics.drop("depth_busy"); }) {
  const Config& config = options.config;
  const bool pair = is_pair(models) && config.seeing.depth;
  const ThreadBudget budget = share_threads(options, pair, core_count());
  PerceptionOptions seeing = config.seeing;
  seeing.threads = budget.threads;
  seeing.depth_threads = budget.depth_threads;
  seeing.batch = several_cameras(config) ? config.seeing.batch : batch_;
  seeing.depth_interval = config.pace.depth_interval;
  const bool shown = options.video && !options.out_directory.empty();
  seeing.metric_maps = shown || config.path;
  seeing.relative_maps = shown;
  // The network's own threads inherit this name: their work is told apart.
  begin_thread("lz-network", ThreadRole::normal);
  for (int i = 0; i < budget.streams; ++i) {
    eyes_.push_back(std::make_unique<Perception>(models, seeing));
  }
  begin_thread("lazarillo", ThreadRole::normal);
  if (config.skipping.enabled) {
    gate_ = std::make_unique<DetectorGate>(config.skipping, foresights, !live_);
  }
  SeeingOptions pace = config.pace;
  pace.live = live_;
  // A map says most of the moment it was made of: with several cameras only then.
  const bool beside =
      live_ && pair && !config.running.lockstep && !on_gpu(options) && !several_cameras(config);
  for (const auto& eyes : eyes_) {
    stages_.push_back(std::make_unique<SeeStage>(
        pace, SeeStage::Parts{*eyes, gate_.get(), beside ? &depth_input_ : nullptr}, metrics,
        output));
  }
  if (beside) depth_ = std::make_unique<DepthStage>(*eyes_.front(), metrics, output);
}

void SeePart::start(const OnFailure& on_failure) {
  for (const auto& stage : stages_) {
    threads_.emplace_back([this, on_failure, s = stage.get()] {
      begin_thread("lz-see", ThreadRole::normal);
      try {
        work(*s);
      } catch (...) {
        on_failure(std::current_exception());
        input_.close();
      }
    });
  }
  if (depth_) {
    depth_thread_ = start_stage("lz-depth", ThreadRole::normal, depth_input_, on_failure,
                                [this](const Frame& frame) { depth_->process(frame); });
  }
}

void SeePart::work(SeeStage& stage) {
  std::vector<Frame> frames;
  while (auto frame = input_.pop()) {
    if (batch_ == 1) {
      stage.process(std::move(*frame));
      continue;
    }
    frames.push_back(std::move(*frame));
    while (static_cast<int>(frames.size()) < batch_) {
      auto more = input_.pop();
      if (!more) break;
      frames.push_back(std::move(*more));
    }
    stage.process(std::span<const Frame>(frames));
    frames.clear();
  }
}

void SeePart::finish() {
  input_.close();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  depth_input_.close();
  if (depth_thread_.joinable()) depth_thread_.join();
}

// ---- guide

GuideStage::Parts guide_parts(const Config& config, const FinderTraits& finder, bool live) {
  const fs::path home = home_directory();
  TrackerOptions tracking = config.tracking;
  tracking.calibrated = finder.calibrated;
  if (tracking.high_score <= 0) tracking.high_score = finder.score_threshold;
  return {.tracker = Tracker(tracking, ObjectCatalog::load(home / "data" / "objects.toml")),
          .guide = Guide(config.guiding),
          .ground = GroundFinder(config.ground),
          .scale = MapScale(config.worn_m),
          .corridor = config.corridor,
          .path = config.path,
          .rules = config.guiding,
          .phrases = Phrasebook::load(home / "data" / "lang", config.language, config.wording),
          .live = live,
          .skip_doubt = config.skipping.enabled ? config.skipping.doubt : 0};
}

GuidePart::GuidePart(const RunOptions& options, const ModelSet& models, Metrics& metrics,
                     Sink<Scene>& scenes, Sink<Foresight>& foresights, SoundSink sound,
                     std::function<void()> on_write_failure,
                     std::function<void(const Manner&)> on_manner, RunRecorder* recorder)
    : live_(options.realtime),
      recorder_(recorder),
      input_(PortPolicy::block(live_ ? kGuideBehind : 4)) {
  const Config& config = options.config;
  const NetworkManifest& finder = finder_of(models);
  GuideStage::Parts parts = guide_parts(config, {finder.calibrated, finder.score_threshold}, live_);
  parts.tracker.continue_ids_from(options.resume.last_track + 1);
  parts.on_write_failure = std::move(on_write_failure);
  parts.on_manner = std::move(on_manner);
  if (options.resume.manner) parts.guide.set_manner(*options.resume.manner);
  const bool writes = !options.out_directory.empty();
  const bool go_on = options.resume.files;
  EventsWriter::Copy copy;
  if (recorder_ != nullptr) {
    copy = [r = recorder_](const std::string& line) { r->line(line); };
    parts.witness = recorder_;
  }
  if (writes) events_file_ = made_directory(options.out_directory) / "events.jsonl";
  if (writes || copy) {
    parts.events = std::make_unique<EventsWriter>(
        events_file_,
        RunInfo{kVersion, without_secrets(options.source), models.name, config.language}, go_on,
        std::move(copy));
  }
  if (writes) {
    const fs::path out = options.out_directory;
    if (options.sound) {
      wav_file_ = out / "audio.wav";
      wav_ = std::make_unique<WavWriter>(wav_file_, go_on);
      // What nobody rendered while there was no guide is silence.
      wav_->write_silence_until(options.resume.stream_ns / 1000 * kSampleRate / 1'000'000);
      first_sound_frame_ = wav_->frames();
    }
  }
  if (options.sound) {
    SpeakerOptions speaking = config.speaking;
    speaking.voice = parts.phrases.voice();
    speaking.device = !writes && !options.silent;
    speaking.first_frame = first_sound_frame_;
    speaking.thread_begins = [urgent = role(options, ThreadRole::urgent)] {
      begin_thread("lz-sound", urgent);
    };
    parts.speaker = std::make_unique<Speaker>(
        speaking, [this, sound = std::move(sound)](std::span<const float> samples) {
          if (wav_) wav_->write(samples);
          sound(samples);
        });
  }
  stage_ = std::make_unique<GuideStage>(std::move(parts), metrics, scenes, foresights);
  thread_role_ = role(options, ThreadRole::urgent);
}

void GuidePart::give(GuideCall value) {
  if (recorder_ != nullptr) recorder_->begin(value);
  call(*stage_, std::move(value));
  if (recorder_ != nullptr) recorder_->end();
}

void GuidePart::start(OnFailure on_failure) {
  if (!live_) {
    thread_ = start_stage("lz-guide", thread_role_, input_, std::move(on_failure),
                          [this](GuideInput value) { give(widened(std::move(value))); });
    return;
  }
  thread_ = std::thread([this, on_failure = std::move(on_failure)] {
    begin_thread("lz-guide", thread_role_);
    try {
      while (!input_.over()) {
        if (auto value = input_.pop_for(kIdle)) {
          give(widened(std::move(*value)));
        } else if (!input_.over()) {
          give(GuideIdle{});
        }
      }
    } catch (...) {
      on_failure(std::current_exception());
      input_.close();
    }
  });
}

void GuidePart::finish() {
  input_.close();
  if (thread_.joinable()) thread_.join();
  give(GuideEnd{});
  if (wav_) wav_->close();
}

std::vector<std::string> GuidePart::faults() const {
  std::vector<std::string> lines;
  for (const std::string& line : {stage_->record_fault(), wav_ ? wav_->fault() : std::string()}) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> GuidePart::files() const {
  std::vector<std::string> files;
  for (const fs::path& file : {events_file_, wav_file_}) {
    if (!file.empty()) files.push_back(file.string());
  }
  return files;
}

// ---- show

namespace {

/// "overlay", or the next number when earlier videos of this run are to stay.
fs::path free_stem(const fs::path& folder, bool keep) {
  fs::path stem = folder / "overlay";
  const auto taken = [&stem] {
    return fs::exists(stem.string() + ".mp4") || fs::exists(stem.string() + ".mkv");
  };
  for (int i = 2; keep && taken(); ++i) stem = folder / ("overlay-" + std::to_string(i));
  return stem;
}

}  // namespace

ShowPart::ShowPart(const RunOptions& options, const Intrinsics& camera,
                   std::optional<std::int64_t> duration_ns, std::size_t held, Metrics& metrics,
                   std::function<void()> on_write_failure)
    : input_(options.realtime ? PortPolicy::bounded(4) : PortPolicy::block(4),
             [&metrics] { metrics.drop("picture_not_drawn"); }) {
  std::unique_ptr<Overlay> overlay;
  if (!options.out_directory.empty() && options.video) {
    overlay = std::make_unique<Overlay>(camera.width, camera.height, options.config.guiding);
    recorder_ = std::make_unique<Recorder>(
        free_stem(made_directory(options.out_directory), options.resume.files), overlay->width(),
        overlay->height(), options.sound);
  }
  if (options.show_progress) {
    progress_ = std::make_unique<Progress>(std::cerr, terminal_columns(STDERR_FILENO), duration_ns);
  }
  stage_ = std::make_unique<ShowStage>(
      ShowStage::Parts{std::move(overlay), recorder_.get(), progress_.get(), recorder_ ? held : 0,
                       std::move(on_write_failure)},
      metrics);
  thread_role_ = role(options, ThreadRole::background);
}

void ShowPart::sound(std::span<const float> samples) {
  if (recorder_) recorder_->sound(samples);
}

void ShowPart::start(OnFailure on_failure) {
  thread_ = start_stage("lz-show", thread_role_, input_, std::move(on_failure),
                        [this](Scene scene) { stage_->process(std::move(scene)); });
}

void ShowPart::finish() {
  input_.close();
  if (thread_.joinable()) thread_.join();
  stage_->finish();
}

void ShowPart::close_video() {
  if (recorder_) recorder_->finish();
}

void ShowPart::end_progress(const Report& report) {
  if (!progress_) return;
  progress_->finish(report.frames, static_cast<std::int64_t>(report.stream_s * 1e9),
                    steady_now_ns());
}

std::vector<std::string> ShowPart::files() const {
  if (!recorder_ || !fs::exists(recorder_->file())) return {};
  return {recorder_->file().string()};
}

}  // namespace lazarillo
