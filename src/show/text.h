#pragma once

#include <cairo.h>

#include <array>
#include <string>
#include <string_view>

#include "show/palette.h"

// Pango's own names for its types: declared here so that no header of it is needed.
typedef struct _PangoLayout PangoLayout;    // NOLINT(bugprone-reserved-identifier)
typedef struct _PangoContext PangoContext;  // NOLINT(bugprone-reserved-identifier)

namespace lazarillo {

struct Extent {
  double width = 0;
  double height = 0;
};

/// A rectangle of the canvas, pixels.
struct Area {
  double x = 0, y = 0, width = 0, height = 0;
  [[nodiscard]] double right() const { return x + width; }
  [[nodiscard]] double bottom() const { return y + height; }
  [[nodiscard]] bool overlaps(const Area& o) const {
    return x < o.right() && o.x < right() && y < o.bottom() && o.y < bottom();
  }
};

enum class Font { small, label, bold, caption };

/// Sets and draws short texts in a few fonts. Layouts are reused, so a text costs its shaping only.
/// Text that is not UTF-8 is shown with replacement characters. Not thread-safe.
class Text {
 public:
  /// `label_px`: height of the label font in pixels; the others follow from it.
  explicit Text(double label_px);
  ~Text();
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  /// Makes `text` the current text of a font and measures it. Wider than `max_width` (when > 0) it
  /// is wrapped into up to `lines` lines, and what is still too long ends in an ellipsis.
  Extent set(Font font, std::string_view text, double max_width = 0, int lines = 1);
  /// Draws the current text of a font, its top left corner at (x, y).
  void show(cairo_t* cairo, Font font, double x, double y, Colour colour) const;
  /// True when the current text of a font had to be cut.
  [[nodiscard]] bool cut(Font font) const;

  [[nodiscard]] double size(Font font) const;
  void resize(Font font, double px);

 private:
  [[nodiscard]] PangoLayout* layout(Font font) const {
    return layouts_[static_cast<std::size_t>(font)];
  }

  std::array<PangoLayout*, 4> layouts_{};
  std::array<double, 4> sizes_{};
};

/// Adds a rectangle with round corners to the path.
void round_rectangle(cairo_t* cairo, const Area& area, double radius);
void set_colour(cairo_t* cairo, Colour colour, double alpha = 1);
/// Fills a dark translucent panel with round corners.
void fill_panel(cairo_t* cairo, const Area& area, double radius, double alpha = 0.72);

}  // namespace lazarillo
