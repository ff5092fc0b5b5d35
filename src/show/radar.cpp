#include "show/radar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace lazarillo {
namespace {

constexpr double kRanges_m[] = {4, 8, 16, 32};
constexpr double kToRad = std::numbers::pi / 180;
constexpr std::int64_t kShrinkAfter_ns = 2'000'000'000;

double fitting_range(double distance_m) {
  for (const double range : kRanges_m) {
    if (distance_m <= range) return range;
  }
  return std::end(kRanges_m)[-1];
}

/// cairo's angle of a bearing: cairo counts clockwise from the right, we from straight up.
double angle_of(double bearing_deg) { return (bearing_deg - 90) * kToRad; }

}  // namespace

Radar::~Radar() {
  if (ground_ != nullptr) cairo_surface_destroy(ground_);
}

void Radar::choose_range(std::span<const RadarDot> dots, std::int64_t stream_ns) {
  double farthest = 0;
  for (const RadarDot& dot : dots) {
    if (dot.counts) farthest = std::max(farthest, dot.distance_m);
  }
  if (farthest == 0) {  // nothing to fit: stay
    shrinks_ = false;
    return;
  }
  const double wanted = fitting_range(farthest * 1.05);
  const bool waited = shrinks_ && stream_ns - wide_enough_since_ns_ >= kShrinkAfter_ns;
  if (wanted >= range_m_ || waited) {
    range_m_ = wanted;
    shrinks_ = false;
  } else if (!shrinks_) {
    shrinks_ = true;
    wide_enough_since_ns_ = stream_ns;
  }
}

void Radar::draw_ground(Text& text, const Area& area, double left_deg, double right_deg) {
  const int width = static_cast<int>(area.width), height = static_cast<int>(area.height);
  if (ground_ == nullptr || cairo_image_surface_get_width(ground_) != width ||
      cairo_image_surface_get_height(ground_) != height) {
    if (ground_ != nullptr) cairo_surface_destroy(ground_);
    ground_ = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
  }
  cairo_t* cairo = cairo_create(ground_);
  cairo_set_operator(cairo, CAIRO_OPERATOR_CLEAR);
  cairo_paint(cairo);
  cairo_set_operator(cairo, CAIRO_OPERATOR_OVER);
  const double unit = text.size(Font::small);
  fill_panel(cairo, {0, 0, area.width, area.height}, text.size(Font::label) * 0.5, 0.78);

  const double pad = unit * 0.7;
  const double left = std::clamp(left_deg, -90.0, -1.0), right = std::clamp(right_deg, 1.0, 90.0);
  // As large as the wedge fits; an uneven wedge (glasses) is moved to the middle.
  const double reach_left = -std::sin(left * kToRad), reach_right = std::sin(right * kToRad);
  apex_y_ = area.height - unit * 1.5;
  radius_ = std::min(apex_y_ - pad - unit * 0.4,
                     (area.width - 2 * pad) / std::max(reach_left + reach_right, 0.2));
  apex_x_ = area.width / 2 + radius_ * (reach_left - reach_right) / 2;

  cairo_pattern_t* light =
      cairo_pattern_create_radial(apex_x_, apex_y_, 0, apex_x_, apex_y_, radius_);
  cairo_pattern_add_color_stop_rgba(light, 0, 0.60, 0.72, 0.85, 0.34);
  cairo_pattern_add_color_stop_rgba(light, 1, 0.60, 0.72, 0.85, 0.10);
  cairo_move_to(cairo, apex_x_, apex_y_);
  cairo_arc(cairo, apex_x_, apex_y_, radius_, angle_of(left), angle_of(right));
  cairo_close_path(cairo);
  cairo_set_source(cairo, light);
  cairo_fill(cairo);
  cairo_pattern_destroy(light);

  cairo_set_line_width(cairo, std::max(1.0, unit * 0.09));
  for (int ring = 1; ring <= 4; ++ring) {
    const double r = radius_ * ring / 4;
    cairo_new_path(cairo);
    cairo_arc(cairo, apex_x_, apex_y_, r, angle_of(left), angle_of(right));
    cairo_set_source_rgba(cairo, 0.75, 0.83, 0.92, ring % 2 == 0 ? 0.55 : 0.25);
    cairo_stroke(cairo);
  }
  // Every second ring tells its metres, outside the wedge where no dot comes.
  ring_names_.clear();
  for (const int ring : {2, 4}) {
    const double r = radius_ * ring / 4;
    const Extent e =
        text.set(Font::small, fmt::format("{:g}{}", range_m_ * ring / 4, ring == 4 ? " m" : ""));
    const double x = std::min(apex_x_ + r * std::sin(right * kToRad) + unit * 0.25,
                              area.width - e.width - unit * 0.3);
    const double y =
        std::min(apex_y_ - r * std::cos(right * kToRad) + unit * 0.3, area.height - e.height);
    text.show(cairo, Font::small, x, y, {0.80, 0.85, 0.90});
    ring_names_.push_back({x, y, e.width, e.height});
  }

  // The walker.
  const double w = unit * 0.55;
  cairo_move_to(cairo, apex_x_, apex_y_ - w * 0.7);
  cairo_line_to(cairo, apex_x_ + w, apex_y_ + w * 1.2);
  cairo_line_to(cairo, apex_x_, apex_y_ + w * 0.7);
  cairo_line_to(cairo, apex_x_ - w, apex_y_ + w * 1.2);
  cairo_close_path(cairo);
  set_colour(cairo, kInk);
  cairo_fill(cairo);
  cairo_destroy(cairo);
  ground_range_m_ = range_m_;
  ground_left_ = left_deg;
  ground_right_ = right_deg;
}

