#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "guide/cue.h"

namespace lazarillo {

/// A cue as events.jsonl has it.
struct ToldCue {
  double at_s = 0;  ///< position in the stream of the frame that led to it
  CueKind kind = CueKind::object;
  Priority priority = Priority::info;
  Side side = Side::ahead;
  int track = 0;      ///< 0: of no object
  std::string label;  ///< canonical; may be empty
  std::string text;   ///< the sentence
};

/// What a run told.
struct Told {
  std::string models;  ///< the run's
  double seconds = 0;  ///< of stream, from 0 to the end of its last frame
  std::vector<ToldCue> cues;
};

/// Reads an events.jsonl (docs/events.md). A last line that is cut short is left out. Throws
/// Error(source) naming the line; so for a file without a frame.
[[nodiscard]] Told read_told(const std::filesystem::path& file);

}  // namespace lazarillo
