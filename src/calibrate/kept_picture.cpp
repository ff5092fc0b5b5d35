#include "calibrate/kept_picture.h"

#include <cairo.h>

#include <memory>

#include "error.h"

namespace lazarillo {

void write_picture(const Frame& frame, const std::filesystem::path& file) {
  struct Free {
    void operator()(cairo_surface_t* s) const { cairo_surface_destroy(s); }
  };
  const std::unique_ptr<cairo_surface_t, Free> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, frame.width, frame.height));
  unsigned char* data = cairo_image_surface_get_data(surface.get());
  const std::ptrdiff_t stride = cairo_image_surface_get_stride(surface.get());
  const std::ptrdiff_t channels = frame.format == PixelFormat::bgr8 ? 3 : 1;
  for (int y = 0; y < frame.height && data != nullptr; ++y) {
    const std::uint8_t* from = frame.pixels.get() + y * frame.stride_bytes;
    // A pixel is 0x00RRGGBB in a word of this machine's order.
    auto* to = reinterpret_cast<std::uint32_t*>(data + y * stride);
    for (int x = 0; x < frame.width; ++x, from += channels) {
      const std::uint32_t blue = from[0];
      to[x] = channels == 3 ? blue | std::uint32_t{from[1]} << 8 | std::uint32_t{from[2]} << 16
                            : blue * 0x010101U;
    }
  }
  cairo_surface_mark_dirty(surface.get());
  const cairo_status_t status = cairo_surface_write_to_png(surface.get(), file.c_str());
  if (status != CAIRO_STATUS_SUCCESS) {
    throw Error(ExitCode::output,
                "'" + file.string() + "' cannot be written: " + cairo_status_to_string(status));
  }
}

}  // namespace lazarillo
