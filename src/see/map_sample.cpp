#include "see/map_sample.h"

#include <algorithm>
#include <cmath>

namespace lazarillo {
namespace {

/// The cells of one axis whose centres lie on the content.
struct Run {
  int first, count;
};

Run on_content(int offset, int content, int input, int cells) {
  const double per_pixel = double(cells) / input;
  const auto from = [&](int pixel) {
    return std::clamp(static_cast<int>(std::ceil(pixel * per_pixel - 0.5)), 0, cells);
  };
  const int first = from(offset);
  return {first, from(offset + content) - first};
}

}  // namespace

DepthGrid MapSample::grid(const DepthGrid& map) const {
  DepthGrid grid;
  grid.width = columns;
  grid.height = rows;
  grid.scale = map.scale / step;
  grid.offset_x = (map.offset_x - left) / step;
  grid.offset_y = (map.offset_y - top) / step;
  return grid;
}

MapSample sample_of(const LetterboxMapping& mapping, int width, int height) {
  const Run across =
      on_content(mapping.offset_x, mapping.content_width, mapping.input_width, width);
  const Run down =
      on_content(mapping.offset_y, mapping.content_height, mapping.input_height, height);
  MapSample sample;
  sample.step =
      std::max(1, (std::max(across.count, down.count) + MapSample::most - 1) / MapSample::most);
  const int middle = sample.step / 2;
  sample.left = across.first + middle;
  sample.top = down.first + middle;
  const auto picked = [&](int count) {
    return std::max(0, (count - middle + sample.step - 1) / sample.step);
  };
  sample.columns = picked(across.count);
  sample.rows = picked(down.count);
  return sample;
}

}  // namespace lazarillo
