#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clock.h"
#include "guide/guide.h"
#include "path/map_scale.h"
#include "run/metrics.h"
#include "run/port.h"
#include "run/values.h"
#include "show/events.h"
#include "show/overlay.h"
#include "speak/phrasebook.h"
#include "speak/speaker.h"
#include "track/tracker.h"

namespace lazarillo {

/// Is told of everything that a guide stage does not decide itself, and may answer in its place: a
/// recording notes it, a replay gives it once more (record/). What is not overridden stays as it
/// is.
class GuideWitness {
 public:
  virtual ~GuideWitness() = default;
  /// The monotonic clock, ns.
  [[nodiscard]] virtual std::int64_t now() { return steady_now_ns(); }
  /// Whom the tracker follows, at one moment.
  [[nodiscard]] virtual Tracks followed(Tracks own) { return own; }
  /// What the corridor holds; `look` takes a depth map for it.
  [[nodiscard]] virtual std::optional<CorridorView> along(
      const std::function<CorridorView()>& look) {
    return look();
  }
  /// What was said last, to be said again.
  [[nodiscard]] virtual LastSaid said(LastSaid own) { return own; }
};

/// What frames show to tracks and cues, and cues to sound and to the record of events.
///
/// Every frame is given out once, with its tracks, in stream order. It waits for what was seen in
/// it; live, no longer than until the next frame comes: then its tracks are predicted. A detection
/// that comes after its frame was given out corrects the tracks, and cues are decided at once, for
/// the moment reached.
class GuideStage {
 public:
  struct Parts {
    Tracker tracker;
    Guide guide;
    GroundFinder ground;
    MapScale scale;
    CorridorOptions corridor;
    bool path = true;  ///< the corridor is watched, where there is depth in metres
    GuideOptions rules;
    Phrasebook phrases;
    std::unique_ptr<Speaker> speaker{};      ///< null: silent
    std::unique_ptr<EventsWriter> events{};  ///< null: not recorded
    /// True when a decision takes stream time (live); in a replay the stream's clock stands still
    /// while a frame is worked on.
    bool live = false;
    /// Prediction doubt up to which a frame need not be looked at; 0: every frame is.
    double skip_doubt = 0;
    std::function<void()> on_write_failure{};        ///< called once when events cannot be written
    std::function<void(const Manner&)> on_manner{};  ///< called when a command changed it
    GuideWitness* witness = nullptr;                 ///< outlives the stage; null: nobody
  };
  GuideStage(Parts parts, Metrics& metrics, Sink<Scene>& scenes, Sink<Foresight>& foresights);

  void process(GuideInput input);
  /// Live: no value came for a while. Vision that is lost is told all the same.
  void idle();
  /// Gives out what still waits, lets the sound end and closes the record. Call once, at the end.
  void finish();

  /// Why events could not be written; empty while all is well.
  [[nodiscard]] std::string record_fault() const {
    return parts_.events ? parts_.events->fault() : std::string();
  }

 private:
  void take(Frame frame);
  void take(Seen seen);
  void take(DepthSighting depth);
  void take(VisionBreak vision_break);
  void take(Command command);

  /// A frame that was looked at, and shows something or not.
  void look(const Frame& frame);
  /// Whom the tracker follows after this, in what counts their boxes.
  [[nodiscard]] Tracks follow(const Seen& seen);
  /// `predicted` is the tracker's: as the frame's picture shows it.
  [[nodiscard]] Tracks in_picture(Tracks predicted, const Frame& frame) const;
  /// Gravity in the picture that a map was made of, where an IMU told.
  [[nodiscard]] std::optional<MeasuredGravity> gravity_at(const FrameStamp& stamp) const;
  /// Looks along the corridor, once a map of a camera that looks there.
  void see_path(const Depth& depth, const Frame& frame);
  void settle(Seen seen);
  /// Gives out the frame that waits longest; `seen` is null when it was not looked at.
  void give_out(Seen* seen, Tracks tracks);
  void give_out_predicted();
  /// `tracks` as they were at that frame.
  void decide_late(const Seen& seen, Tracks tracks);
  /// Cues for `tracks`, their sound and the time it was.
  std::int64_t decide(const Tracks& tracks, const FrameStamp& led_by, Scene& scene,
                      std::vector<std::string>& sentences);
  void record_frame(const Scene& scene, std::int64_t decision_ns);
  void record_cues(const Scene& scene, const std::vector<std::string>& sentences,
                   std::int64_t decision_ns);
  void foresee(const Scene& scene);
  /// Answers for `repeated`: what was said last, in its words and from where it came.
  [[nodiscard]] LastSaid words_again();
  /// The moment for what no frame led to: live, now.
  [[nodiscard]] FrameStamp present();
  /// Stream time of a wall-clock moment, by the newest frame.
  [[nodiscard]] std::int64_t stream_now(std::int64_t wall_ns) const;

  Parts parts_;
  GuideWitness alone_;
  GuideWitness& witness_;
  Metrics& metrics_;
  Sink<Scene>& scenes_;
  Sink<Foresight>& foresights_;
  std::deque<Frame> waiting_;            ///< not given out yet, in stream order
  std::map<std::uint64_t, Seen> early_;  ///< a replay: seen before its turn, by sequence
  std::map<int, Depth> depth_;           ///< the newest map of each camera
  std::optional<FrameStamp> newest_;     ///< of the newest frame that came
  std::optional<FrameStamp> given_;      ///< of the newest frame given out
  View view_;                            ///< of the newest frame given out
  std::deque<std::pair<FrameStamp, HeadMotion>> heads_;  ///< of the frames of the last seconds
  Vision vision_;
  std::int64_t path_seen_ns_ = -1;  ///< stream time of the newest map looked along
  LastSaid last_told_;              ///< without a speaker: the newest cue's
  std::vector<Cue> late_cues_;      ///< decided between two frames: shown with the next
};

}  // namespace lazarillo
