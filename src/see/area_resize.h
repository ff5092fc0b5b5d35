#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lazarillo {

/// Shrinks 8-bit pictures by area average: a pixel of the result is the mean of the source over
/// the rectangle it covers, where source pixels are squares of constant level and count by their
/// covered part. That is how OpenCV's INTER_AREA is defined. Levels are rounded to whole ones, a
/// half upwards. The same levels on every processor. Not thread-safe.
class AreaResizer {
 public:
  /// Sets the sizes, in pixels; 1 <= width <= source_width and the same for the height. Channels
  /// is 1 or 3, interleaved in the source. Allocates only when a size changes.
  void set_sizes(int source_width, int source_height, int channels, int width, int height);

  /// Row y of the result: `channels` runs of `width` levels (0 to 255), one run a channel in the
  /// source's order. Valid until the next call. `stride` is the distance of two source rows, bytes.
  [[nodiscard]] const float* row(const std::uint8_t* pixels, std::ptrdiff_t stride, int y);

 private:
  /// The source pixels under each pixel of the result, along one axis.
  struct Axis {
    int source_length = 0, length = 0;
    int taps = 0;                ///< weights a pixel, as many as the pixel with the most needs
    std::vector<int> first;      ///< first source pixel
    std::vector<float> weights;  ///< `taps` a pixel, summing to 1; those not needed are 0

    void set(int new_source_length, int new_length);
  };

  int channels_ = 0;
  Axis x_, y_;
  std::vector<float> sums_;    ///< mean of the source rows under one row of the result
  std::vector<float> levels_;  ///< one row of the result
};

}  // namespace lazarillo
