#pragma once

#include <bitset>
#include <memory>
#include <optional>

#include "see/detections.h"
#include "source/frame.h"

namespace lazarillo {

/// What a picture reduced to 160 x 120 is like by itself, grey levels 0..255.
struct PictureLight {
  double mean = 0;
  double spread = 0;  ///< standard deviation of the levels
  double detail = 0;  ///< mean length of the gradient, levels a small pixel
  /// The same of the picture halved once more over what it would be if the picture were smooth:
  /// 0.5 to 0.9 of sharp pictures, 1 where nothing is finer than two small pixels. 0: even.
  double softness = 0;
};

/// How a frame differs from the reference, the frame on which the detector last ran, when the
/// camera's own motion and its exposure are taken away.
struct Motion {
  static constexpr int columns = 20, rows = 15;  ///< cells the picture is divided into, evenly

  int frame_width = 0, frame_height = 0;
  /// Where the picture's content went since the reference: what was at p, counted from the middle
  /// of the frame, is now at zoom * p + shift. A camera that turns right gives shift_x_px < 0.
  double shift_x_px = 0, shift_y_px = 0;
  double zoom = 1;
  double gain = 1;  ///< of brightness since the reference
  /// Cells that show something else than the reference there, or what the reference did not show.
  std::bitset<std::size_t{columns} * rows> cells;
  /// The reference does not explain the picture at all (none yet, another size, no pixels, a cut,
  /// lights switched, a covered lens). Every cell is changed then, and the motion unknown.
  bool scene_change = false;
  bool repeated = false;                ///< the reduced picture is the reference, to the last bit
  std::optional<PictureLight> light{};  ///< unset: no pixels, or a card that fails

  [[nodiscard]] bool cell(int column, int row) const {
    return cells[static_cast<std::size_t>(row) * columns + static_cast<std::size_t>(column)];
  }
  /// Part of the picture, 0..1, that changed.
  [[nodiscard]] double changed() const { return double(cells.count()) / double(cells.size()); }
  /// Changed cells among those that a box of this frame touches. Grow the box to ask what is near.
  [[nodiscard]] int changed_cells(const Box& box) const;
  /// Changed cells among the outermost ones: where things come into view.
  [[nodiscard]] int changed_border_cells() const;
};

/// Measures on a picture reduced to 160 x 120 (see/registration.h); decides nothing. What moves
/// slowly is found once it is far enough from where the detector saw it, because the reference
/// stays. Pictures on an NVIDIA card (Frame::device) are measured there, and throw Error(model)
/// when the first of them finds no room. One for each camera. Allocates only when constructed; the
/// same frames give the same values. Never throws for what is in a frame; a card that fails is a
/// scene change. Not thread-safe.
class MotionMeter {
 public:
  MotionMeter();
  ~MotionMeter();

  [[nodiscard]] Motion measure(const Frame& frame);
  /// The frame last measured becomes the reference; one without pixels leaves none. Nothing happens
  /// when none was measured since.
  void set_reference();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
