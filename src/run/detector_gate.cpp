#include "run/detector_gate.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "see/motion.h"
#include "see/rectify.h"

namespace lazarillo {

struct DetectorGate::Impl {
  GateOptions options;
  ForesightBoard& board;
  bool exact;

  struct Camera {
    MotionMeter meter;
    bool any = false;
    std::int64_t looked_ns = 0;  ///< stream time of the last frame the detector ran on
  };
  std::map<int, Camera> cameras;
  std::uint64_t looked_sequence = 0;

  /// The foresight that counts for a frame; one that holds nothing while the tracker does not know
  /// of the last detection yet.
  Foresight foresight(std::uint64_t sequence) {
    if (exact) return sequence > 0 ? board.await(sequence - 1) : Foresight{};
    Foresight newest = board.newest();
    return newest.sequence >= looked_sequence ? newest : Foresight{};
  }

  bool wants(const Frame& frame, const Camera& camera, const Motion& motion) {
    if (!camera.any || motion.scene_change) return true;
    const double rested_s = static_cast<double>(frame.stamp.stream_ns - camera.looked_ns) / 1e9;
    if (rested_s >= options.longest_s) return true;
    const Foresight ahead = foresight(frame.stamp.sequence);
    if (frame.stamp.stream_ns >= ahead.holds_until_ns) return true;
    // Motion is measured in the frame's own pixels.
    std::vector<Box> boxes = ahead.boxes;
    for (Box& box : boxes) box = in_own_pixels(frame, box);
    return unexplained(motion, boxes) > options.changed;
  }

  /// Part of the picture that changed where no track is or was a moment ago.
  static double unexplained(const Motion& motion, const std::vector<Box>& boxes) {
    auto cells = motion.cells;
    const double cell_width = static_cast<double>(motion.frame_width) / Motion::columns;
    const double cell_height = static_cast<double>(motion.frame_height) / Motion::rows;
    for (const Box& box : boxes) {
      // Half a cell around it, for what a walker's arms and shadow move.
      const auto index = [](double at, double size, int count) {
        return std::clamp(static_cast<int>(std::floor(at / size)), 0, count - 1);
      };
      const int left = index(box.x1 - cell_width / 2, cell_width, Motion::columns);
      const int right = index(box.x2 + cell_width / 2, cell_width, Motion::columns);
      const int top = index(box.y1 - cell_height / 2, cell_height, Motion::rows);
      const int bottom = index(box.y2 + cell_height / 2, cell_height, Motion::rows);
      for (int row = top; row <= bottom; ++row) {
        for (int column = left; column <= right; ++column) {
          cells.reset(static_cast<std::size_t>(row) * Motion::columns +
                      static_cast<std::size_t>(column));
        }
      }
    }
    return static_cast<double>(cells.count()) / static_cast<double>(cells.size());
  }
};

DetectorGate::DetectorGate(GateOptions options, ForesightBoard& board, bool exact)
    : impl_(new Impl{options, board, exact, {}, 0}) {}
DetectorGate::~DetectorGate() = default;

bool DetectorGate::wants(const Frame& frame) {
  Impl::Camera& camera = impl_->cameras[frame.stamp.camera];
  const Motion motion = camera.meter.measure(frame);
  if (!impl_->wants(frame, camera, motion)) return false;
  camera.meter.set_reference();
  camera.any = true;
  camera.looked_ns = frame.stamp.stream_ns;
  impl_->looked_sequence = frame.stamp.sequence;
  return true;
}

}  // namespace lazarillo
