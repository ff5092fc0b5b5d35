#include "show/overlay.h"

#include <cairo.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <opencv2/imgproc.hpp>

#include "show/boxes.h"
#include "show/depth_inset.h"
#include "show/palette.h"
#include "show/radar.h"
#include "show/text.h"
#include "source/rig.h"
#include "track/common_view.h"

namespace lazarillo {
namespace {

constexpr int kNarrowest = 640, kLowest = 360, kLongest = 1920;

int even(double size) { return static_cast<int>(std::ceil(size / 2 - 1e-9)) * 2; }

struct Size {
  int width, height;
};

Size canvas_size(int frame_width, int frame_height) {
  const double w = std::max(frame_width, 1), h = std::max(frame_height, 1);
  const double scale = std::min({std::max(1.0, kNarrowest / w), kLongest / w, kLongest / h});
  return {std::clamp(even(w * scale), kNarrowest, kLongest),
          std::clamp(even(h * scale), kLowest, kLongest)};
}

std::string time_text(std::int64_t stream_ns) {
  const std::int64_t tenths = std::max<std::int64_t>(stream_ns, 0) / 100'000'000;
  const std::int64_t minutes = tenths / 600;
  if (minutes >= 60) {
    return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, tenths / 10 % 60);
  }
  return fmt::format("{}:{:02}.{}", minutes, tenths / 10 % 60, tenths % 10);
}

/// A disc with an arrow: up for ahead, else slanted or straight to the side of the object. Steps of
/// 45 degrees are told apart at a glance; the exact bearing stands at the box.
void draw_direction(cairo_t* cairo, double x, double y, double radius, double bearing_deg,
                    double ahead_deg, Colour colour) {
  const double steps = std::abs(bearing_deg) <= ahead_deg ? 0 : std::abs(bearing_deg) <= 60 ? 1 : 2;
  cairo_save(cairo);
  cairo_translate(cairo, x, y);
  cairo_arc(cairo, 0, 0, radius, 0, 2 * std::numbers::pi);
  set_colour(cairo, colour);
  cairo_fill(cairo);
  cairo_rotate(cairo, std::copysign(steps * std::numbers::pi / 4, bearing_deg));
  cairo_scale(cairo, radius, radius);
  set_colour(cairo, kDarkInk);
  cairo_set_line_width(cairo, 0.24);
  cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  cairo_move_to(cairo, 0, 0.58);
  cairo_line_to(cairo, 0, -0.55);
  cairo_move_to(cairo, -0.44, -0.12);
  cairo_line_to(cairo, 0, -0.57);
  cairo_line_to(cairo, 0.44, -0.12);
  cairo_stroke(cairo);
  cairo_restore(cairo);
}

}  // namespace

struct Overlay::Impl {
  explicit Impl(Size size)
      : text(std::max(13.0, 0.021 * std::sqrt(static_cast<double>(size.width) * size.height))) {
    canvas.width = size.width;
    canvas.height = size.height;
    canvas.bgrx.resize(static_cast<std::size_t>(size.width) *
                       static_cast<std::size_t>(size.height) * 4);
    surface = cairo_image_surface_create_for_data(canvas.bgrx.data(), CAIRO_FORMAT_RGB24,
                                                  size.width, size.height, size.width * 4);
    cairo = cairo_create(surface);
    unit = text.size(Font::label);
    margin = std::round(unit * 0.7);
    room = {margin, margin, size.width - 2 * margin, size.height - 2 * margin};
    wide = size.width >= size.height * 1.1;
    caption_px = text.size(Font::caption);
    const double w = std::round(std::max(room.width * (wide ? 0.235 : 0.34), unit * 9));
    const double h = std::round(std::min(w * 0.92, room.height * 0.34));
    radar_area = {room.right() - w, room.bottom() - h, w, h};
  }
  ~Impl() {
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
  }

  void draw(const Scene& scene);
  void draw_picture(const Frame& frame);
  void rank(const Scene& scene);
  void follow_speaker(const Scene& scene);
  Area lay_caption(const std::string& caption);
  void draw_caption(const std::string& caption, const Area& area);
  Area lay_banner(const std::string& fault);
  void draw_banner(const std::string& fault, const Area& area);
  Area status_area(const Scene& scene);
  void draw_status(const Area& area);

