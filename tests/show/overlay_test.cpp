#include "show/overlay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "show/palette.h"

#ifdef __SANITIZE_ADDRESS__
// fontconfig keeps its configuration for the life of the process.
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig"; }
#endif

namespace lazarillo {
namespace {

Frame plain_frame(int width, int height, PixelFormat format = PixelFormat::bgr8,
                  std::uint8_t value = 90, int padding = 0) {
  const int bytes = format == PixelFormat::bgr8 ? 3 : 1;
  Frame frame;
  frame.width = width;
  frame.height = height;
  frame.format = format;
  frame.stride_bytes = width * bytes + padding;
  const auto size = static_cast<std::size_t>(frame.stride_bytes) * static_cast<std::size_t>(height);
  auto pixels = std::make_shared<std::vector<std::uint8_t>>(size, value);
  frame.pixels = {pixels, pixels->data()};
  frame.intrinsics = Intrinsics::from_hfov(69, width, height);
  return frame;
}

Scene scene_of(const Frame& frame) {
  Scene scene;
  scene.frame = frame;
  return scene;
}

/// A person straight ahead at a distance; 1 m is critical, 2 m a warning, 6 m worth a word, 60 m
/// not.
Track person(int id, Box box, double distance_m) {
  Track track;
  track.id = id;
  track.label = "person";
  track.kind = ObjectKind::person;
  track.box = box;
  track.distance_m = distance_m;
  track.distance_sigma_m = distance_m / 10;
  track.angular_width_deg = 4;
  return track;
}

std::array<int, 3> rgb(const Canvas& canvas, int x, int y) {
  const auto at = (static_cast<std::size_t>(y) * static_cast<std::size_t>(canvas.width) +
                   static_cast<std::size_t>(x)) *
                  4;
  return {canvas.bgrx[at + 2], canvas.bgrx[at + 1], canvas.bgrx[at]};
}

/// Distance of a pixel from a colour, in the largest channel, 0..255.
int away(const std::array<int, 3>& pixel, Colour c) {
  return std::max({std::abs(pixel[0] - static_cast<int>(std::lround(c.r * 255))),
                   std::abs(pixel[1] - static_cast<int>(std::lround(c.g * 255))),
                   std::abs(pixel[2] - static_cast<int>(std::lround(c.b * 255)))});
}

/// How many pixels of a rectangle differ between two pictures.
int changed(const Canvas& a, const Canvas& b, int x1, int y1, int x2, int y2) {
  int n = 0;
  for (int y = y1; y < y2; ++y) {
    for (int x = x1; x < x2; ++x) n += rgb(a, x, y) != rgb(b, x, y);
  }
  return n;
}

int changed(const Canvas& a, const Canvas& b) { return changed(a, b, 0, 0, a.width, a.height); }

/// The best match of a colour across a line: the border crosses it somewhere.
int best_on_row(const Canvas& canvas, int y, int x1, int x2, Colour c) {
  int best = 255;
  for (int x = x1; x < x2; ++x) best = std::min(best, away(rgb(canvas, x, y), c));
  return best;
}

TEST(Overlay, CanvasIsEvenReadableAndBounded) {
  struct Case {
    int width, height;
  };
  for (const Case c :
       {Case{64, 48}, Case{1, 1}, Case{767, 575}, Case{768, 576}, Case{1080, 1920},
        Case{3840, 2160}, Case{16384, 16384}, Case{16384, 2}, Case{2, 16384}, Case{241, 427}}) {
    const Overlay overlay(c.width, c.height);
    EXPECT_EQ(overlay.width() % 2, 0) << c.width << "x" << c.height;
    EXPECT_EQ(overlay.height() % 2, 0) << c.width << "x" << c.height;
    EXPECT_GE(overlay.width(), 640) << c.width << "x" << c.height;
    EXPECT_LE(overlay.width(), 1920) << c.width << "x" << c.height;
    EXPECT_GE(overlay.height(), 360) << c.width << "x" << c.height;
    EXPECT_LE(overlay.height(), 1920) << c.width << "x" << c.height;
  }
  EXPECT_EQ(Overlay(768, 576).width(), 768);
  EXPECT_EQ(Overlay(768, 576).height(), 576);
  EXPECT_EQ(Overlay(767, 575).width(), 768);
  EXPECT_EQ(Overlay(64, 48).height(), 480);
  EXPECT_EQ(Overlay(3840, 2160).height(), 1080);
}

TEST(Overlay, BorderHasTheColourOfTheUrgency) {
  const Box box{300, 200, 380, 400};
  const int row = 300;  // crosses the left border
  struct Case {
    double distance_m;
    Level level;
  };
  for (const Case c : {Case{1, Level::critical}, Case{2, Level::warning}, Case{6, Level::info},
                       Case{60, Level::calm}}) {
    Overlay overlay(768, 576);
    Scene scene = scene_of(plain_frame(768, 576));
    scene.tracks.items.push_back(person(3, box, c.distance_m));
    ASSERT_EQ(level_of(scene.tracks.items[0], GuideOptions{}), c.level);
    const Canvas& canvas = overlay.draw(scene);
    for (const Level level : {Level::calm, Level::info, Level::warning, Level::critical}) {
      const int best = best_on_row(canvas, row, 294, 307, colour_of(level));
      if (level == c.level) {
        EXPECT_LE(best, 12) << c.distance_m << " m";
      } else {
        EXPECT_GT(best, 30) << c.distance_m << " m";
      }
    }
  }
}

TEST(Overlay, ConfiguredRulesDecideTheColour) {
  GuideOptions rules;
  rules.critical_distance_m = 3;
  Overlay overlay(768, 576, rules);
  Scene scene = scene_of(plain_frame(768, 576));
  scene.tracks.items.push_back(person(3, {300, 200, 380, 400}, 2));
  EXPECT_LE(best_on_row(overlay.draw(scene), 300, 294, 307, colour_of(Level::critical)), 12);
}

TEST(Overlay, PredictedTracksAreDashed) {
  Overlay overlay(768, 576);
  Scene scene = scene_of(plain_frame(768, 576));
  scene.tracks.items.push_back(person(3, {300, 150, 380, 450}, 6));
  const auto covered = [&] {  // rows of the left border that have its colour
    const Canvas& canvas = overlay.draw(scene);
    int rows = 0;
    for (int y = 180; y < 420; ++y) {
      rows += best_on_row(canvas, y, 294, 307, colour_of(Level::info)) < 30;
    }
    return rows;
  };
  EXPECT_GE(covered(), 235);
  scene.tracks.items[0].observed = false;
  const int dashed = covered();
  EXPECT_GT(dashed, 60);
  EXPECT_LT(dashed, 180);
}

TEST(Overlay, BoxesAreScaledWithTheFrame) {
  Overlay overlay(64, 48);  // ten times as large
  Scene scene = scene_of(plain_frame(64, 48));
  scene.tracks.items.push_back(person(3, {29.5F, 9.5F, 39.5F, 39.5F}, 6));
  const Canvas& canvas = overlay.draw(scene);
  EXPECT_LE(best_on_row(canvas, 250, 297, 304, colour_of(Level::info)), 12);
  EXPECT_LE(best_on_row(canvas, 250, 397, 404, colour_of(Level::info)), 12);
  EXPECT_GT(best_on_row(canvas, 250, 330, 370, colour_of(Level::info)), 30);
}

TEST(Overlay, BoxOutsideThePictureKeepsItsBorderInside) {
  Overlay overlay(768, 576);
  Scene scene = scene_of(plain_frame(768, 576));
  scene.tracks.items.push_back(person(3, {-200, 150, 5000, 9000}, 6));
  EXPECT_LE(best_on_row(overlay.draw(scene), 300, 0, 6, colour_of(Level::info)), 12);
}

TEST(Overlay, CaptionIsDrawnOnlyWhenGiven) {
  Overlay with(768, 576), without(768, 576);
  Scene scene = scene_of(plain_frame(768, 576));
  const Canvas before = without.draw(scene);
  scene.caption = "Persona a la derecha";
  const Canvas& after = with.draw(scene);
  EXPECT_GT(changed(before, after, 0, 460, 570, 576), 10000);
  EXPECT_EQ(changed(before, after, 0, 0, 768, 400), 0);
  scene.caption.clear();
  EXPECT_EQ(changed(before, with.draw(scene)), 0) << "the caption must go away again";
}

TEST(Overlay, CaptionPointsToItsObject) {
  const auto draw = [](double bearing_deg) {
    Overlay overlay(768, 576);
    Scene scene = scene_of(plain_frame(768, 576));
    scene.caption = "Persona";
    scene.caption_track = 3;
    scene.tracks.items.push_back(person(3, {300, 100, 380, 300}, 6));
    scene.tracks.items[0].bearing_deg = bearing_deg;
    return overlay.draw(scene);
  };
  const Canvas left = draw(-25), ahead = draw(2), right = draw(25);
  const auto disc = [](const Canvas& a, const Canvas& b) {
    return changed(a, b, 15, 500, 60, 576);
  };
  EXPECT_GT(disc(left, ahead), 20);
  EXPECT_GT(disc(right, ahead), 20);
  EXPECT_GT(disc(left, right), 20);
  EXPECT_EQ(disc(ahead, draw(-3)), 0) << "a little to the side is still ahead";
}

TEST(Overlay, LongCaptionStaysInsideItsPanel) {
  Overlay overlay(640, 360), empty(640, 360);
  Scene scene = scene_of(plain_frame(640, 360));
  const Canvas before = empty.draw(scene);
  for (int i = 0; i < 60; ++i) scene.caption += "ununterbrochenlangeswort ";
  const Canvas& after = overlay.draw(scene);
  EXPECT_GT(changed(before, after), 5000);
  EXPECT_EQ(changed(before, after, 0, 0, 640, 180), 0);
  EXPECT_EQ(changed(before, after, 0, 358, 640, 360), 0);
  EXPECT_EQ(changed(before, after, 0, 0, 4, 360), 0);
}

TEST(Overlay, AccentsRender) {
  // The ink of a caption: pixels as bright as its text.
  const auto ink = [](const std::string& caption) {
    Overlay overlay(768, 576);
    Scene scene = scene_of(plain_frame(768, 576, PixelFormat::bgr8, 20));
    scene.caption = caption;
    const Canvas& canvas = overlay.draw(scene);
    int n = 0;
    for (int y = 460; y < 576; ++y) {
      for (int x = 0; x < 560; ++x) n += rgb(canvas, x, y)[1] > 180;
    }
    return n;
  };
  const int a = ink("aaaaaaaa"), accent = ink("áááááááá"), tilde = ink("ññññññññ"),
            n = ink("nnnnnnnn");
  EXPECT_GT(a, 200);
  EXPECT_GT(accent, a + 8 * 3);
  EXPECT_LT(accent, a * 3 / 2) << "an accent, not a box for a missing character";
  EXPECT_GT(tilde, n + 8 * 3);
}

TEST(Overlay, LabelsNeedNotBeUtf8) {
  Overlay overlay(768, 576);
  Scene scene = scene_of(plain_frame(768, 576));
  scene.tracks.items.push_back(person(3, {300, 200, 380, 400}, 6));
  scene.tracks.items[0].label = "\xff\xfe two\nlines";
  scene.caption = "\xc3";
  EXPECT_EQ(overlay.draw(scene).width, 768);
}

TEST(Overlay, FaultMakesABanner) {
  Overlay overlay(768, 576);
  Scene scene = scene_of(plain_frame(768, 576));
  const Canvas before = overlay.draw(scene);
  scene.sighting.fault = "the network's output 'scores' is not finite";
  const Canvas& after = overlay.draw(scene);
  int red = 0;
  for (int y = 100; y < 300; ++y) {
    for (int x = 0; x < 768; ++x) red += away(rgb(after, x, y), colour_of(Level::critical)) < 20;
  }
  EXPECT_GT(red, 3000);
  EXPECT_EQ(changed(before, after, 0, 400, 768, 576), 0);
}

TEST(Overlay, GrayFramesAndRowPadding) {
  for (const int padding : {0, 5}) {
    for (const PixelFormat format : {PixelFormat::gray8, PixelFormat::bgr8}) {
      Overlay overlay(641, 481);
      const Canvas& canvas = overlay.draw(scene_of(plain_frame(641, 481, format, 77, padding)));
      EXPECT_EQ(rgb(canvas, 320, 240), (std::array<int, 3>{77, 77, 77}));
      EXPECT_EQ(rgb(canvas, 5, 470), (std::array<int, 3>{77, 77, 77}));
    }
  }
}

TEST(Overlay, ColourChannelsKeepTheirOrder) {
  Frame frame = plain_frame(768, 576);
  auto pixels = std::make_shared<std::vector<std::uint8_t>>(768U * 576U * 3U);
  for (std::size_t i = 0; i < pixels->size(); i += 3) {
    (*pixels)[i] = 10;       // blue
    (*pixels)[i + 1] = 120;  // green
    (*pixels)[i + 2] = 230;  // red
  }
  frame.pixels = {pixels, pixels->data()};
  Overlay overlay(768, 576);
  EXPECT_EQ(rgb(overlay.draw(scene_of(frame)), 384, 288), (std::array<int, 3>{230, 120, 10}));
}

TEST(Overlay, FramesOfAnotherSizeAreLetterboxed) {
  Overlay overlay(768, 576);
  (void)overlay.draw(scene_of(plain_frame(768, 576, PixelFormat::bgr8, 200)));
  Scene scene = scene_of(plain_frame(288, 576, PixelFormat::bgr8, 77));  // portrait, same height
  scene.tracks.items.push_back(person(3, {99.5F, 200, 180, 400}, 6));
  const Canvas& canvas = overlay.draw(scene);
  EXPECT_EQ(canvas.width, 768);
  EXPECT_EQ(rgb(canvas, 384, 560), (std::array<int, 3>{77, 77, 77}));
  EXPECT_EQ(rgb(canvas, 120, 288), (std::array<int, 3>{0, 0, 0}));
  // (768 - 288) / 2 to the right of where it is in the frame.
  EXPECT_LE(best_on_row(canvas, 300, 337, 344, colour_of(Level::info)), 12);

  const Canvas& back = overlay.draw(scene_of(plain_frame(768, 576, PixelFormat::bgr8, 200)));
  EXPECT_EQ(rgb(back, 120, 288), (std::array<int, 3>{200, 200, 200}));
}

TEST(Overlay, NothingInASceneBreaksIt) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  struct Case {
    int width, height;
  };
  for (const Case c : {Case{1, 1}, Case{64, 48}, Case{2, 3000}, Case{3000, 2}, Case{1080, 1920}}) {
    Overlay overlay(c.width, c.height);
    Scene scene = scene_of(plain_frame(c.width, c.height));
    scene.tracks.items = {person(1, {nan, 0, 10, 10}, 2), person(2, {5, 5, 5, 5}, 2),
                          person(3, {0, 0, 1e9F, 1e9F}, inf), person(4, {-5, -5, 3, 3}, -1),
                          person(5, {0, 0, 20, 20}, std::nan(""))};
    scene.tracks.items[3].bearing_deg = std::nan("");
    scene.tracks.items[2].label = std::string(5000, 'x');
    scene.caption = std::string(5000, 'y');
    scene.caption_track = 4;
    scene.sighting.fault = std::string(5000, 'z');
    scene.fps = inf;
    scene.latency_ms = std::nan("");
    auto depth = std::make_shared<MetricDepth>();
    depth->depth_m.width = 4;
    depth->depth_m.height = 3;
    depth->depth_m.values = {1, 2, nan, 0, -1, 5, 6, 7, 1e30F, 9, 10, 11};
    scene.sighting.depth = std::shared_ptr<const MetricDepth>(depth);
    EXPECT_EQ(overlay.draw(scene).width, overlay.width());
    depth = std::make_shared<MetricDepth>(*depth);
    depth->depth_m.values.pop_back();  // not what it says it is
    scene.sighting.depth = std::shared_ptr<const MetricDepth>(depth);
    scene.frame.pixels.reset();
    EXPECT_EQ(overlay.draw(scene).width, overlay.width());
    // What comes after is as if nothing had been.
    Scene good = scene_of(plain_frame(c.width, c.height));
    good.caption = "Persona";
    Overlay untouched(c.width, c.height);
    EXPECT_EQ(changed(overlay.draw(good), untouched.draw(good)), 0) << c.width << "x" << c.height;
  }
}

/// A grid over the whole frame whose left half is `left`, the right one `right`.
DepthGrid halves(float left, float right) {
  DepthGrid grid;
  grid.width = 64;
  grid.height = 48;
  grid.scale = 64.0 / 768;
  grid.offset_x = grid.offset_y = 0.5 * grid.scale - 0.5;  // edges on edges
  for (int i = 0; i < 64 * 48; ++i) grid.values.push_back(i % 64 < 32 ? left : right);
  return grid;
}

double warmth(const std::array<int, 3>& pixel) { return pixel[0] - pixel[2]; }

TEST(Overlay, NearIsWarmInTheDepthInset) {
  Overlay overlay(768, 576);
  Scene scene = scene_of(plain_frame(768, 576));
  const Canvas none = overlay.draw(scene);
  auto metric = std::make_shared<MetricDepth>();
  metric->depth_m = halves(1.5F, 25);
  scene.sighting.depth = std::shared_ptr<const MetricDepth>(metric);
  const Canvas metres = overlay.draw(scene);
  EXPECT_GT(changed(none, metres, 580, 8, 760, 160), 15000);
  EXPECT_EQ(changed(none, metres, 0, 0, 570, 576), 0);
  EXPECT_GT(warmth(rgb(metres, 620, 70)), warmth(rgb(metres, 720, 70)) + 80);

  auto relative = std::make_shared<RelativeDepth>();  // larger is nearer: the other way round
  relative->inverse = halves(1.5F, 25);
  scene.sighting.depth = std::shared_ptr<const RelativeDepth>(relative);
  const Canvas unitless = overlay.draw(scene);
  EXPECT_GT(warmth(rgb(unitless, 720, 70)), warmth(rgb(unitless, 620, 70)) + 80);
  EXPECT_GT(changed(metres, unitless, 580, 143, 760, 165), 50) << "the scale says another thing";

  scene.sighting.depth = {};
  EXPECT_EQ(changed(none, overlay.draw(scene)), 0);
}

TEST(Overlay, RadarShowsObjectsOnTheirSide) {
  // Dots of the colour of the track within the radar, left and right of its middle (x = 670).
  const auto weigh = [](double bearing_deg) {
    Overlay overlay(768, 576);
    Scene scene = scene_of(plain_frame(768, 576));
    scene.tracks.items.push_back(person(3, {100, 200, 180, 400}, 6));
    scene.tracks.items[0].bearing_deg = bearing_deg;
    const Canvas& canvas = overlay.draw(scene);
    std::array<int, 2> sides{};
    for (int y = 405; y < 565; ++y) {
      for (int x = 583; x < 757; ++x) {
        sides[x < 670 ? 0 : 1] += away(rgb(canvas, x, y), colour_of(Level::info)) < 25;
      }
    }
    return sides;
  };
  EXPECT_GT(weigh(-20)[0], 15);
  EXPECT_EQ(weigh(-20)[1], 0);
  EXPECT_GT(weigh(20)[1], 15);
  EXPECT_EQ(weigh(20)[0], 0);
}

TEST(Overlay, SameSceneSamePicture) {
  Overlay a(768, 576), b(768, 576);
  Scene scene = scene_of(plain_frame(768, 576));
  scene.caption = "Persona a la derecha";
  scene.tracks.items = {person(1, {10, 20, 80, 200}, 3), person(2, {15, 25, 90, 210}, 3),
                        person(7, {300, 100, 400, 400}, 1)};
  const Canvas first = a.draw(scene);
  EXPECT_EQ(changed(first, b.draw(scene)), 0);
  EXPECT_EQ(changed(first, a.draw(scene)), 0);
}

double linear(double v) { return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); }

