#include "see/rectify.h"

#include <cmath>
#include <limits>

#include "error.h"

namespace lazarillo {
namespace {

/// Where a place of the straight picture, counted from its edge, lies in the frame, counted from
/// pixel centres.
std::optional<PicturePoint> bent(const Frame& frame, double x, double y) {
  const Intrinsics& straight = frame.intrinsics;
  return frame.lens->project((x - 0.5 - straight.cx) / straight.fx,
                             (y - 0.5 - straight.cy) / straight.fy, 1);
}

struct Point {
  float x, y;
};

Point between(const Point& a, const Point& b, float way) {
  return {a.x + way * (b.x - a.x), a.y + way * (b.y - a.y)};
}

float distance(const Point& a, const Point& b) {
  const float x = b.x - a.x;
  const float y = b.y - a.y;
  return std::sqrt(x * x + y * y);
}

/// Samples along a side of this length; not a number: one, which will have no place.
int samples_along(float length) {
  const float spaces = length / kMostRectifySpacing;
  if (!(spaces > 1)) return 1;
  return static_cast<int>(std::min(std::ceil(spaces), float{kMostRectifySamples}));
}

/// Adds the frame's levels at a place to `sums`, one a channel.
template <int channels>
void add_sample(const Frame& frame, const Point& at, float pad, float* sums) {
  const auto right = static_cast<float>(frame.width) - 0.5F;
  const auto bottom = static_cast<float>(frame.height) - 0.5F;
  if (!(at.x >= -0.5F && at.x <= right && at.y >= -0.5F && at.y <= bottom)) {
    for (int c = 0; c < channels; ++c) sums[c] += pad;
    return;
  }
  const float left_of = std::floor(at.x);
  const float above = std::floor(at.y);
  const float across = at.x - left_of;
  const float down = at.y - above;
  const auto x = static_cast<int>(left_of);
  const auto y = static_cast<int>(above);
  const std::uint8_t* upper = frame.pixels.get() + frame.stride_bytes * std::max(y, 0);
  const std::uint8_t* lower =
      frame.pixels.get() + frame.stride_bytes * std::min(y + 1, frame.height - 1);
  const int low = channels * std::max(x, 0);
  const int high = channels * std::min(x + 1, frame.width - 1);
  for (int c = 0; c < channels; ++c) {
    const auto level = [c](const std::uint8_t* row, int pixel) {
      return static_cast<float>(row[pixel + c]);
    };
    const float top = level(upper, low) + across * (level(upper, high) - level(upper, low));
    const float under = level(lower, low) + across * (level(lower, high) - level(lower, low));
    sums[c] += top + down * (under - top);
  }
}

template <int channels>
void fill_row(const Frame& frame, const RectifyMap& map, float pad, int y, float* levels) {
  const std::ptrdiff_t width = map.mapping.content_width;
  const float* upper = map.corners.data() + 2 * (width + 1) * y;
  const float* lower = upper + 2 * (width + 1);
  for (std::ptrdiff_t x = 0; x < width; ++x, upper += 2, lower += 2) {
    const Point a{upper[0], upper[1]};
    const Point b{upper[2], upper[3]};
    const Point c{lower[0], lower[1]};
    const Point d{lower[2], lower[3]};
    const int across = samples_along(std::max(distance(a, b), distance(c, d)));
    const int down = samples_along(std::max(distance(a, c), distance(b, d)));
    float sums[channels] = {};
    for (int j = 0; j < down; ++j) {
      const float way = (static_cast<float>(j) + 0.5F) / static_cast<float>(down);
      const Point from = between(a, c, way);
      const Point to = between(b, d, way);
      for (int i = 0; i < across; ++i) {
        const float along = (static_cast<float>(i) + 0.5F) / static_cast<float>(across);
        add_sample<channels>(frame, between(from, to, along), pad, sums);
      }
    }
    const auto samples = static_cast<float>(across * down);
    for (std::ptrdiff_t k = 0; k < channels; ++k) {
      levels[k * width + x] = std::floor(sums[k] / samples + 0.5F);
    }
  }
}

}  // namespace

RectifyMap rectify_map(const Frame& frame, const LetterboxMapping& mapping) {
  constexpr float nowhere = std::numeric_limits<float>::quiet_NaN();
  RectifyMap map{mapping, {}};
  map.corners.reserve(2 * static_cast<std::size_t>(mapping.content_width + 1) *
                      static_cast<std::size_t>(mapping.content_height + 1));
  for (int y = 0; y <= mapping.content_height; ++y) {
    for (int x = 0; x <= mapping.content_width; ++x) {
      const auto at = bent(frame, x / mapping.scale_x(), y / mapping.scale_y());
      map.corners.push_back(at ? static_cast<float>(at->x) : nowhere);
      map.corners.push_back(at ? static_cast<float>(at->y) : nowhere);
    }
  }
  return map;
}

void rectify_row(const Frame& frame, const RectifyMap& map, float pad, int y, float* levels) {
  frame.format == PixelFormat::bgr8 ? fill_row<3>(frame, map, pad, y, levels)
                                    : fill_row<1>(frame, map, pad, y, levels);
}

Frame rectified(const Frame& frame, PerLens<RectifyMap>& maps) {
  if (!frame.lens) return frame;
  if (!frame.pixels) throw Error(ExitCode::vision, "the frame has no pixels");
  const int width = frame.intrinsics.width;
  const int height = frame.intrinsics.height;
  const int channels = frame.format == PixelFormat::bgr8 ? 3 : 1;
  const RectifyMap& map = maps.of(
      frame, [&] { return rectify_map(frame, fit_frame(width, height, width, height, false)); });
  std::vector<float> levels(static_cast<std::size_t>(channels) * static_cast<std::size_t>(width));
  Frame straight = frame;
  straight.lens.reset();
  straight.width = width;
  straight.height = height;
  straight.stride_bytes = std::ptrdiff_t{channels} * width;
  const std::shared_ptr<std::uint8_t> pixels(
      new std::uint8_t[static_cast<std::size_t>(straight.stride_bytes) *
                       static_cast<std::size_t>(height)],
      std::default_delete<std::uint8_t[]>());
  std::uint8_t* out = pixels.get();
  for (int y = 0; y < height; ++y) {
    rectify_row(frame, map, 0, y, levels.data());
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        *out++ = static_cast<std::uint8_t>(levels.data()[std::ptrdiff_t{c} * width + x]);
      }
    }
  }
  straight.pixels = pixels;
  return straight;
}

Box in_own_pixels(const Frame& frame, const Box& box) {
  if (!frame.lens) return box;
  // The outline of a box is bent: its extremes lie between its corners too.
  constexpr int steps = 8;
  constexpr float far = std::numeric_limits<float>::max();
  Box around{far, far, -far, -far};
  const auto take_in = [&](float x, float y) {
    const auto at = bent(frame, x, y);
    if (!at) return;
    // From pixel centres to edges.
    const auto own_x = static_cast<float>(at->x + 0.5);
    const auto own_y = static_cast<float>(at->y + 0.5);
    around = {std::min(around.x1, own_x), std::min(around.y1, own_y), std::max(around.x2, own_x),
              std::max(around.y2, own_y)};
  };
  for (int i = 0; i <= steps; ++i) {
    const float way = static_cast<float>(i) / steps;
    const float x = box.x1 + way * box.width();
    const float y = box.y1 + way * box.height();
    take_in(x, box.y1);
    take_in(x, box.y2);
    take_in(box.x1, y);
    take_in(box.x2, y);
  }
  if (around.x1 > around.x2) return {};
  return clipped(around, frame.width, frame.height);
}

}  // namespace lazarillo
