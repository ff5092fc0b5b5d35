#include "see/motion.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <random>

#include "allocations.h"
#include "frames.h"

namespace lazarillo {
namespace {

/// A wall without end, known at every point: tiles of random brightness, their edges two pixels
/// soft as a lens leaves them, and a finer pattern on them. 40..200, so that light may change
/// before it clips.
class Wall {
 public:
  explicit Wall(std::uint32_t seed, double tile = 31) : tile_(tile) {
    std::mt19937 random(seed);
    for (double& t : tiles_) t = std::uniform_real_distribution<double>(60, 180)(random);
    phase_ = std::uniform_real_distribution<double>(0, 6)(random);
  }
  [[nodiscard]] double at(double x, double y) const {
    const auto [i, u] = split(x);
    const auto [j, v] = split(y);
    const double upper = tile(i - 1, j - 1) * (1 - u) + tile(i, j - 1) * u;
    const double lower = tile(i - 1, j) * (1 - u) + tile(i, j) * u;
    return upper * (1 - v) + lower * v + 12 * std::sin(0.35 * x + 0.22 * y + phase_) +
           8 * std::sin(0.13 * x - 0.41 * y);
  }

 private:
  /// The tile, and how far it has taken over from the one before.
  [[nodiscard]] std::pair<int, double> split(double x) const {
    const double whole = std::floor(x / tile_);
    return {static_cast<int>(whole), std::min((x - whole * tile_) / 2, 1.0)};
  }
  [[nodiscard]] double tile(int i, int j) const {
    return tiles_[static_cast<std::size_t>(i & 31) * 32 + static_cast<std::size_t>(j & 31)];
  }
  double tile_;
  std::array<double, 1024> tiles_{};
  double phase_ = 0;
};

using Scene = std::function<double(double x, double y)>;

/// The camera's noise is its own in every frame: `seed`.
struct Camera {
  int width = 480;
  int height = 360;
  double noise = 0;
  PixelFormat format = PixelFormat::gray8;

