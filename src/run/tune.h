#pragma once

#include <functional>
#include <string>
#include <vector>

#include "infer/model_set.h"

namespace lazarillo {

/// One setting of one network, alone on the machine.
struct CallTime {
  int threads = 1;
  int batch = 1;  ///< frames in a call
  double call_ms = 0;
  [[nodiscard]] double frames_per_s() const { return call_ms > 0 ? batch * 1e3 / call_ms : 0; }
};

/// A pair's networks at once, as they run live: the detector without pause, the depth network on
/// every n-th of its frames unless it is still busy with an earlier one.
struct SideBySide {
  int threads = 1;
  int depth_threads = 1;
  double detections_per_s = 0;
  double depth_share = 1;  ///< of the frames meant for depth, those it has the time for: 0..1
};

/// A replay: several pairs of eyes at once, with a pair's depth in its turn.
struct ReplayRate {
  int streams = 1;
  int threads = 1;  ///< of each network of each stream
  int batch = 1;
  double frames_per_s = 0;
};

/// Everything that was measured.
struct TuneTable {
  std::vector<CallTime> detector;  ///< or joint network; least threads first
  std::vector<CallTime> depth;     ///< a pair's
  std::vector<SideBySide> beside;  ///< a pair's
  std::vector<ReplayRate> replay;
  std::string
      no_batch;  ///< why the detector's file takes one frame a call only; empty: it takes more
};

struct TuneOptions {
  int cores = 1;
  int depth_interval = 6;
  double seconds = 0.5;  ///< about how long each setting is measured
  /// Told each setting as it is measured, one line.
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

/// Times a model set's networks on a made-up picture, loading them anew for each setting: thread
/// counts 1, 2, 4 ... and all, calls of 1, 2 and 4 frames, streams 1, 2, 4 ... up to 16 (batches
/// only for the fastest number of streams). A call's time is the median. Throws Error(model) when a
/// network cannot be loaded or fails; that it cannot be resized to a batch is a finding, not a
/// failure.
[[nodiscard]] TuneTable measure(const ModelSet& models, const TuneOptions& options);

/// The quickest call for one frame, of the thread counts of measure() that live use has. Throws as
/// measure() does.
[[nodiscard]] CallTime quickest_call(const ModelSet& models, const TuneOptions& options);

/// One network among several that do the same, and its quickest call.
struct Step {
  std::string models;
  double call_ms = 0;
};

/// Which step to use, of steps that see better the earlier they come: the first that looks at `fps`
/// frames a second with a fifth of its time to spare, else the quickest. Not of an empty list.
[[nodiscard]] std::size_t choose_step(const std::vector<Step>& steps, double fps);

/// The settings to use, as in Config; 0 leaves one open.
struct TuneChoice {
  int threads = 0;
  int depth_threads = 0;
  int batch = 1;
  int streams = 0;
  int stream_threads = 0;
};

/// What the table says is best.
///  Live, one network: the fewest threads whose time for one frame is within 5 % of the least.
///  Live, a pair: the split with the most detections a second among those where the depth network
///  takes at least 9 of 10 frames meant for it; where none does, the one where it takes most.
///  Replay: the streams with the most frames a second, a batch only where it brings 5 % more than
///  the best without.
/// From 4 cores on, one stays free of networks in live use.
[[nodiscard]] TuneChoice choose(const TuneTable& table, int cores);

/// The table and the choice for people, a line each.
[[nodiscard]] std::string describe(const TuneTable& table, const TuneChoice& choice);

/// What a machine profile is about.
struct TunedModels {
  std::string models;        ///< a name or a manifest's path
  std::vector<Step> chosen;  ///< among these; then they are also what runs when nobody names any
};

/// The choice as a machine profile: settings for read_config, [tuned], the table as a comment.
/// `date` as it is to be read there.
[[nodiscard]] std::string to_profile(const TuneTable& table, const TuneChoice& choice,
                                     const TunedModels& about, const std::string& date);

}  // namespace lazarillo
