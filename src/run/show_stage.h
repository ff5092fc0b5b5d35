#pragma once

#include <functional>
#include <memory>

#include "run/metrics.h"
#include "show/overlay.h"
#include "show/progress.h"
#include "show/recorder.h"

namespace lazarillo {

/// Pictures for people who watch, and the progress on the terminal. Never holds up guidance: live,
/// its port drops what it cannot draw in time.
class ShowStage {
 public:
  struct Parts {
    std::unique_ptr<Overlay> overlay;  ///< null: nothing is drawn
    Recorder* recorder = nullptr;
    Progress* progress = nullptr;
    std::function<void()> on_write_failure;  ///< called once when the video cannot be written
  };
  ShowStage(Parts parts, Metrics& metrics) : parts_(std::move(parts)), metrics_(metrics) {}
  void process(const Scene& scene);

 private:
  Parts parts_;
  Metrics& metrics_;
};

}  // namespace lazarillo
