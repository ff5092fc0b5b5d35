#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guide/guide.h"
#include "run/metrics.h"
#include "run/port.h"
#include "see/perception.h"
#include "show/events.h"
#include "show/overlay.h"
#include "show/progress.h"
#include "show/recorder.h"
#include "source/source.h"
#include "speak/phrasebook.h"
#include "speak/speaker.h"
#include "track/tracker.h"

// The stages of the main job, in the order data flows. A stage has an input port with a policy, the
// port it gives to, and one function that turns a value into the next. It knows nothing of threads:
// pipeline.cpp puts each on one.

namespace lazarillo {

struct Seen {
  Frame frame;
  Sighting sighting;
};

/// Frames from the source. Has no input port: the source is its input.
class CaptureStage {
 public:
  CaptureStage(Source& source, Metrics& metrics, Port<Frame>& output)
      : source_(source), metrics_(metrics), output_(output) {}
  /// Takes one frame; false at the end of the stream.
  bool process();

 private:
  Source& source_;
  Metrics& metrics_;
  Port<Frame>& output_;
};

/// Frames to what they show.
class SeeStage {
 public:
  SeeStage(PortPolicy policy, Perception& perception, Metrics& metrics, Port<Seen>& output)
      : input(policy), perception_(perception), metrics_(metrics), output_(output) {}
  Port<Frame> input;
  void process(Frame frame);

 private:
  Perception& perception_;
  Metrics& metrics_;
  Port<Seen>& output_;
};

/// What frames show to cues, and cues to sound and to the record of events.
class GuideStage {
 public:
  struct Parts {
    Tracker tracker;
    Guide guide;
    Phrasebook phrases;
    std::unique_ptr<Speaker> speaker;      ///< null: silent
    std::unique_ptr<EventsWriter> events;  ///< null: not recorded
    /// True when a decision takes stream time (live); in a replay the stream's clock stands still
    /// while a frame is worked on.
    bool realtime = false;
    std::function<void()> on_write_failure;  ///< called once when events cannot be written
  };
  GuideStage(PortPolicy policy, Parts parts, Metrics& metrics, Port<Scene>& output)
      : input(policy), parts_(std::move(parts)), metrics_(metrics), output_(output) {}
  Port<Seen> input;
  void process(Seen seen);
  /// Lets the sound end and closes the record. Call once, after the last process().
  void finish();
  /// Why events could not be written; empty while all is well.
  [[nodiscard]] std::string record_fault() const {
    return parts_.events ? parts_.events->fault() : std::string();
  }

 private:
  void make_audible(const std::vector<std::string>& sentences, std::int64_t now_ns, Scene& scene);
  void record(const Seen& seen, const Scene& scene, const std::vector<std::string>& sentences,
              std::int64_t decision_ns);

  Parts parts_;
  Metrics& metrics_;
  Port<Scene>& output_;
};

/// Pictures for people who watch, and the progress on the terminal. Never holds up guidance: live,
/// its port drops what it cannot draw in time.
class ShowStage {
 public:
  struct Parts {
    std::unique_ptr<Overlay> overlay;  ///< null: nothing is drawn
    Recorder* recorder = nullptr;
    Progress* progress = nullptr;
    std::function<void()> on_write_failure;
  };
  ShowStage(PortPolicy policy, Parts parts, Metrics& metrics)
      : input(policy), parts_(std::move(parts)), metrics_(metrics) {}
  Port<Scene> input;
  void process(const Scene& scene);

 private:
  Parts parts_;
  Metrics& metrics_;
};

}  // namespace lazarillo
