#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "error.h"
#include "run/config.h"
#include "show/report.h"

namespace lazarillo {

struct RunOptions {
  std::string source;
  /// Where the results go; empty: nothing is written, and sound goes to the sound card.
  std::filesystem::path out_directory;
  bool realtime = false;  ///< at the stream's own pace, the newest frame wins
  bool sound = true;
  bool video = true;  ///< overlay.mp4; only with an out_directory
  Config config;
};

/// How a run ended.
struct RunResult {
  ExitCode code = ExitCode::ok;
  std::vector<std::string> problems;  ///< one line each, for the user; empty when all went well
  Report report;
};

/// The main job: a source becomes guidance. Stages on threads, wired by ports.
class Pipeline {
 public:
  /// Opens everything a run needs: source, networks, language, sound, files. Throws Error.
  explicit Pipeline(RunOptions options);
  ~Pipeline();

  /// Runs to the end of the stream, or to stop(). Call once.
  [[nodiscard]] RunResult run();

  /// Ends the stream in order: what was captured is still finished. Thread-safe.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