  [[nodiscard]] Frame shoot(const Scene& scene, std::uint32_t seed = 0) const {
    std::mt19937 random(seed);
    std::normal_distribution<double> sensor(0, 1);
    return test::make_frame(
        width, height,
        [&](int x, int y, int) {
          const double level = scene(x, y) + (noise > 0 ? noise * sensor(random) : 0);
          return static_cast<int>(std::lrint(std::clamp(level, 0.0, 255.0)));
        },
        0, format);
  }
};

Scene still(const Wall& wall) {
  return [&wall](double x, double y) { return wall.at(x, y); };
}

Scene moved(const Wall& wall, double dx, double dy) {
  return [&wall, dx, dy](double x, double y) { return wall.at(x - dx, y - dy); };
}

/// A box before a scene; pixels at its edge see it in part.
Scene with_box(Scene behind, Box box, double level) {
  return [behind = std::move(behind), box, level](double x, double y) {
    const auto part = [](double at, double from, double to) {
      return std::clamp(std::min(at + 1, to) - std::max(at, from), 0.0, 1.0);
    };
    const double covered = part(x, box.x1, box.x2) * part(y, box.y1, box.y2);
    return covered * level + (1 - covered) * behind(x, y);
  };
}

Motion between(const Frame& before, const Frame& after) {
  MotionMeter meter;
  (void)meter.measure(before);
  meter.set_reference();
  return meter.measure(after);
}

Box cell_box(int column, int row, int width, int height) {
  const float w = static_cast<float>(width) / Motion::columns;
  const float h = static_cast<float>(height) / Motion::rows;
  const auto c = static_cast<float>(column);
  const auto r = static_cast<float>(row);
  return {c * w, r * h, (c + 1) * w, (r + 1) * h};
}

float overlap(const Box& a, const Box& b) {
  return std::max(0.0F, std::min(a.x2, b.x2) - std::max(a.x1, b.x1)) *
         std::max(0.0F, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
}

Box grown(const Box& b, float by) { return {b.x1 - by, b.y1 - by, b.x2 + by, b.y2 + by}; }

TEST(Motion, FindsATurnOfTheCameraToATenthOfASmallPixel) {
  const Wall wall(1);
  for (const auto& [width, height] : std::vector<std::pair<int, int>>{{480, 360}, {960, 540}}) {
    const Camera camera{width, height, 2};
    for (const auto& [dx, dy] : std::vector<std::pair<double, double>>{
             {0, 0}, {0.4, -0.7}, {3.3, 1.6}, {-17.2, 9.4}, {61.5, -40.3}, {-96.5, 2.2}}) {
      const Motion m = between(camera.shoot(still(wall), 1), camera.shoot(moved(wall, dx, dy), 2));
      SCOPED_TRACE(testing::Message() << width << " " << dx << ", " << dy);
      EXPECT_FALSE(m.scene_change);
      EXPECT_NEAR(m.shift_x_px, dx, width / 1600.0);
      EXPECT_NEAR(m.shift_y_px, dy, height / 1200.0);
      EXPECT_NEAR(m.zoom, 1, 0.002);
      // What both frames show did not change; what only the second shows is new.
      const auto w = static_cast<float>(width);
      const auto h = static_cast<float>(height);
      const Box known{static_cast<float>(dx), static_cast<float>(dy), w + static_cast<float>(dx),
                      h + static_cast<float>(dy)};
      int false_cells = 0;
      for (int r = 0; r < Motion::rows; ++r) {
        for (int c = 0; c < Motion::columns; ++c) {
          const Box cell = cell_box(c, r, width, height);
          const float seen_before = overlap(cell, known) / cell.area();
          if (seen_before < 0.25F) {
            EXPECT_TRUE(m.cell(c, r)) << c << ", " << r;
          }
          if (seen_before > 0.75F) false_cells += m.cell(c, r) ? 1 : 0;
        }
      }
      EXPECT_LE(false_cells, 3);  // one in a hundred
    }
  }
}

TEST(Motion, FindsAStepForward) {
  const Wall wall(2);
  const Camera camera{480, 360, 2};
  for (const double zoom : {0.93, 0.98, 1.01, 1.04, 1.08}) {
    // About the middle of the frame, 239.5 of 0..479.
    const Scene nearer = [&](double x, double y) {
      return wall.at((x - 239.5 - 5) / zoom + 239.5, (y - 179.5 + 3) / zoom + 179.5);
    };
    const Motion m = between(camera.shoot(still(wall), 1), camera.shoot(nearer, 2));
    EXPECT_FALSE(m.scene_change) << zoom;
    EXPECT_NEAR(m.zoom, zoom, 0.002);
    EXPECT_NEAR(m.shift_x_px, 5, 0.3) << zoom;
    EXPECT_NEAR(m.shift_y_px, -3, 0.3) << zoom;
  }
}

TEST(Motion, WhatMovesByItselfIsChangedAndNothingElse) {
  const Wall wall(3);
  const Camera camera{480, 360, 2};
  // 5 by 5 cells of 24 go from one place to the other while the camera turns.
  const Box before{70, 110, 190, 230};
  for (const auto& [dx, dy] : std::vector<std::pair<float, float>>{{0, 0}, {6.5F, -4.3F}}) {
    const Box now{280, 160, 400, 280};
    const Box left{before.x1 + dx, before.y1 + dy, before.x2 + dx, before.y2 + dy};
    const Motion m = between(camera.shoot(with_box(still(wall), before, 15), 1),
                             camera.shoot(with_box(moved(wall, dx, dy), now, 15), 2));
    EXPECT_NEAR(m.shift_x_px, dx, 0.3);
    EXPECT_NEAR(m.shift_y_px, dy, 0.3);
    int false_cells = 0;
    for (int r = 0; r < Motion::rows; ++r) {
      for (int c = 0; c < Motion::columns; ++c) {
        const Box cell = cell_box(c, r, 480, 360);
        if (overlap(cell, now) + overlap(cell, left) > cell.area() / 8) {
          EXPECT_TRUE(m.cell(c, r)) << c << ", " << r;
        }
        // Smoothing carries an edge two small pixels (of 3) far.
        const bool near = overlap(grown(cell, 6), now) + overlap(grown(cell, 6), left) > 0;
        if (!near && m.cell(c, r)) ++false_cells;
      }
    }
    EXPECT_LE(false_cells, 2);
    EXPECT_EQ(m.changed_cells({281, 161, 399, 279}), 36);  // columns 11..16, rows 6..11
    EXPECT_EQ(m.changed_cells({290, 20, 470, 100}), 0);
  }
}

TEST(Motion, NoiseIsNoChange) {
  const Wall wall(4);
  for (const double noise : {0.5, 2.0, 5.0, 12.0, 25.0}) {
    const Camera camera{768, 576, noise};
    for (const Scene& scene : {still(wall), Scene([](double, double) { return 100.0; })}) {
      const Motion m = between(camera.shoot(scene, 1), camera.shoot(scene, 2));
      EXPECT_FALSE(m.scene_change) << noise;
      EXPECT_LE(m.cells.count(), 1U) << noise;
      EXPECT_NEAR(m.shift_x_px, 0, 0.5) << noise;
    }
  }
}

/// What a codec does to a picture: blocks of 8 by 8, each coefficient rounded to a step.
/// (JPEG of quality 50 rounds the mean of a block to 16.)
Frame coded(const Frame& frame, float quantum) {
  cv::Mat picture(frame.height, frame.width, CV_8U, const_cast<std::uint8_t*>(frame.pixels.get()),
                  static_cast<std::size_t>(frame.stride_bytes));
  cv::Mat levels;
  picture.convertTo(levels, CV_32F);
  for (int y = 0; y + 8 <= frame.height; y += 8) {
    for (int x = 0; x + 8 <= frame.width; x += 8) {
      cv::Mat block = levels(cv::Rect(x, y, 8, 8));
      cv::Mat spectrum;
      cv::dct(block, spectrum);
      for (float& v : cv::Mat_<float>(spectrum)) v = std::round(v / quantum) * quantum;
      cv::idct(spectrum, block);
    }
  }
  return test::make_frame(
      frame.width, frame.height,
      [&](int x, int y, int) {
        return static_cast<int>(std::clamp(std::lrint(levels.at<float>(y, x)), 0L, 255L));
      },
      0, PixelFormat::gray8);
}

TEST(Motion, WhatACodecAddsIsNoChange) {
  const Wall wall(5);
  const Camera camera{640, 480, 3};
  for (const float quantum : {8.0F, 16.0F, 24.0F}) {
    for (const double dx : {0.0, 2.7}) {  // blocks stay where they are when the picture moves
      const Motion m = between(coded(camera.shoot(still(wall), 1), quantum),
                               coded(camera.shoot(moved(wall, dx, 0), 2), quantum));
      EXPECT_FALSE(m.scene_change);
      EXPECT_LE(m.cells.count(), 3U) << quantum << ", " << dx;
      EXPECT_NEAR(m.shift_x_px, dx, 0.4);
    }
  }
}

TEST(Motion, ExposureIsNoChange) {
  const Wall wall(6);
  const Camera camera{480, 360, 2};
  for (const double gain : {0.7, 0.85, 1.1, 1.25, 1.4}) {  // at 1.4 the bright tiles clip
    const Scene lit = [&](double x, double y) { return gain * wall.at(x - 4, y); };
    const Motion m = between(camera.shoot(still(wall), 1), camera.shoot(lit, 2));
    EXPECT_FALSE(m.scene_change) << gain;
    EXPECT_LE(m.cells.count(), 3U) << gain;
    EXPECT_NEAR(m.gain, gain, 0.03);
    EXPECT_NEAR(m.shift_x_px, 4, 0.3);
    const Motion back = between(camera.shoot(lit, 1), camera.shoot(still(wall), 2));
    EXPECT_FALSE(back.scene_change) << gain;
    EXPECT_LE(back.cells.count(), 3U) << gain;
    // A wall without texture, and one that fades slowly: bands of one level, elsewhere in each.
    for (const double slope : {0.0, 0.02}) {
      const Scene plain = [=](double x, double y) { return 100 + slope * (x + y); };
      const Scene plain_lit = [=](double x, double y) { return gain * plain(x, y); };
      const Motion p = between(Camera{}.shoot(plain), Camera{}.shoot(plain_lit));
      EXPECT_FALSE(p.scene_change) << gain << ", " << slope;
      EXPECT_EQ(p.cells.count(), 0U) << gain << ", " << slope;
    }
  }
}

TEST(Motion, SomebodyBeforeABurntOutSkyIsSeen) {
  const Scene sky = [](double, double y) { return y < 180 ? 255.0 : 80 + 0.3 * y; };
  const Motion m =
      between(Camera{}.shoot(sky), Camera{}.shoot(with_box(sky, {200, 60, 230, 130}, 40)));
  EXPECT_FALSE(m.scene_change);
  EXPECT_GE(m.changed_cells({200, 60, 230, 130}), 6);
  EXPECT_LE(m.cells.count(), 12U);
}

TEST(Motion, AnotherPictureIsASceneChange) {
  const Wall wall(7);
  const Wall another(8, 47);
  const Camera camera{480, 360, 2};
  const Scene dark = [](double, double) { return 0.0; };
  const Scene plain = [](double, double) { return 140.0; };
  const Scene dim = [&](double x, double y) { return 0.2 * wall.at(x, y); };
  const auto changes = [&](const Scene& a, const Scene& b) {
    const Motion m = between(camera.shoot(a, 1), camera.shoot(b, 2));
    EXPECT_EQ(m.changed() == 1, m.scene_change);
    return m.scene_change;
  };
  EXPECT_TRUE(changes(still(wall), still(another))) << "cut";
  EXPECT_TRUE(changes(still(another), still(wall))) << "cut";
  EXPECT_TRUE(changes(still(wall), dark)) << "lens covered";
  EXPECT_TRUE(changes(dark, still(wall))) << "lens uncovered";
  EXPECT_TRUE(changes(plain, dark)) << "lens covered before a wall";
  EXPECT_TRUE(changes(plain, still(wall))) << "turned away from a wall";
  EXPECT_TRUE(changes(still(wall), plain)) << "hand before the lens";
  EXPECT_TRUE(changes(still(wall), dim)) << "lights off";
  EXPECT_TRUE(changes(dim, still(wall))) << "lights on";
  EXPECT_TRUE(changes(still(wall), moved(wall, 300, 0))) << "turned further than half the view";
  EXPECT_FALSE(changes(still(wall), still(wall)));
  EXPECT_FALSE(changes(dark, dark));
}

TEST(Motion, ASmallWalkerFarAwayIsNoticedWithinThreeFrames) {
  const Wall wall(9);
  const Camera camera{768, 576, 3};
  for (const double level : {20.0, 220.0}) {
    const auto walker = [&](int frame) {
      const auto x = 400 + 2.0F * static_cast<float>(frame);
      return camera.shoot(with_box(still(wall), {x, 250, x + 12, 280}, level),
                          static_cast<std::uint32_t>(frame));
    };
    MotionMeter meter;
    (void)meter.measure(walker(0));
    meter.set_reference();
    int noticed = 0;
    for (int frame = 1; frame <= 3 && noticed == 0; ++frame) {
      const Motion m = meter.measure(walker(frame));
      EXPECT_LE(m.changed(), 0.02);
      if (m.changed_cells({395, 245, 425, 285}) > 0) noticed = frame;
    }
    EXPECT_GE(noticed, 1) << level;
  }
}

TEST(Motion, WhatCreepsIsNoticedBecauseTheReferenceStays) {
  const Wall wall(10);
  const Camera camera{480, 360, 2};
  const auto creeper = [&](int frame) {
    const auto x = 200 + 0.05F * static_cast<float>(frame);
    return camera.shoot(with_box(still(wall), {x, 150, x + 20, 210}, 20),
                        static_cast<std::uint32_t>(frame));
  };
  MotionMeter meter;
  (void)meter.measure(creeper(0));
  meter.set_reference();
  EXPECT_EQ(meter.measure(creeper(1)).cells.count(), 0U);
  EXPECT_GT(meter.measure(creeper(120)).changed_cells({200, 150, 226, 210}), 0);
  meter.set_reference();
  EXPECT_EQ(meter.measure(creeper(121)).cells.count(), 0U);
}

TEST(Motion, WhatEntersAtTheBorderIsNoticed) {
  const Wall wall(11);
  const Camera camera{768, 576, 3};
  // Somebody 60 wide comes in from the right at 6 pixels a frame, once while the camera turns.
  for (const double turn : {0.0, -1.5}) {
    const auto scene = [&](int frame) {
      const auto x = 768 - 6.0F * static_cast<float>(frame);
      return camera.shoot(with_box(moved(wall, turn * frame, 0), {x, 200, x + 60, 400}, 25),
                          static_cast<std::uint32_t>(frame));
    };
    MotionMeter meter;
    (void)meter.measure(scene(0));
    meter.set_reference();
    const Motion m = meter.measure(scene(4));
    EXPECT_GE(m.changed_border_cells(), 4) << turn;  // of the 6 rows they fill
    EXPECT_LE(m.cells.count(), 14U) << turn;
    EXPECT_GE(m.changed_cells({750, 200, 768, 400}), 4) << turn;
  }
}

TEST(Motion, CountsCellsOfABoxAndOfTheBorder) {
  Motion m;
  m.frame_width = 200;
  m.frame_height = 150;
  m.cells.set(0);                          // upper left
  m.cells.set(14 * Motion::columns + 19);  // lower right
  m.cells.set(7 * Motion::columns + 10);   // 100..110, 70..80
  EXPECT_EQ(m.changed_border_cells(), 2);
  EXPECT_EQ(m.changed_cells({0, 0, 200, 150}), 3);
  EXPECT_EQ(m.changed_cells({-50, -50, 5, 5}), 1) << "boxes reach over the edge";
  EXPECT_EQ(m.changed_cells({195, 145, 260, 260}), 1);
  EXPECT_EQ(m.changed_cells({92, 62, 99, 69}), 0);
  EXPECT_EQ(m.changed_cells({92, 62, 101, 71}), 1);
  EXPECT_DOUBLE_EQ(m.changed(), 3 / 300.0);
}

TEST(Motion, FramesOfAnySizeAndKind) {
  const Wall wall(12);
  for (const auto& [width, height] :
       std::vector<std::pair<int, int>>{{1, 1}, {7, 3}, {160, 120}, {161, 1001}, {2016, 1512}}) {
    for (const PixelFormat format : {PixelFormat::bgr8, PixelFormat::gray8}) {
      const Frame frame = Camera{width, height, 0, format}.shoot(still(wall));
      MotionMeter meter;
      EXPECT_TRUE(meter.measure(frame).scene_change) << "no reference yet";
      meter.set_reference();
      const Motion m = meter.measure(frame);
      EXPECT_FALSE(m.scene_change) << width << " x " << height;
      EXPECT_EQ(m.cells.count(), 0U) << width << " x " << height;
    }
  }
  // Bytes between rows are nobody's; colour and grey of one picture are one picture.
  const auto level = [&](int x, int y, int) { return static_cast<int>(wall.at(x, y)); };
  const Motion m = between(test::make_frame(320, 240, level, 5, PixelFormat::bgr8),
                           test::make_frame(320, 240, level, 13, PixelFormat::gray8));
  EXPECT_EQ(m.cells.count(), 0U);
  EXPECT_NEAR(m.gain, 1, 1e-6);
}

TEST(Motion, AnotherSizeOrNoPixelsIsASceneChange) {
  const Wall wall(13);
  const Frame small = Camera{320, 240}.shoot(still(wall));
  const Frame large = Camera{480, 360}.shoot(still(wall));
  MotionMeter meter;
  (void)meter.measure(small);
  meter.set_reference();
  EXPECT_TRUE(meter.measure(large).scene_change);
  EXPECT_FALSE(meter.measure(small).scene_change) << "the reference is still the small one";
  (void)meter.measure(large);
  meter.set_reference();
  meter.set_reference();
  EXPECT_FALSE(meter.measure(large).scene_change) << "still the reference, said once or twice";

  EXPECT_TRUE(meter.measure(Frame{}).scene_change);
  EXPECT_FALSE(meter.measure(large).scene_change);
  (void)meter.measure(Frame{});
  meter.set_reference();
  EXPECT_TRUE(meter.measure(large).scene_change) << "nothing to compare with";
}

TEST(Motion, SameFramesSameValuesAndNoMemory) {
  const Wall wall(14);
  const Camera camera{480, 360, 4, PixelFormat::bgr8};
  std::vector<Frame> frames;
  for (std::uint32_t i = 0; i < 4; ++i) frames.push_back(camera.shoot(moved(wall, 7.0 * i, i), i));
  MotionMeter a;
  MotionMeter b;
  for (const Frame& frame : frames) {
    const long before = test::allocations();
    const Motion of_a = a.measure(frame);
    a.set_reference();
    EXPECT_EQ(test::allocations() - before, 0);
    const Motion of_b = b.measure(frame);
    b.set_reference();
    EXPECT_EQ(of_a.shift_x_px, of_b.shift_x_px);
    EXPECT_EQ(of_a.shift_y_px, of_b.shift_y_px);
    EXPECT_EQ(of_a.zoom, of_b.zoom);
    EXPECT_EQ(of_a.gain, of_b.gain);
    EXPECT_EQ(of_a.cells, of_b.cells);
  }
}

}  // namespace
}  // namespace lazarillo
