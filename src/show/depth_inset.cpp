#include "show/depth_inset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lazarillo {
namespace {

constexpr double kNearest_m = 1;
constexpr double kFarthest_m = 30;
constexpr std::array<std::uint8_t, 4> kUnknown{52, 48, 46, 255};

double nearness_of(double depth_m) {
  return 1 - std::log(depth_m / kNearest_m) / std::log(kFarthest_m / kNearest_m);
}

/// Bilinear; NaN where a neighbour that counts is not finite. Outside the edge cells count on.
float sample(const DepthGrid& grid, double column, double row) {
  const double x = std::clamp(column, 0.0, static_cast<double>(grid.width - 1));
  const double y = std::clamp(row, 0.0, static_cast<double>(grid.height - 1));
  const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
  const int x1 = std::min(x0 + 1, grid.width - 1), y1 = std::min(y0 + 1, grid.height - 1);
  const float fx = static_cast<float>(x - x0), fy = static_cast<float>(y - y0);
  const auto at = [&](int cx, int cy) {
    return grid.values[static_cast<std::size_t>(cy) * static_cast<std::size_t>(grid.width) +
                       static_cast<std::size_t>(cx)];
  };
  const float top = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * fx;
  const float bottom = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * fx;
  return top + (bottom - top) * fy;
}

/// The grid to show; nullptr when there is none, or when it is not what it says it is.
const DepthGrid* grid_of(const Depth& depth) {
  const DepthGrid* grid = nullptr;
  if (const auto* metric = std::get_if<std::shared_ptr<const MetricDepth>>(&depth)) {
    if (*metric) grid = &(*metric)->depth_m;
  } else if (const auto* relative = std::get_if<std::shared_ptr<const RelativeDepth>>(&depth)) {
    if (*relative) grid = &(*relative)->inverse;
  }
  if (grid == nullptr || grid->width < 1 || grid->height < 1 || !(grid->scale > 0)) return nullptr;
  const auto cells = static_cast<std::size_t>(grid->width) * static_cast<std::size_t>(grid->height);
  return grid->values.size() == cells ? grid : nullptr;
}

double scale_height(const Text& text) { return text.size(Font::small) * 1.75; }

}  // namespace

DepthInset::DepthInset() : colours_(depth_colours()) {}

DepthInset::~DepthInset() {
  if (picture_ != nullptr) cairo_surface_destroy(picture_);
}

Area DepthInset::place(const Depth& depth, const Area& room, double width, int frame_width,
                       int frame_height, const Text& text) {
  if (grid_of(depth) == nullptr || frame_width < 1 || frame_height < 1) return {};
  const double aspect = static_cast<double>(frame_height) / frame_width;
  double w = width, h = width * aspect;
  const double tallest = room.height * (room.height > room.width ? 0.24 : 0.36);
  if (h > tallest) {
    h = tallest;
    w = std::max(h / aspect, text.size(Font::small) * 9);  // the scale has to fit
  }
  w = std::round(w);
  h = std::round(std::max(h, 8.0));
  return {std::round(room.right() - w), room.y, w, h + scale_height(text)};
}

