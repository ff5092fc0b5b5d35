#pragma once

#include <string>

namespace lazarillo::test {

/// What stands in for GStreamer's v4l2src from install_fake_camera() on, in this process: the
/// machines that run tests have no camera. As little of it as the program uses: a device, a state
/// READY in which the modes can be asked for, pictures in a mode, an error when it is unplugged.
struct FakeCamera {
  std::string device = "/dev/video7";  ///< another cannot be opened
  std::string caps;                    ///< what it offers
  int pictures_until_unplugged = -1;   ///< -1: never
};

void install_fake_camera(const FakeCamera& camera);
/// How often it was started.
int fake_camera_starts();

}  // namespace lazarillo::test
