#include "run/show_stage.h"

#include <utility>

#include "source/device_picture.h"
#include "source/frame_copies.h"
#include "track/interpolate.h"

namespace lazarillo {

void ShowStage::process(Scene scene) {
  if (parts_.held == 0) {
    if (scene.look != Look::late) draw(scene);
    return;
  }
  if (scene.look == Look::never) {
    waiting_.push_back(std::move(scene));
    while (waiting_.size() > parts_.held) {
      draw(waiting_.front());
      waiting_.pop_front();
    }
    return;
  }
  settle(scene.tracks);
  if (scene.look == Look::in_time) draw(scene);
}

void ShowStage::settle(const Tracks& seen) {
  while (!waiting_.empty() && waiting_.front().tracks.stamp.stream_ns <= seen.stamp.stream_ns) {
    Scene& scene = waiting_.front();
    scene.tracks = interpolate(seen_, seen, std::move(scene.tracks));
    draw(scene);
    waiting_.pop_front();
  }
  seen_ = seen;
}

void ShowStage::finish() {
  for (const Scene& scene : waiting_) draw(scene);
  waiting_.clear();
}

void ShowStage::draw(const Scene& scene) {
  const std::int64_t stream_ns = scene.frame.stamp.stream_ns;
  if (parts_.overlay) {
    const Canvas* canvas = nullptr;
    {
      const StageTimer timer(metrics_, "draw");
      if (scene.frame.device || scene.frame.lens) {
        Scene in_host = scene;
        in_host.frame = rectified(in_host_memory(scene.frame), maps_);
        canvas = &parts_.overlay->draw(in_host);
      } else {
        canvas = &parts_.overlay->draw(scene);
      }
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
