#include "see/picture_watch.h"

#include <cmath>
#include <numbers>
#include <tuple>
#include <utility>

#include "source/lens.h"

namespace lazarillo {
namespace {

CameraTurn turn_of(const Motion& motion, const Frame& frame) {
  constexpr double kDegPerRad = 180 / std::numbers::pi;
  // The shift is the camera's own picture's; there a lens is a pinhole about its axis.
  const Intrinsics& camera = frame.lens ? frame.lens->camera() : frame.intrinsics;
  double right = motion.shift_x_px / camera.fx;
  double down = motion.shift_y_px / camera.fy;
  const int turns = frame.lens ? frame.lens->mounting().quarter_turns : 0;
  for (int i = 0; i < turns; ++i) std::tie(right, down) = std::pair(-down, right);
  return {-std::atan(right) * kDegPerRad, std::atan(down) * kDegPerRad};
}

}  // namespace

PictureState state_of(const Motion& since_last, const PictureRules& rules) {
  if (since_last.repeated) return PictureState::repeated;
  if (!since_last.light) return PictureState::clear;
  const PictureLight& light = *since_last.light;
  if (light.mean + 2 * light.spread < rules.dark) return PictureState::dark;
  if (light.mean - light.spread > rules.bright) return PictureState::bright;
  if (light.spread < rules.spread && light.detail < rules.detail) return PictureState::blocked;
  if (light.softness > rules.softness) return PictureState::blurred;
  return PictureState::clear;
}

void PictureWatch::look(Frame& frame) {
  Watched& camera = cameras_[frame.stamp.camera];
  const Motion motion = camera.meter.measure(frame);
  camera.meter.set_reference();
  frame.state = state_of(motion, rules_);
  if (frame.turned) return;  // the source knows, by an IMU
  if (!motion.scene_change) {
    const CameraTurn turn = turn_of(motion, frame);
    camera.turned.right_deg += turn.right_deg;
    camera.turned.up_deg += turn.up_deg;
  }
  frame.turned = camera.turned;
}

}  // namespace lazarillo
