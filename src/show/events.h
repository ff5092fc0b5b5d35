#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "guide/command.h"
#include "guide/cue.h"
#include "see/detections.h"
#include "show/look.h"
#include "track/track.h"

namespace lazarillo {

/// Version of the lines of events.jsonl; docs/events.md says when it grows.
inline constexpr int kEventsSchema = 1;

/// What a run was made with: the first line of events.jsonl.
struct RunInfo {
  std::string version;  ///< of the program
  std::string source;
  std::string models;
  std::string language;
};

/// What another camera of a view saw of the same moment.
struct CameraBoxes {
  FrameStamp stamp;
  int width = 0;  ///< of the picture that its boxes are counted in, pixels
  int height = 0;
  const Detections& detections;
  const std::string& fault;
};

/// Where several cameras are one view.
struct OtherCameras {
  std::vector<std::string> names;  ///< of all cameras, by FrameStamp::camera
  std::vector<CameraBoxes> beside;
};

/// Writes events.jsonl: one line for the run, one for each frame, one for each cue
/// (docs/events.md). Every call writes one whole line at once, so whatever ends the process, at
/// most the last line is not whole. Not thread-safe.
class EventsWriter {
 public:
  using Copy = std::function<void(const std::string& line)>;
  /// Replaces an existing file, or goes on at its end: what follows its last whole line is cut off.
  /// `copy` is given every line, without its end; it goes on where the file cannot be written. An
  /// empty path: only that. Throws Error(output).
  EventsWriter(const std::filesystem::path& file, const RunInfo& run, bool go_on = false,
               Copy copy = {});
  ~EventsWriter();
  EventsWriter(const EventsWriter&) = delete;
  EventsWriter& operator=(const EventsWriter&) = delete;

  /// One frame: what was found in it and who is followed. `fault` is Sighting::fault; `width` and
  /// `height` are the frame's, pixels; `decision_ns` is the steady clock when its cues were
  /// decided. One that was looked at late has a line of its own, type "sighting". `others`: null,
  /// there is one camera.
  void frame(const Detections& detections, const Tracks& tracks, const std::string& fault,
             int width, int height, std::int64_t decision_ns, Look look = Look::in_time,
             const OtherCameras* others = nullptr);
  /// A cue of the last frame and its sentence.
  void cue(const Cue& cue, const std::string& text, std::int64_t decision_ns);
  /// A command of the walker, at a moment of the stream; the cue that answers it follows.
  void command(Command command, const FrameStamp& stamp, std::int64_t decision_ns);

  /// Why writing failed (full disk, ...), one line; empty while all is well. After a fault nothing
  /// more is written, and the file ends with a whole line.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  /// Called by the destructor too.
  void close();

 private:
  void open(bool go_on);
  [[nodiscard]] bool wanted() const { return copy_ || fault_.empty(); }
  void write_line();

  std::filesystem::path file_;
  Copy copy_;
  int descriptor_ = -1;
  std::string line_;          ///< reused
  std::int64_t written_ = 0;  ///< bytes of whole lines in the file
  std::string fault_;
};

}  // namespace lazarillo
