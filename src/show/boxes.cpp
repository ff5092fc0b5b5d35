#include "show/boxes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace lazarillo {
namespace {

double line_width(Level level, double unit) {
  switch (level) {
    case Level::critical:
      return unit * 0.26;
    case Level::warning:
      return unit * 0.20;
    case Level::info:
      return unit * 0.15;
    case Level::calm:
      break;
  }
  return unit * 0.11;
}

/// The box on the canvas, kept whole inside the picture; no width where it is not usable.
Area on_canvas(const Box& box, const Fit& fit, double margin) {
  const Area& p = fit.picture;
  const auto x_of = [&](float x) {
    return std::clamp((static_cast<double>(x) + 0.5) * fit.scale_x + fit.offset_x, p.x + margin,
                      std::max(p.x + margin, p.right() - margin));
  };
  const auto y_of = [&](float y) {
    return std::clamp((static_cast<double>(y) + 0.5) * fit.scale_y + fit.offset_y, p.y + margin,
                      std::max(p.y + margin, p.bottom() - margin));
  };
  if (!std::isfinite(box.x1 + box.y1 + box.x2 + box.y2)) return {};
  const double x = x_of(box.x1), y = y_of(box.y1);
  return {x, y, x_of(box.x2) - x, y_of(box.y2) - y};
}

}  // namespace

std::string distance_text(double distance_m, double sigma_m) {
  return sigma_m < 0.95 ? fmt::format("{:.1f} ± {:.1f} m", distance_m, sigma_m)
                        : fmt::format("{:.0f} ± {:.0f} m", distance_m, sigma_m);
}

std::string bearing_text(double bearing_deg) {
  const double rounded = std::round(std::abs(bearing_deg));
  if (!(rounded > 0)) return "0°";
  return fmt::format("{:.0f}° {}", rounded, bearing_deg > 0 ? 'R' : 'L');
}

void Boxes::draw(cairo_t* cairo, Text& text, const Fit& fit, const std::vector<Track>& tracks,
                 const std::vector<std::size_t>& order, const std::vector<Level>& levels,
                 int marked, const std::vector<Area>& taken) {
  const double unit = text.size(Font::label);
  // The least urgent first, so that the most urgent lies on top.
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const Track& track = tracks[*at];
    const Level level = levels[*at];
    const double line = line_width(level, unit);
    const Area box = on_canvas(track.box, fit, line / 2 + 1);
    if (box.width < 1 || box.height < 1) continue;
    const Colour colour = colour_of(level);
    const double radius = std::min({unit * 0.55, box.width / 4, box.height / 4});
    round_rectangle(cairo, box, radius);
    if (level >= Level::warning) {
      set_colour(cairo, colour, 0.14);
      cairo_fill_preserve(cairo);
    }
    // A dark edge keeps the line readable on a bright picture; a white one marks who is spoken of.
    cairo_set_line_width(cairo, line + unit * (track.id == marked ? 0.26 : 0.12));
    if (track.id == marked) {
      set_colour(cairo, kInk, 0.85);
    } else {
      set_colour(cairo, kDarkInk, 0.45);
    }
    const std::array<double, 2> dash{unit * 0.5, unit * 0.4};
    if (!track.observed) cairo_set_dash(cairo, dash.data(), 2, 0);
    cairo_stroke_preserve(cairo);
    cairo_set_line_width(cairo, line);
    set_colour(cairo, colour);
    cairo_stroke(cairo);
    cairo_set_dash(cairo, nullptr, 0, 0);
  }
  placed_ = taken;
  boxes_.clear();
  for (const Track& track : tracks) boxes_.push_back(on_canvas(track.box, fit, 2));
  for (const std::size_t i : order) {
    if (boxes_[i].width >= 1 && boxes_[i].height >= 1) {
      draw_label(cairo, text, fit, tracks[i], levels[i], boxes_[i]);
    }
  }
}