std::array<double, 3> lab(const std::array<double, 3>& rgb_linear) {
  const auto& [r, g, b] = rgb_linear;
  const auto f = [](double t) {
    return t > 216.0 / 24389 ? std::cbrt(t) : (24389.0 / 27 * t + 16) / 116;
  };
  const double x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047);
  const double y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const double z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

TEST(Palette, UrgencyIsToldApartByColourBlindPeople) {
  // Full dichromacy after Vienot, Brettel and Mollon, Color Research and Application 24 (1999), as
  // matrices on linear RGB.
  using Matrix = std::array<std::array<double, 3>, 3>;
  const Matrix normal{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  const Matrix protan{{{0.11238, 0.88762, 0}, {0.11238, 0.88762, 0}, {0.00401, -0.00401, 1}}};
  const Matrix deutan{{{0.29275, 0.70725, 0}, {0.29275, 0.70725, 0}, {-0.02234, 0.02234, 1}}};
  const std::array<Level, 4> levels{Level::calm, Level::info, Level::warning, Level::critical};
  for (const Matrix& m : {normal, protan, deutan}) {
    std::vector<std::array<double, 3>> seen;
    for (const Level level : levels) {
      const Colour c = colour_of(level);
      const std::array<double, 3> in{linear(c.r), linear(c.g), linear(c.b)};
      std::array<double, 3> out{};
      for (std::size_t i = 0; i < 3; ++i) {
        out[i] = std::max(0.0, m[i][0] * in[0] + m[i][1] * in[1] + m[i][2] * in[2]);
      }
      seen.push_back(lab(out));
    }
    for (std::size_t i = 0; i < seen.size(); ++i) {
      for (std::size_t j = i + 1; j < seen.size(); ++j) {
        const double difference =
            std::hypot(seen[i][0] - seen[j][0], seen[i][1] - seen[j][1], seen[i][2] - seen[j][2]);
        EXPECT_GT(difference, 25) << "levels " << i << " and " << j;  // CIE 1976, 2.3 is just seen
      }
    }
  }
}

TEST(Palette, DepthColoursGrowEvenlyInLightness) {
  const auto colours = depth_colours();
  double before = -1;
  for (std::size_t i = 0; i < colours.size(); i += 15) {
    const auto& c = colours[i];
    const double lightness =
        lab({linear(c[2] / 255.0), linear(c[1] / 255.0), linear(c[0] / 255.0)})[0];
    const double wanted = 12 + 79 * static_cast<double>(i) / 255;
    EXPECT_NEAR(lightness, wanted, 4) << i;
    EXPECT_GT(lightness, before) << i;
    before = lightness;
  }
}

}  // namespace
}  // namespace lazarillo
