#include "show/text.h"

#include <pango/pangocairo.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lazarillo {

Text::Text(double label_px)
    : sizes_{std::max(10.5, label_px * 0.82), label_px, label_px, label_px * 1.75} {
  // Its own font map: the default one belongs to the thread that asked first.
  PangoFontMap* fonts = pango_cairo_font_map_new();
  PangoContext* context = pango_font_map_create_context(fonts);
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_SLIGHT);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  pango_cairo_context_set_font_options(context, options);
  cairo_font_options_destroy(options);
  for (auto& l : layouts_) {
    l = pango_layout_new(context);
    pango_layout_set_single_paragraph_mode(l, TRUE);
    pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
  }
  g_object_unref(context);  // the layouts hold it, and it holds the font map
  g_object_unref(fonts);
  for (const Font font : {Font::small, Font::label, Font::bold, Font::caption}) {
    resize(font, size(font));
  }
}

Text::~Text() {
  for (auto* l : layouts_) g_object_unref(l);
}

double Text::size(Font font) const { return sizes_[static_cast<std::size_t>(font)]; }

void Text::resize(Font font, double px) {
  sizes_[static_cast<std::size_t>(font)] = px;
  PangoFontDescription* description = pango_font_description_from_string("DejaVu Sans");
  pango_font_description_set_absolute_size(description, px * PANGO_SCALE);
  if (font == Font::bold || font == Font::caption) {
    pango_font_description_set_weight(description, PANGO_WEIGHT_BOLD);
  }
  pango_layout_set_font_description(layout(font), description);
  pango_font_description_free(description);
}

Extent Text::set(Font font, std::string_view text, double max_width, int lines) {
  PangoLayout* l = layout(font);
  const int length = static_cast<int>(std::min<std::size_t>(text.size(), 2000));
  if (g_utf8_validate(text.data(), length, nullptr)) {
    pango_layout_set_text(l, text.data(), length);
  } else {
    char* valid = g_utf8_make_valid(text.data(), length);
    pango_layout_set_text(l, valid, -1);
    g_free(valid);
  }
  if (max_width > 0) {
    pango_layout_set_width(l, static_cast<int>(max_width * PANGO_SCALE));
    pango_layout_set_height(l, -lines);
    pango_layout_set_ellipsize(l, PANGO_ELLIPSIZE_END);
  } else {
    pango_layout_set_width(l, -1);
    pango_layout_set_ellipsize(l, PANGO_ELLIPSIZE_NONE);
  }
  int width = 0, height = 0;
  pango_layout_get_size(l, &width, &height);
  return {static_cast<double>(width) / PANGO_SCALE, static_cast<double>(height) / PANGO_SCALE};
}

bool Text::cut(Font font) const { return pango_layout_is_ellipsized(layout(font)) != FALSE; }

void Text::show(cairo_t* cairo, Font font, double x, double y, Colour colour) const {
  set_colour(cairo, colour);
  cairo_move_to(cairo, x, y);
  pango_cairo_show_layout(cairo, layout(font));
}

void round_rectangle(cairo_t* cairo, const Area& area, double radius) {
  constexpr double kQuarter = std::numbers::pi / 2;
  const double r = std::max(0.0, std::min({radius, area.width / 2, area.height / 2}));
  cairo_new_sub_path(cairo);
  cairo_arc(cairo, area.right() - r, area.y + r, r, -kQuarter, 0);
  cairo_arc(cairo, area.right() - r, area.bottom() - r, r, 0, kQuarter);
  cairo_arc(cairo, area.x + r, area.bottom() - r, r, kQuarter, 2 * kQuarter);
  cairo_arc(cairo, area.x + r, area.y + r, r, 2 * kQuarter, 3 * kQuarter);
  cairo_close_path(cairo);
}

void set_colour(cairo_t* cairo, Colour colour, double alpha) {
  cairo_set_source_rgba(cairo, colour.r, colour.g, colour.b, alpha);
}

void fill_panel(cairo_t* cairo, const Area& area, double radius, double alpha) {
  round_rectangle(cairo, area, radius);
  set_colour(cairo, kPanel, alpha);
  cairo_fill(cairo);
}

}  // namespace lazarillo
