#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "see/depth.h"
#include "show/text.h"

namespace lazarillo {

/// The depth map as a small picture with its scale: near is warm. Metres have fixed colours (1 m to
/// 30 m, logarithmic); depth without a unit is spread over what it holds and marked "relative".
/// Not thread-safe.
class DepthInset {
 public:
  DepthInset();
  ~DepthInset();
  DepthInset(const DepthInset&) = delete;
  DepthInset& operator=(const DepthInset&) = delete;

  /// The area the inset takes in a column of `width` at the top right of `room`, for pictures of
  /// the given size; empty when there is no depth.
  [[nodiscard]] static Area place(const Depth& depth, const Area& room, double width,
                                  int frame_width, int frame_height, const Text& text);
  void draw(cairo_t* cairo, Text& text, const Area& area, const Depth& depth, int frame_width,
            int frame_height);

 private:
  struct Scale;
  void paint(const DepthGrid& grid, int width, int height, double frame_per_pixel_x,
             double frame_per_pixel_y, bool metric);

  std::array<std::array<std::uint8_t, 4>, 256> colours_;
  std::vector<std::uint8_t> pixels_;
  std::vector<float> sorted_;
  cairo_surface_t* picture_ = nullptr;
  int width_ = 0;
  int height_ = 0;
  Depth painted_;  ///< what the picture shows; held, so that its address stays its own
};

}  // namespace lazarillo