void DepthInset::paint(const DepthGrid& grid, int width, int height, double frame_per_pixel_x,
                       double frame_per_pixel_y, bool metric) {
  if (width != width_ || height != height_) {
    if (picture_ != nullptr) cairo_surface_destroy(picture_);
    pixels_.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4, 0);
    picture_ = cairo_image_surface_create_for_data(pixels_.data(), CAIRO_FORMAT_RGB24, width,
                                                   height, width * 4);
    width_ = width;
    height_ = height;
  }
  double low = 0, high = 1;
  if (!metric) {  // the middle 96 % of what it holds
    sorted_.clear();
    std::copy_if(grid.values.begin(), grid.values.end(), std::back_inserter(sorted_),
                 [](float v) { return std::isfinite(v); });
    if (!sorted_.empty()) {
      const auto rank = [&](double p) {
        const auto at = sorted_.begin() +
                        static_cast<std::ptrdiff_t>(p * static_cast<double>(sorted_.size() - 1));
        std::nth_element(sorted_.begin(), at, sorted_.end());
        return static_cast<double>(*at);
      };
      low = rank(0.02);
      high = std::max(rank(0.98), low + 1e-12);
    }
  }
  cairo_surface_flush(picture_);
  std::uint8_t* out = pixels_.data();
  for (int j = 0; j < height; ++j) {
    const double row = ((j + 0.5) * frame_per_pixel_y - 0.5) * grid.scale + grid.offset_y;
    for (int i = 0; i < width; ++i, out += 4) {
      const double column = ((i + 0.5) * frame_per_pixel_x - 0.5) * grid.scale + grid.offset_x;
      const double value = static_cast<double>(sample(grid, column, row));
      const double nearness = metric ? nearness_of(value) : (value - low) / (high - low);
      const bool known = std::isfinite(value) && (!metric || value > 0);
      const auto& colour =
          known ? colours_[static_cast<std::size_t>(std::clamp(nearness, 0.0, 1.0) * 255)]
                : kUnknown;
      std::memcpy(out, colour.data(), 4);
    }
  }
  cairo_surface_mark_dirty(picture_);
}

void DepthInset::draw(cairo_t* cairo, Text& text, const Area& area, const Depth& depth,
                      int frame_width, int frame_height) {
  const DepthGrid* grid = grid_of(depth);
  if (grid == nullptr || area.width < 1) return;
  const bool metric = std::holds_alternative<std::shared_ptr<const MetricDepth>>(depth);
  const double scale_h = scale_height(text);
  const int width = static_cast<int>(area.width);
  const int height = static_cast<int>(area.height - scale_h);
  if (depth != painted_ || width != width_ || height != height_) {
    paint(*grid, width, height, static_cast<double>(frame_width) / width,
          static_cast<double>(frame_height) / height, metric);
    painted_ = depth;
  }

  const double radius = text.size(Font::label) * 0.5;
  cairo_save(cairo);
  round_rectangle(cairo, area, radius);
  cairo_clip(cairo);
  set_colour(cairo, kPanel, 0.78);
  cairo_paint(cairo);
  cairo_set_source_surface(cairo, picture_, area.x, area.y);
  cairo_rectangle(cairo, area.x, area.y, width, height);
  cairo_fill(cairo);
  cairo_restore(cairo);

  // The scale: a strip of the colours, near on the left, with what they mean below it.
  const double pad = text.size(Font::small) * 0.6;
  const double strip_y = area.y + height;
  const double strip_h = std::max(3.0, text.size(Font::small) * 0.28);
  cairo_pattern_t* gradient = cairo_pattern_create_linear(area.x, 0, area.right(), 0);
  for (int i = 0; i <= 8; ++i) {
    const auto& c = colours_[static_cast<std::size_t>(255 - i * 255 / 8)];
    cairo_pattern_add_color_stop_rgb(gradient, i / 8.0, c[2] / 255.0, c[1] / 255.0, c[0] / 255.0);
  }
  cairo_set_source(cairo, gradient);
  cairo_rectangle(cairo, area.x, strip_y, area.width, strip_h);
  cairo_fill(cairo);
  cairo_pattern_destroy(gradient);

  const double text_y = strip_y + strip_h;
  if (!metric) {
    text.set(Font::small, "relative", area.width - 2 * pad);
    text.show(cairo, Font::small, area.x + pad, text_y, kInk);
    return;
  }
  double from = area.x + pad, to = area.right() - pad;  // the ends first, then what has room
  for (const int metres : {1, 30, 3, 10}) {
    const Extent e = text.set(Font::small, metres == 30 ? "30 m" : fmt::format("{}", metres));
    double x = area.x + (1 - nearness_of(metres)) * area.width - e.width / 2;
    if (metres == 1) {
      x = from;
      from += e.width + pad / 2;
    } else if (metres == 30) {
      x = to - e.width;
      to = x - pad / 2;
    } else if (x < from || x + e.width > to) {
      continue;
    }
    text.show(cairo, Font::small, x, text_y, kInk);
  }
}

}  // namespace lazarillo