  GuideOptions rules;
  Canvas canvas;
  cairo_surface_t* surface = nullptr;
  cairo_t* cairo = nullptr;
  Text text;
  Boxes boxes;
  DepthInset depth_inset;
  Radar radar;

  double unit = 0;    ///< height of the label font: every size follows from it
  double margin = 0;  ///< between things and the edge
  Area room;          ///< the canvas within the margin
  bool wide = true;   ///< caption beside the radar; otherwise below it
  Area radar_area;
  Fit fit;
  cv::Mat resized;

  std::vector<Level> levels;
  std::vector<std::size_t> order;
  std::vector<RadarDot> dots;
  std::vector<Area> taken;
  std::string status;

  std::string laid_caption;  ///< the caption the font size below was found for
  double caption_px = 0;
  Area laid_area;
  int spoken_track = 0;  ///< the last seen state of the track the sentence is about
  double spoken_bearing = 0;
  Level spoken_level = Level::calm;
};

void Overlay::Impl::draw_picture(const Frame& frame) {
  cv::Mat out(canvas.height, canvas.width, CV_8UC4, canvas.bgrx.data());
  const int channels = frame.format == PixelFormat::gray8 ? 1 : 3;
  if (!frame.pixels || frame.width < 1 || frame.height < 1) {
    out.setTo(cv::Scalar(0, 0, 0, 255));
    fit = {
        1, 1, 0, 0, {0, 0, static_cast<double>(canvas.width), static_cast<double>(canvas.height)}};
    return;
  }
  // cv::Mat has no read-only view; nothing writes through this one.
  const cv::Mat in(frame.height, frame.width, CV_8UC(channels),
                   const_cast<std::uint8_t*>(frame.pixels.get()),
                   static_cast<std::size_t>(frame.stride_bytes));
  const double scale = std::min(static_cast<double>(canvas.width) / frame.width,
                                static_cast<double>(canvas.height) / frame.height);
  // An odd frame lies in a canvas one pixel larger: it stays as sharp as it is.
  const bool same = canvas.width - frame.width >= 0 && canvas.width - frame.width <= 1 &&
                    canvas.height - frame.height >= 0 && canvas.height - frame.height <= 1;
  const int width =
      same ? frame.width
           : std::clamp(static_cast<int>(std::lround(frame.width * scale)), 1, canvas.width);
  const int height =
      same ? frame.height
           : std::clamp(static_cast<int>(std::lround(frame.height * scale)), 1, canvas.height);
  const cv::Rect place((canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  if (place.size() != out.size()) out.setTo(cv::Scalar(0, 0, 0, 255));
  cv::Mat target = out(place);
  const int code = channels == 1 ? cv::COLOR_GRAY2BGRA : cv::COLOR_BGR2BGRA;
  if (same) {
    cv::cvtColor(in, target, code);
  } else {
    cv::resize(in, resized, place.size(), 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
    cv::cvtColor(resized, target, code);
  }
  fit.scale_x = static_cast<double>(width) / frame.width;
  fit.scale_y = static_cast<double>(height) / frame.height;
  fit.offset_x = place.x;
  fit.offset_y = place.y;
  fit.picture = {static_cast<double>(place.x), static_cast<double>(place.y),
                 static_cast<double>(width), static_cast<double>(height)};
}

/// Whom the sentence is about comes first, then the most urgent, then the nearest.
void Overlay::Impl::rank(const Scene& scene) {
  const Tracks& tracks = scene.tracks;
  levels.clear();
  order.clear();
  for (const Track& track : tracks.items) {
    order.push_back(levels.size());
    levels.push_back(level_of(track, rules));
  }
  constexpr double kFar = std::numeric_limits<double>::max();
  const auto distance = [&](std::size_t i) {
    const double metres = tracks.items[i].distance_m.value_or(kFar);
    return std::isfinite(metres) ? metres : kFar;
  };
  const auto spoken = [&](std::size_t i) {
    return !scene.caption.empty() && tracks.items[i].id == scene.caption_track;
  };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (spoken(a) != spoken(b)) return spoken(a);
    if (levels[a] != levels[b]) return levels[a] > levels[b];
    if (distance(a) != distance(b)) return distance(a) < distance(b);
    return tracks.items[a].id < tracks.items[b].id;
  });
}

void Overlay::Impl::follow_speaker(const Scene& scene) {
  if (scene.caption.empty() || scene.caption_track != spoken_track) spoken_track = 0;
  if (scene.caption.empty() || scene.caption_track == 0) return;
  for (std::size_t i = 0; i < scene.tracks.items.size(); ++i) {
    const Track& track = scene.tracks.items[i];
    if (track.id != scene.caption_track) continue;
    spoken_track = track.id;
    spoken_bearing = track.bearing_deg;
    spoken_level = levels[i];
  }
  for (const Cue& cue : scene.cues) {  // its track may be gone already
    if (spoken_track != 0 || cue.track != scene.caption_track) continue;
    spoken_track = cue.track;
    spoken_bearing = cue.bearing_deg;
    spoken_level = cue.priority == Priority::critical  ? Level::critical
                   : cue.priority == Priority::warning ? Level::warning
                                                       : Level::info;
  }
}

Area Overlay::Impl::lay_caption(const std::string& caption) {
  if (caption.empty()) return {};
  const double pad = unit * 0.8;
  const double disc = unit * 2.6;
  const double width = wide ? radar_area.x - margin - room.x : room.width;
  const double words = width - 2 * pad - disc;
  if (caption != laid_caption) {
    // As large as two lines hold it; a very long sentence gets a third, small one.
    double px = unit * 1.75;
    for (;; px *= 0.88) {
      const bool smallest = px * 0.88 < unit * 0.9;
      text.resize(Font::caption, px);
      const Extent e = text.set(Font::caption, caption, words, smallest ? 3 : 2);
      caption_px = px;
      laid_area.height = std::max(e.height, unit * 1.9) + unit * 0.9;
      if (smallest || !text.cut(Font::caption)) break;
    }
    laid_caption = caption;
    laid_area.width = width;
    laid_area.x = room.x;
    laid_area.y = room.bottom() - laid_area.height;
  }
  return laid_area;
}

void Overlay::Impl::draw_caption(const std::string& caption, const Area& area) {
  if (area.width < 1) return;
  fill_panel(cairo, area, unit * 0.7, 0.80);
  const double pad = unit * 0.8;
  const double disc = unit * 2.6;
  const bool small = caption_px < unit * 1.1;
  const bool pointed = spoken_track != 0;
  if (pointed) {
    draw_direction(cairo, area.x + pad + unit, area.y + area.height / 2, unit, spoken_bearing,
                   rules.ahead_deg, colour_of(spoken_level));
  }
  const Extent e = text.set(Font::caption, caption, area.width - 2 * pad - disc, small ? 3 : 2);
  text.show(cairo, Font::caption, area.x + pad + (pointed ? disc : 0),
            area.y + (area.height - e.height) / 2, kInk);
}

Area Overlay::Impl::lay_banner(const std::string& fault) {
  if (fault.empty()) return {};
  const Extent e = text.set(Font::bold, fault, room.width - unit * 4, 3);
  const double width = e.width + unit * 3.4;
  return {room.x + (room.width - width) / 2, room.y + room.height * 0.30, width,
          e.height + unit * 1.2};
}

void Overlay::Impl::draw_banner(const std::string& fault, const Area& area) {
  if (area.width < 1) return;
  round_rectangle(cairo, area, unit * 0.6);
  set_colour(cairo, colour_of(Level::critical), 0.95);
  cairo_fill(cairo);
  // A warning triangle.
  const double x = area.x + unit * 1.45, y = area.y + area.height / 2, r = unit * 0.75;
  cairo_move_to(cairo, x, y - r);
  cairo_line_to(cairo, x + r, y + r * 0.75);
  cairo_line_to(cairo, x - r, y + r * 0.75);
  cairo_close_path(cairo);
  set_colour(cairo, kDarkInk);
  cairo_fill(cairo);
  set_colour(cairo, colour_of(Level::critical));
  cairo_rectangle(cairo, x - unit * 0.08, y - r * 0.38, unit * 0.16, r * 0.62);
  cairo_rectangle(cairo, x - unit * 0.08, y + r * 0.38, unit * 0.16, r * 0.2);
  cairo_fill(cairo);
  const Extent e = text.set(Font::bold, fault, room.width - unit * 4, 3);
  text.show(cairo, Font::bold, area.x + unit * 2.6, area.y + (area.height - e.height) / 2,
            kDarkInk);
}

Area Overlay::Impl::status_area(const Scene& scene) {
  status.clear();
  fmt::format_to(std::back_inserter(status), "{:.1f} fps · {:.0f} ms · #{} · {}",
                 std::isfinite(scene.fps) ? scene.fps : 0.0,
                 std::isfinite(scene.latency_ms) ? scene.latency_ms : 0.0,
                 scene.frame.stamp.sequence, time_text(scene.frame.stamp.stream_ns));
  const Extent e = text.set(Font::small, status, room.width * 0.6);
  return {room.x, room.y, e.width + unit * 1.1, e.height + unit * 0.35};
}

void Overlay::Impl::draw_status(const Area& area) {
  fill_panel(cairo, area, area.height / 2);
  text.set(Font::small, status, room.width * 0.6);
  text.show(cairo, Font::small, area.x + unit * 0.55, area.y + unit * 0.175, kInk);
}

void Overlay::Impl::draw(const Scene& scene) {
  cairo_surface_flush(surface);
  draw_picture(scene.frame);
  cairo_surface_mark_dirty(surface);

  rank(scene);
  follow_speaker(scene);
  const Area status_box = status_area(scene);
  const Area depth_box = DepthInset::place(scene.sighting.depth, room, radar_area.width,
                                           scene.frame.width, scene.frame.height, text);
  const Area caption_box = lay_caption(scene.caption);
  const Area banner_box = lay_banner(scene.sighting.fault);
  if (!wide)
    radar_area.y =
        (caption_box.width > 0 ? caption_box.y - margin : room.bottom()) - radar_area.height;
  taken.clear();
  for (const Area& area : {status_box, depth_box, radar_area, caption_box, banner_box}) {
    if (area.width > 0) taken.push_back(area);
  }
  boxes.draw(cairo, text, fit, scene.tracks.items, order, levels, spoken_track, taken);

  dots.clear();
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const Track& track = scene.tracks.items[*at];
    if (!track.distance_m ||
        !std::isfinite(*track.distance_m + track.distance_sigma_m + track.bearing_deg)) {
      continue;
    }
    dots.push_back({track.id, colour_of(levels[*at]), track.bearing_deg, *track.distance_m,
                    track.distance_sigma_m, track.observed, track.id == spoken_track,
                    levels[*at] != Level::calm});
  }
  const Intrinsics& camera = scene.frame.intrinsics;
  const bool known = camera.fx > 0 && camera.width > 0;
  double left = known ? camera.bearing_deg(-0.5) : -35;
  double right = known ? camera.bearing_deg(camera.width - 0.5) : 35;
  if (scene.frame.set) {
    const FrameSet& set = *scene.frame.set;
    const auto reach = [&](const Frame& frame) {
      const auto index = static_cast<std::size_t>(frame.stamp.camera);
      const auto [from, to] = field_deg(set.rig->cameras.at(index).place, frame.intrinsics);
      left = std::min(left, from);
      right = std::max(right, to);
    };
    reach(scene.frame);
    for (const Frame& other : set.others) reach(other);
  }
  radar.draw(cairo, text, radar_area, left, right, dots, scene.frame.stamp.stream_ns);
  depth_inset.draw(cairo, text, depth_box, scene.sighting.depth, scene.frame.width,
                   scene.frame.height);
  draw_status(status_box);
  draw_caption(scene.caption, caption_box);
  draw_banner(scene.sighting.fault, banner_box);
  cairo_surface_flush(surface);
}

Overlay::Overlay(int frame_width, int frame_height, const GuideOptions& rules)
    : impl_(std::make_unique<Impl>(canvas_size(frame_width, frame_height))) {
  impl_->rules = rules;
}
Overlay::~Overlay() = default;

int Overlay::width() const { return impl_->canvas.width; }
int Overlay::height() const { return impl_->canvas.height; }

const Canvas& Overlay::draw(const Scene& scene) {
  impl_->draw(scene);
  return impl_->canvas;
}

}  // namespace lazarillo