void Boxes::draw_label(cairo_t* cairo, Text& text, const Fit& fit, const Track& track, Level level,
                       const Area& box) {
  const bool loud = level >= Level::warning;
  const Font font = loud ? Font::bold : Font::label;
  const double unit = text.size(font);
  const double pad = unit * 0.45;
  const double dot = loud ? 0 : unit * 0.75;  // calm labels have a dark pill and a coloured dot
  std::array<std::string, 3> texts;
  texts[2] = fmt::format("{}", track.id);
  if (track.distance_m && std::isfinite(*track.distance_m + track.distance_sigma_m)) {
    texts[0] = fmt::format("{} {} · {} · {}", track.label, track.id,
                           distance_text(*track.distance_m, track.distance_sigma_m),
                           bearing_text(track.bearing_deg));
    texts[1] = track.distance_sigma_m < 0.95
                   ? fmt::format("{} · {:.1f} m", track.id, *track.distance_m)
                   : fmt::format("{} · {:.0f} m", track.id, *track.distance_m);
  } else {
    texts[0] = fmt::format("{} {} · {}", track.label, track.id, bearing_text(track.bearing_deg));
    texts[1] = fmt::format("{} · {}", track.id, bearing_text(track.bearing_deg));
  }

  const double gap = unit * 0.25;
  const Area p{fit.picture.x + gap, fit.picture.y + gap,
               std::max(fit.picture.width - 2 * gap, unit), fit.picture.height - 2 * gap};
  const auto covers = [](const std::vector<Area>& others, const Area& a) {
    return std::any_of(others.begin(), others.end(), [&](const Area& o) { return a.overlaps(o); });
  };
  // First choices leave every other box free; a shorter text comes before covering one.
  struct Choice {
    const std::string* words;
    bool over_boxes;
  };
  const std::array<Choice, 4> choices{{{&texts[0], false},
                                       {loud ? &texts[0] : &texts[1], loud},
                                       {&texts[1], true},
                                       {&texts[2], true}}};
  Area pill;
  bool found = false;
  for (const Choice& choice : choices) {
    const Extent e = text.set(font, *choice.words, p.width - 2 * pad - dot);
    pill.width = e.width + 2 * pad + dot;
    pill.height = e.height + unit * 0.12;
    const double rightmost = std::max(p.x, p.right() - pill.width);
    const double left = std::clamp(box.x, p.x, rightmost);
    const double right = std::clamp(box.right() - pill.width, p.x, rightmost);
    const double above = box.y - pill.height - gap, below = box.bottom() + gap;
    const double top = box.y + gap, bottom = box.bottom() - pill.height - gap;
    for (const auto& [x, y] :
         {std::pair{left, above}, std::pair{right, above}, std::pair{left, below},
          std::pair{right, below}, std::pair{left, top}, std::pair{left, bottom}}) {
      pill.x = x;
      pill.y = y;
      found = y >= p.y && y + pill.height <= p.bottom() && !covers(placed_, pill) &&
              (choice.over_boxes || std::none_of(boxes_.begin(), boxes_.end(), [&](const Area& o) {
                 return &o != &box && o.overlaps(pill);
               }));
      if (found) break;
    }
    if (found) break;
  }
  if (!found) return;  // not even room for its number
  placed_.push_back(pill);

  const Colour colour = colour_of(level);
  if (loud) {
    round_rectangle(cairo, pill, pill.height / 2);
    set_colour(cairo, colour, 0.95);
    cairo_fill(cairo);
  } else {
    fill_panel(cairo, pill, pill.height / 2);
    cairo_arc(cairo, pill.x + pad + unit * 0.2, pill.y + pill.height / 2, unit * 0.24, 0, 6.2832);
    set_colour(cairo, colour);
    cairo_fill(cairo);
  }
  text.show(cairo, font, pill.x + pad + dot, pill.y + unit * 0.06, loud ? kDarkInk : kInk);
}

}  // namespace lazarillo
