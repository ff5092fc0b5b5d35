#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "error.h"
#include "run/config.h"
#include "show/report.h"
#include "source/source.h"

namespace lazarillo {

struct RunOptions {
  std::string source;
  /// Where the results go; empty: nothing is written, and sound goes to the sound card.
  std::filesystem::path out_directory;
  bool realtime = false;  ///< at the stream's own pace, the newest frame wins
  bool sound = true;
  bool video = true;  ///< overlay.mp4; only with an out_directory
  /// For measuring: the file's frames at this rate instead of its own, without end.
  double feed_fps = 0;
  bool loop = false;
  /// For measuring: the numbers begin anew after so many frames, and the run ends after so many
  /// more; 0: with the stream.
  std::uint64_t warm_up_frames = 0;
  std::uint64_t frames = 0;
  bool show_progress = true;
  /// Live: where the stream begins, and when (steady clock) its time 0 was; a capture that goes on
  /// after another one died.
  std::int64_t start_ns = 0;
  std::optional<std::int64_t> origin_ns;
  std::uint64_t first_sequence = 0;  ///< of a live source, likewise
  /// A guide or show that goes on after another one died: files are continued, not replaced.
  struct Resume {
    bool files = false;
    std::int64_t stream_ns = 0;    ///< present
    int last_track = 0;            ///< highest id given so far
    std::optional<Manner> manner;  ///< what commands had set
  } resume;
  /// The lens of config.calibration, where it has been read already; null: read it.
  std::shared_ptr<const Lens> lens;
  /// Recorded into this file (docs/recording.md); empty: not.
  std::filesystem::path record;
  bool silent = false;  ///< sound is rendered, to be measured, and heard by nobody
  Config config;
};

/// How a run ended.
struct RunResult {
  ExitCode code = ExitCode::ok;
  std::vector<std::string> problems;  ///< one line each, for the user; empty when all went well
  Report report;
};

/// The last words of a report: why the run ended, its files, and the report itself as a file.
void finish_report(const RunOptions& options, bool stopped, RunResult& result);

/// The main job in one process: a source becomes guidance. Stages on threads, wired by ports.
class Pipeline {
 public:
  /// Opens everything a run needs: source, networks, language, sound, files. Throws Error. A source
  /// that is given is used in place of options.source.
  explicit Pipeline(RunOptions options, std::unique_ptr<Source> source = nullptr);
  ~Pipeline();

  /// Runs to the end of the stream, or to stop(). Call once.
  [[nodiscard]] RunResult run();

  /// Ends the stream in order: what was captured is still finished. Thread-safe.
  void stop();

  /// Has the guide obey a command; only live, a replay takes none. Thread-safe.
  void tell(Command command);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
