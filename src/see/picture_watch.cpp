#include "see/picture_watch.h"

#include <cmath>
#include <numbers>

namespace lazarillo {
namespace {

CameraTurn turn_of(const Motion& motion, const Intrinsics& camera) {
  constexpr double kDegPerRad = 180 / std::numbers::pi;
  return {-std::atan(motion.shift_x_px / camera.fx) * kDegPerRad,
          std::atan(motion.shift_y_px / camera.fy) * kDegPerRad};
}

}  // namespace

PictureState state_of(const Motion& since_last, const PictureRules& rules) {
  if (since_last.repeated) return PictureState::repeated;
  if (!since_last.light) return PictureState::clear;
  const PictureLight& light = *since_last.light;
  if (light.mean + 2 * light.spread < rules.dark) return PictureState::dark;
  if (light.spread < rules.spread && light.detail < rules.detail) return PictureState::blocked;
  return PictureState::clear;
}

void PictureWatch::look(Frame& frame) {
  Watched& camera = cameras_[frame.stamp.camera];
  const Motion motion = camera.meter.measure(frame);
  camera.meter.set_reference();
  frame.state = state_of(motion, rules_);
  if (!motion.scene_change && !frame.lens) {
    const CameraTurn turn = turn_of(motion, frame.intrinsics);
    camera.turned.right_deg += turn.right_deg;
    camera.turned.up_deg += turn.up_deg;
  }
  frame.turned = camera.turned;
}

}  // namespace lazarillo
