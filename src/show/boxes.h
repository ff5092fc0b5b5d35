#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "show/text.h"
#include "track/track.h"

namespace lazarillo {

/// Where the frame lies on the canvas: canvas = frame * scale + offset, and the part it covers.
struct Fit {
  double scale_x = 1, scale_y = 1;
  double offset_x = 0, offset_y = 0;
  Area picture;
};

/// "4.2 ± 0.5 m"; without decimals where sigma is a metre or more.
[[nodiscard]] std::string distance_text(double distance_m, double sigma_m);
/// "12° R", "3° L", "0°".
[[nodiscard]] std::string bearing_text(double bearing_deg);

/// Draws the boxes of tracks and a label beside each. Labels never cover each other or what is in
/// `taken`: in a crowd the less urgent ones become shorter, "person 3 · 4.2 ± 0.5 m · 12° R", then
/// "3 · 4.2 m", then "3". Not thread-safe.
class Boxes {
 public:
  /// `fit`: how the frame lies on the canvas. `order`: indices of tracks, most urgent first.
  /// `levels`: by index of track. `marked`: id of the track the sentence is about.
  void draw(cairo_t* cairo, Text& text, const Fit& fit, const std::vector<Track>& tracks,
            const std::vector<std::size_t>& order, const std::vector<Level>& levels, int marked,
            const std::vector<Area>& taken);

 private:
  void draw_label(cairo_t* cairo, Text& text, const Fit& fit, const Track& track, Level level,
                  const Area& box);

  std::vector<Area> boxes_;   ///< on the canvas, by index of track
  std::vector<Area> placed_;  ///< labels drawn so far, and what was taken before
};

}  // namespace lazarillo
