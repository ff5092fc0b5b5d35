#include "run/show_stage.h"

#include <utility>

#include "source/frame_copies.h"

namespace lazarillo {

void ShowStage::process(const Scene& scene) {
  const std::int64_t stream_ns = scene.frame.stamp.stream_ns;
  if (parts_.overlay) {
    const Canvas* canvas = nullptr;
    {
      const StageTimer timer(metrics_, "draw");
      canvas = &parts_.overlay->draw(scene);
      FrameCopies::add();
    }
    if (parts_.recorder != nullptr) {
      const StageTimer timer(metrics_, "record_video");
      parts_.recorder->picture(*canvas, stream_ns);
      if (!parts_.recorder->fault().empty() && parts_.on_write_failure) {
        std::exchange(parts_.on_write_failure, nullptr)();
      }
    }
  }
  if (parts_.progress != nullptr) {
    parts_.progress->update(scene.frame.stamp.sequence + 1, stream_ns, steady_now_ns());
  }
}

}  // namespace lazarillo
