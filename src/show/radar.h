#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "show/text.h"

namespace lazarillo {

/// One object in the radar.
struct RadarDot {
  int id = 0;
  Colour colour;
  double bearing_deg = 0;
  double distance_m = 0;
  double sigma_m = 0;
  bool observed = true;
  bool marked = false;  ///< the sentence is about it
  bool counts = true;   ///< the range is chosen so that it fits; others may lie on the rim
};

/// The ground seen from above: the walker at the bottom, the field of view as a wedge, rings in
/// metres. Its range follows the farthest object that counts, up to 32 m: it grows at once and
/// shrinks only after two calm seconds. What is farther lies on the rim, faint. Not thread-safe.
class Radar {
 public:
  Radar() = default;
  ~Radar();
  Radar(const Radar&) = delete;
  Radar& operator=(const Radar&) = delete;

  /// `left_deg` < 0 < `right_deg`: bearings of the picture's edges. `dots`: the least urgent first,
  /// the most urgent is drawn on top and named first.
  void draw(cairo_t* cairo, Text& text, const Area& area, double left_deg, double right_deg,
            std::span<const RadarDot> dots, std::int64_t stream_ns);
  [[nodiscard]] double range_m() const { return range_m_; }

 private:
  void choose_range(std::span<const RadarDot> dots, std::int64_t stream_ns);
  void draw_ground(Text& text, const Area& area, double left_deg, double right_deg);

  double range_m_ = 8;
  std::int64_t wide_enough_since_ns_ = 0;
  bool shrinks_ = false;

  cairo_surface_t* ground_ = nullptr;  ///< panel, wedge and rings, redrawn when they change
  double ground_range_m_ = 0, ground_left_ = 0, ground_right_ = 0;
  std::vector<Area> names_, ring_names_;
  double apex_x_ = 0, apex_y_ = 0, radius_ = 0;  ///< within the panel
};

}  // namespace lazarillo