void Radar::draw(cairo_t* cairo, Text& text, const Area& area, double left_deg, double right_deg,
                 std::span<const RadarDot> dots, std::int64_t stream_ns) {
  choose_range(dots, stream_ns);
  if (ground_ == nullptr || ground_range_m_ != range_m_ || ground_left_ != left_deg ||
      ground_right_ != right_deg ||
      cairo_image_surface_get_width(ground_) != static_cast<int>(area.width)) {
    draw_ground(text, area, left_deg, right_deg);
  }
  cairo_save(cairo);
  cairo_rectangle(cairo, area.x, area.y, area.width, area.height);
  cairo_clip(cairo);
  cairo_translate(cairo, area.x, area.y);
  cairo_set_source_surface(cairo, ground_, 0, 0);
  cairo_paint(cairo);

  const double unit = text.size(Font::small);
  const double dot_radius = unit * 0.36;
  const auto place = [&](double bearing_deg, double distance_m, double& x, double& y) {
    const double r = std::clamp(distance_m / range_m_, 0.0, 1.0) * radius_;
    x = std::clamp(apex_x_ + r * std::sin(bearing_deg * kToRad), dot_radius * 1.5,
                   std::max(dot_radius * 1.5, area.width - dot_radius * 1.5));
    // What is behind the walker lies as low as there is room.
    y = std::min(apex_y_ - r * std::cos(bearing_deg * kToRad), area.height - dot_radius * 1.5);
  };
  cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
  for (const RadarDot& dot : dots) {  // bars first, so that no dot is covered
    double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
    place(dot.bearing_deg, dot.distance_m - dot.sigma_m, x0, y0);
    place(dot.bearing_deg, dot.distance_m + dot.sigma_m, x1, y1);
    cairo_move_to(cairo, x0, y0);
    cairo_line_to(cairo, x1, y1);
    set_colour(cairo, dot.colour, 0.45);
    cairo_set_line_width(cairo, unit * 0.2);
    cairo_stroke(cairo);
  }
  names_ = ring_names_;
  for (const RadarDot& dot : dots) {
    double x = 0, y = 0;
    place(dot.bearing_deg, dot.distance_m, x, y);
    const double alpha = dot.distance_m > range_m_ ? 0.55 : 1;
    cairo_new_path(cairo);
    cairo_arc(cairo, x, y, dot_radius, 0, 2 * std::numbers::pi);
    if (dot.observed) {
      set_colour(cairo, dot.colour, alpha);
      cairo_fill(cairo);
    } else {
      set_colour(cairo, kPanel);
      cairo_fill_preserve(cairo);
      set_colour(cairo, dot.colour, alpha);
      cairo_set_line_width(cairo, unit * 0.14);
      cairo_stroke(cairo);
    }
    if (dot.marked) {
      cairo_arc(cairo, x, y, dot_radius + unit * 0.26, 0, 2 * std::numbers::pi);
      set_colour(cairo, kInk);
      cairo_set_line_width(cairo, unit * 0.13);
      cairo_stroke(cairo);
    }
    names_.push_back({x - dot_radius, y - dot_radius, 2 * dot_radius, 2 * dot_radius});
  }
  // Numbers, the most urgent first, where they cover neither a dot nor another number.
  const Area panel{0, 0, area.width, area.height};
  for (std::size_t i = dots.size(); i-- > 0;) {
    const Extent e = text.set(Font::small, fmt::format("{}", dots[i].id));
    const Area dot = names_[ring_names_.size() + i];
    const double gap = unit * (dots[i].marked ? 0.42 : 0.2);
    const double mid_x = dot.x + dot_radius - e.width / 2;
    const double mid_y = dot.y + dot_radius - e.height / 2;
    for (const auto& [x, y] :
         {std::pair{dot.right() + gap, mid_y}, std::pair{dot.x - gap - e.width, mid_y},
          std::pair{mid_x, dot.y - e.height}, std::pair{mid_x, dot.bottom()}}) {
      const Area name{x, y + e.height * 0.15, e.width, e.height * 0.7};
      if (x < 0 || y < 0 || name.right() > panel.right() || y + e.height > panel.bottom()) continue;
      if (std::any_of(names_.begin(), names_.end(),
                      [&](const Area& a) { return a.overlaps(name); })) {
        continue;
      }
      text.show(cairo, Font::small, x, y, kInk);
      names_.push_back(name);
      break;
    }
  }
  cairo_restore(cairo);
}

}  // namespace lazarillo
