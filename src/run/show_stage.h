#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "run/metrics.h"
#include "see/rectify.h"
#include "show/overlay.h"
#include "show/progress.h"
#include "show/recorder.h"

namespace lazarillo {

/// Pictures for people who watch, and the progress on the terminal. Never holds up guidance: live,
/// its port drops what it cannot draw in time.
///
/// Who watches is not in a hurry: a frame that was not looked at waits until one after it was, and
/// is drawn with its tracks in between the two, not predicted from the one before.
class ShowStage {
 public:
  struct Parts {
    std::unique_ptr<Overlay> overlay;  ///< null: nothing is drawn
    Recorder* recorder = nullptr;
    Progress* progress = nullptr;
    std::size_t held = 0;  ///< how many frames may wait
    std::function<void()> on_write_failure;  ///< called once when the video cannot be written
  };
  ShowStage(Parts parts, Metrics& metrics) : parts_(std::move(parts)), metrics_(metrics) {}
  void process(Scene scene);
  /// Draws what still waits. Call once, at the end.
  void finish();

 private:
  void draw(const Scene& scene);
  /// Draws the waiting frames up to this moment of tracks that were seen.
  void settle(const Tracks& seen);

  Parts parts_;
  Metrics& metrics_;
  std::deque<Scene> waiting_;  ///< not looked at, in stream order
  Tracks seen_;                ///< the newest tracks that rest on a detection
  PerLens<RectifyMap> maps_;
};

}  // namespace lazarillo
