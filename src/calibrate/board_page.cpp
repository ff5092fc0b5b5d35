#include "calibrate/board_page.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <memory>

#include "error.h"

namespace lazarillo {
namespace {

constexpr double kPointsPerMm = 72 / 25.4;
constexpr double kDotsPerMm = 300 / 25.4;
constexpr double kMarginMm = 10;  // printers leave some of it white

struct Page {
  double width_mm, height_mm;
};

Page page_for(double board_width_mm, double board_height_mm) {
  const double width = board_width_mm + 2 * kMarginMm;
  const double height = board_height_mm + 2 * kMarginMm;
  for (const Page& page : {Page{297, 210}, Page{420, 297}, Page{594, 420}}) {
    if (width <= page.width_mm && height <= page.height_mm) return page;
    if (width <= page.height_mm && height <= page.width_mm) return {page.height_mm, page.width_mm};
  }
  return {width, height};
}

std::string words_of(const BoardOptions& o) {
  const std::string markers =
      o.marker_mm > 0 ? fmt::format(", markers {} of {} mm", o.dictionary, o.marker_mm) : "";
  return fmt::format(
      "{} x {} squares of {} mm{}. Print at 100 %, glue onto something flat, measure "
      "a square.",
      o.columns, o.rows, o.square_mm, markers);
}

/// In millimetres.
void draw(cairo_t* cairo, const Board& board, const Page& page) {
  const BoardOptions& o = board.options();
  cairo_set_source_rgb(cairo, 1, 1, 1);
  cairo_paint(cairo);
  cairo_set_source_rgb(cairo, 0, 0, 0);
  const double left = (page.width_mm - o.columns * o.square_mm) / 2;
  const double top = (page.height_mm - o.rows * o.square_mm) / 2;
  for (const BoardPatch& patch : board.patches()) {
    for (int i = 0; i < 4; ++i) {
      (i == 0 ? cairo_move_to : cairo_line_to)(cairo, left + patch.x[i], top + patch.y[i]);
    }
    cairo_close_path(cairo);
  }
  cairo_fill(cairo);
  cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo, 3);
  cairo_move_to(cairo, left, page.height_mm - kMarginMm / 3);
  cairo_show_text(cairo, words_of(o).c_str());
}

}  // namespace

void write_board(const Board& board, const std::filesystem::path& file) {
  const BoardOptions& o = board.options();
  const Page page = page_for(o.columns * o.square_mm, o.rows * o.square_mm);
  const std::string ending = file.extension().string();
  const std::string name = file.string();
  struct Free {
    void operator()(cairo_surface_t* s) const { cairo_surface_destroy(s); }
    void operator()(cairo_t* c) const { cairo_destroy(c); }
  };
  double scale = kPointsPerMm;
  std::unique_ptr<cairo_surface_t, Free> surface;
  if (ending == ".pdf") {
    surface.reset(
        cairo_pdf_surface_create(name.c_str(), page.width_mm * scale, page.height_mm * scale));
  } else if (ending == ".svg") {
    surface.reset(
        cairo_svg_surface_create(name.c_str(), page.width_mm * scale, page.height_mm * scale));
  } else if (ending == ".png") {
    scale = kDotsPerMm;
    surface.reset(cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, static_cast<int>(std::lround(page.width_mm * scale)),
        static_cast<int>(std::lround(page.height_mm * scale))));
  } else {
    throw Error(ExitCode::usage,
                "'" + name + "': a board is written as .pdf, .svg or .png, name it so");
  }
  const std::unique_ptr<cairo_t, Free> cairo(cairo_create(surface.get()));
  cairo_scale(cairo.get(), scale, scale);
  draw(cairo.get(), board, page);
  cairo_surface_flush(surface.get());
  cairo_status_t status = cairo_status(cairo.get());
  if (status == CAIRO_STATUS_SUCCESS && ending == ".png") {
    status = cairo_surface_write_to_png(surface.get(), name.c_str());
  } else if (status == CAIRO_STATUS_SUCCESS) {
    cairo_surface_finish(surface.get());
    status = cairo_surface_status(surface.get());
  }
  if (status != CAIRO_STATUS_SUCCESS) {
    throw Error(ExitCode::output,
                "'" + name + "' cannot be written: " + cairo_status_to_string(status));
  }
}

}  // namespace lazarillo
