#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "source/frame.h"

namespace lazarillo {

/// Grey levels 0..255, row by row.
struct Plane {
  Plane(int w, int h) : width(w), height(h), values(static_cast<std::size_t>(w) * h) {}
  [[nodiscard]] float* row(int y) { return values.data() + std::ptrdiff_t{y} * width; }
  [[nodiscard]] const float* row(int y) const { return values.data() + std::ptrdiff_t{y} * width; }
  int width, height;
  std::vector<float> values;
};

/// A frame made small: brightness on 160 x 120 pixels, whatever the frame's size and shape, and
/// twice halved. Small pixels need not be square in the frame.
struct SmallPicture {
  static constexpr int width = 160, height = 120;
  std::array<Plane, 3> levels{Plane(width, height), Plane(width / 2, height / 2),
                              Plane(width / 4, height / 4)};
};

/// Samples of a frame averaged into one small pixel, along one axis: as many as there are pixels,
/// at most 4. (16 samples divide sensor noise by 4; reading all of a large frame would cost more
/// and gain little.)
[[nodiscard]] int samples_along(int frame_length, int small_length);

/// Where the content of a reference went, in small pixels. What was at p, counted from the middle
/// of the picture, is now at zoom * p + shift, and its level v is now gain * v + offset.
struct Registration {
  double shift_x = 0, shift_y = 0;
  double zoom = 1;
  double gain = 1, offset = 0;
};

/// Half-open ranges of pixels.
struct PixelRect {
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

/// Reduces frames and finds the motion between them. Translation and zoom, not roll: the camera
/// hangs upright on a walker, and what they do not explain is for the caller to see as a change.
///
/// The start is the best normalised correlation over all whole shifts of the smallest level up to a
/// quarter of the picture; from there Gauss-Newton on brightness, coarse to fine (Lucas and Kanade
/// 1981, as surveyed by Baker and Matthews 2004), with gain and offset among the unknowns and
/// Geman-McClure weights, so that what moves by itself does not pull the camera along. Unlike phase
/// correlation it finds zoom and exposure too, and needs no memory.
///
/// Allocates only when constructed. Same input, same output. Not thread-safe.
class Registrar {
 public:
  Registrar();
  /// The frame must have pixels.
  void reduce(const Frame& frame, SmallPicture& small);
  [[nodiscard]] Registration match(const SmallPicture& reference, const SmallPicture& picture);
  /// The reference at finest level as this registration expects to see it now, without gain and
  /// offset; returns the part of `warped` that the reference covers, the rest is undefined.
  PixelRect warp(const Plane& reference, const Registration& registration, Plane& warped);

 private:
  [[nodiscard]] Registration coarse(const Plane& reference, const Plane& picture);
  void refine(const Plane& reference, const Plane& picture, Plane& warped, int stride,
              Registration& registration);

  std::array<Plane, 2> warped_;  ///< of the two finer levels
  std::vector<float> row_;
  std::vector<short> coarse_reference_, coarse_picture_;
};

}  // namespace lazarillo
