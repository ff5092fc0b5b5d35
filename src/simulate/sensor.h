#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "see/depth.h"
#include "see/detections.h"
#include "simulate/random.h"
#include "simulate/view.h"
#include "simulate/world.h"
#include "source/camera_turn.h"
#include "source/head_motion.h"

namespace lazarillo::simulate {

/// How imperfect the eyes are. docs/simulator.md says where each number comes from.
struct SensorOptions {
  double fps = 30;
  double hfov_deg = 69;
  double eye_m = 1.55;
  double pitch_deg = 10;      ///< the camera looks down by so much
  double sway_deg = 3;        ///< standard deviation of where the head turns; nods half as much
  double latency_frames = 1;  ///< whole frames from picture to decision
  double frame_loss = 0.005;  ///< part of the pictures that never come
  double turn_known = 1;      ///< 0: nothing tells how the head turns
  double imu = 0;             ///< 1: there is one: Frame::head is known
  double gravity_error_deg = 1.5;  ///< of each axis, standard deviation; changes within 5 s
  double turn_error_deg_s = 1;  ///< beside what steps to the side look like; changes within 0.5 s

  // The detector. Sizes: the longer side, pixels of 416.
  double miss_small = 0.55;  ///< part of the pictures in which what is under 32 is missed
  double miss_medium = 0.2;  ///< under 96
  double miss_large = 0.08;
  double miss_furniture = 0.15;  ///< furniture is missed so much more often
  double miss_hidden = 0.3;      ///< what is half hidden likewise
  double miss_run_s = 0.2;       ///< how long it goes on missing, on average
  double least_px = 10;          ///< what is smaller is never found
  double never_doors = 0.6;      ///< part of the doors that is never found
  double never_furniture = 0.2;
  double false_boxes = 0.08;  ///< a picture
  double false_run_s = 0.12;  ///< how long one lasts, on average
  double wrong_label = 0.05;  ///< part of the time an object is called something like it
  double box_jitter = 0.03;   ///< of each edge, standard deviation, part of the box's side
  double score_large = 0.78, score_medium = 0.65, score_small = 0.5;  ///< mean
  double score_sigma = 0.1;

  // Depth. Standard deviations of the logarithm.
  double maps_per_s = 10;
  double map_cells = 80;       ///< across
  double depth_bias = 0.14;    ///< one for all of a walk
  double depth_drift = 0.07;   ///< the same everywhere, changes within 2 s
  double depth_warp = 0.05;    ///< changes across the picture, within 2 s
  double depth_noise = 0.05;   ///< of each cell of each map
  double depth_holes = 0.01;   ///< part of the cells that have no value
  double depth_states = 0.14;  ///< what the network says of its own doubt
  double object_share = 0.6;   ///< part of bias and drift that an object's distance has, too
  double object_drift = 0.06;  ///< of each object, changes within 2 s
  double object_noise = 0.03;  ///< of each object in each picture
};

/// Everything of SensorOptions under its name in files.
struct Key {
  std::string name;
  double* value;
  double least, most;
};
[[nodiscard]] std::vector<Key> keys_of(SensorOptions& options);

/// One picture, as the eyes give it.
struct Look {
  FrameStamp stamp;
  bool comes = true;  ///< false: there is no picture, or none that can be seen
  Detections detections;
  std::vector<int> actors;  ///< of each detection: index into World::actors; -1: a false box
  std::shared_ptr<const MetricDepth> depth;  ///< only where a map was made of this picture
  bool due = false;  ///< a picture whose truth is looked up: as often as maps are made
  /// What is truly in view, where it is due and the eyes work. Lives until the next look.
  const View* truth = nullptr;
  Eye eye;
  std::optional<CameraTurn> turned;  ///< since the first picture; unset: no picture, or not known
  std::optional<HeadMotion> head;    ///< with SensorOptions::imu
  PictureState state = PictureState::clear;
};

/// Looks at a world, picture by picture, as imperfect eyes on the walker's head do. Deterministic:
/// the world's seed decides everything, and what one actor's noise is does not depend on others.
class Sensor {
 public:
  /// Both must outlive it.
  Sensor(const World& world, const Walk& walk, const SensorOptions& options);
  ~Sensor();
  /// Picture number `frame`, from 0, in order.
  Look look(int frame);
  [[nodiscard]] const Intrinsics& camera() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The longer side of a box in pixels of the network's picture (416 across).
[[nodiscard]] double size_px(const Box& box, const Intrinsics& camera);

}  // namespace lazarillo::simulate
