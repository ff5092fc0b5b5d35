#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "guide/cue.h"
#include "guide/guide.h"
#include "see/perception.h"
#include "show/look.h"
#include "source/frame.h"
#include "track/track.h"

namespace lazarillo {

/// A picture for people who watch: 4 bytes a pixel, B G R x, rows `width * 4` bytes apart.
struct Canvas {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> bgrx;
};

/// Everything shown about one frame.
struct Scene {
  Frame frame;
  Look look = Look::in_time;  ///< late: no picture to show, its tracks correct those around it
  Sighting sighting;
  std::vector<Sighting> beside;  ///< of the pictures in frame.set, in their order
  Tracks tracks;
  std::vector<Cue> cues;  ///< decided on this frame
  std::string caption;    ///< the sentence being spoken
  int caption_track = 0;  ///< whom it is about
  double fps = 0;         ///< processed frames a second of wall time
  double latency_ms = 0;  ///< capture to decision of this frame
};

/// Draws scenes: boxes, ids, distance and its sigma, bearing, the depth map as an inset, a top-down
/// radar, the caption, frame rate and latency. The canvas keeps the size it was made with: frames
/// of another size are fitted into it. Not thread-safe.
class Overlay {
 public:
  /// Sizes are those of the first frame; odd ones are rounded up, small ones scaled up so that text
  /// stays readable, large ones scaled down: the canvas is 640 to 1920 wide and 360 to 1920 high.
  /// `rules` decide the colours: a box has the colour of what the guide thinks of its track.
  Overlay(int frame_width, int frame_height, const GuideOptions& rules = {});
  ~Overlay();

  [[nodiscard]] int width() const;
  [[nodiscard]] int height() const;

  /// Never throws for what is in the scene: a box that is not finite is left out, a frame without
  /// pixels is black. Valid until the next call.
  [[nodiscard]] const Canvas& draw(const Scene& scene);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
