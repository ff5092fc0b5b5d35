#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "run/capture_stage.h"
#include "run/foresight_board.h"
#include "run/guide_stage.h"
#include "run/metrics.h"
#include "run/pipeline.h"
#include "run/record/guide_call.h"
#include "run/see_stage.h"
#include "run/show_stage.h"
#include "run/stage_thread.h"
#include "show/wav_writer.h"

// The program's four parts, each a stage or two with what they need and their threads. pipeline.cpp
// joins them in one process, isolate/ puts each in a process of its own. A part is made (set-up,
// throws Error), started, and finished: no more input comes, what is inside is worked off.

namespace lazarillo {

/// The lens that config.calibration names; null: none is. Throws Error(usage) as read_calibration.
[[nodiscard]] std::shared_ptr<const Lens> lens_of(const Config& config);

/// How a run opens its source. Throws Error(usage) for settings that do not go together.
[[nodiscard]] SourceOptions source_options_of(const RunOptions& options);

/// What a guide must know of the network that finds objects.
struct FinderTraits {
  bool calibrated = false;
  double score_threshold = 0.35;
};
/// A guide stage's parts by the settings: without sound, and nothing written. Throws Error.
[[nodiscard]] GuideStage::Parts guide_parts(const Config& config, const FinderTraits& finder,
                                            bool live);

class RunRecorder;

class CapturePart {
 public:
  /// `tap`: SourceOptions::tap.
  CapturePart(const RunOptions& options, std::unique_ptr<Source> source, Metrics& metrics,
              SourceTap* tap = nullptr);
  [[nodiscard]] Source& source() { return *source_; }
  /// Ends when the stream does, with options.frames, or with stop(). `on_warm` is called when the
  /// frames to warm up are over, and after each further one until it says that the rest is ready,
  /// too: from there on options.frames counts.
  void start(CaptureStage::Outputs outputs, ForesightBoard* lockstep, std::function<bool()> on_warm,
             OnFailure on_failure);
  void stop() { source_->stop(); }
  void join();

 private:
  void take_frames(const std::function<bool()>& on_warm);

  Metrics& metrics_;
  const std::uint64_t warm_up_frames_;
  const std::uint64_t frames_;
  const std::optional<PictureRules> watch_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<CaptureStage> stage_;
  std::thread thread_;
};

class SeePart {
 public:
  SeePart(const RunOptions& options, const ModelSet& models, ForesightBoard& foresights,
          Metrics& metrics, Sink<GuideInput>& output);
  [[nodiscard]] Port<Frame>& input() { return input_; }
  void start(const OnFailure& on_failure);
  void finish();

 private:
  void work(SeeStage& stage);

  const bool live_;
  const int batch_;
  Port<Frame> input_;
  Port<Frame> depth_input_;
  std::vector<std::unique_ptr<Perception>> eyes_;
  std::unique_ptr<DetectorGate> gate_;
  std::vector<std::unique_ptr<SeeStage>> stages_;
  std::unique_ptr<DepthStage> depth_;
  std::vector<std::thread> threads_;
  std::thread depth_thread_;
};

class GuidePart {
 public:
  /// `sound` receives what is rendered, beside audio.wav; `on_manner` is told by the guide's thread
  /// what a command has set. `recorder`: null, or it records what the guide is given.
  GuidePart(const RunOptions& options, const ModelSet& models, Metrics& metrics,
            Sink<Scene>& scenes, Sink<Foresight>& foresights, SoundSink sound,
            std::function<void()> on_write_failure,
            std::function<void(const Manner&)> on_manner = {}, RunRecorder* recorder = nullptr);
  [[nodiscard]] Port<GuideInput>& input() { return input_; }
  void start(OnFailure on_failure);
  void finish();
  /// Place in the stream, in pairs of samples, of the first sound that will be rendered.
  [[nodiscard]] std::int64_t first_sound_frame() const { return first_sound_frame_; }
  /// Why events or sound could not be written; empty while all is well. After finish().
  [[nodiscard]] std::vector<std::string> faults() const;
  [[nodiscard]] std::vector<std::string> files() const;

 private:
  void give(GuideCall value);

  const bool live_;
  RunRecorder* const recorder_;
  Port<GuideInput> input_;
  ThreadRole thread_role_ = ThreadRole::normal;
  std::int64_t first_sound_frame_ = 0;
  std::filesystem::path events_file_;
  std::filesystem::path wav_file_;
  std::unique_ptr<WavWriter> wav_;
  std::unique_ptr<GuideStage> stage_;
  std::thread thread_;
};

class ShowPart {
 public:
  /// `held`: how many frames may wait to be drawn with what is seen after them.
  ShowPart(const RunOptions& options, const Intrinsics& camera,
           std::optional<std::int64_t> duration_ns, std::size_t held, Metrics& metrics,
           std::function<void()> on_write_failure);
  [[nodiscard]] Port<Scene>& input() { return input_; }
  /// Thread-safe. Ignored when no video is recorded.
  void sound(std::span<const float> samples);
  void start(OnFailure on_failure);
  void finish();
  /// Ends the line of progress. Call once, after finish().
  void end_progress(const Report& report);
  /// Closes the video; after the last sound().
  void close_video();
  [[nodiscard]] std::string fault() const { return recorder_ ? recorder_->fault() : ""; }
  [[nodiscard]] std::vector<std::string> files() const;

 private:
  Port<Scene> input_;
  ThreadRole thread_role_ = ThreadRole::normal;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<ShowStage> stage_;
  std::thread thread_;
};

/// The folder for results, made where it is missing. Throws Error(output).
std::filesystem::path made_directory(const std::filesystem::path& directory);

/// The thread budget of a run: what the settings leave open (0), shared out over the cores.
struct ThreadBudget {
  int streams = 1;        ///< pairs of eyes
  int threads = 1;        ///< of each detector or joint network
  int depth_threads = 1;  ///< of a pair's depth network
};
[[nodiscard]] ThreadBudget share_threads(const RunOptions& options, bool pair, int cores);

}  // namespace lazarillo
