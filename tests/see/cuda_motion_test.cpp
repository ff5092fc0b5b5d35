#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "cuda_support.h"
#include "frames.h"
#include "see/cuda/motion.h"
#include "see/motion.h"
#include "source/device_picture.h"

namespace lazarillo {
namespace {

/// A wall of soft tiles with a finer pattern, without end; 40..200.
double wall(double x, double y) {
  const auto tile = [](double i, double j) {
    const auto hash = static_cast<std::uint32_t>(static_cast<int>(i) * 73856093) ^
                      static_cast<std::uint32_t>(static_cast<int>(j) * 19349663);
    return 60 + hash % 1009 * 120.0 / 1009;
  };
  const double i = std::floor(x / 31);
  const double j = std::floor(y / 31);
  const double u = std::min((x - i * 31) / 2, 1.0);
  const double v = std::min((y - j * 31) / 2, 1.0);
  const double upper = tile(i - 1, j - 1) * (1 - u) + tile(i, j - 1) * u;
  const double lower = tile(i - 1, j) * (1 - u) + tile(i, j) * u;
  return upper * (1 - v) + lower * v + 12 * std::sin(0.35 * x + 0.22 * y);
}

struct View {
  double x = 0, y = 0, zoom = 1, gain = 1;  ///< of the camera
  Box box{};                                ///< something that stands before the wall
  std::uint32_t seed = 1;
};

class CudaMotion : public test::CudaTest {
 protected:
  /// The same picture for the card (luma) and for the processor (grey, in full range).
  struct Both {
    Frame device, host;
  };

  Both shoot(int width, int height, const View& view, bool full_range) {
    std::mt19937 random(view.seed);
    std::normal_distribution<double> noise(0, 2);
    const int pitch = width + 13;
    std::vector<std::uint8_t> luma(static_cast<std::size_t>(pitch) * height, 77);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const double px = (x - width / 2.0) / view.zoom + width / 2.0 - view.x;
        const double py = (y - height / 2.0) / view.zoom + height / 2.0 - view.y;
        double level = view.gain * wall(px * 480 / width, py * 480 / width);
        const auto at_x = static_cast<float>(x);
        const auto at_y = static_cast<float>(y);
        const bool before =
            at_x >= view.box.x1 && at_x < view.box.x2 && at_y >= view.box.y1 && at_y < view.box.y2;
        if (before) level = 225;
        level += noise(random);
        if (!full_range) level = 16 + level * 219 / 255;
        luma[static_cast<std::size_t>(y) * pitch + x] =
            static_cast<std::uint8_t>(std::lround(std::clamp(level, 0.0, 255.0)));
      }
    }
    held_.push_back(on_device(luma));
    auto picture = std::make_shared<DevicePicture>();
    picture->luma = held_.back().as<std::uint8_t>();
    picture->luma_pitch = pitch;
    picture->full_range = full_range;
    Both both;
    both.device.width = width;
    both.device.height = height;
    both.device.format = PixelFormat::nv12;
    both.device.device = picture;
    both.host = test::make_frame(
        width, height,
        [&](int x, int y, int) {
          const int level = luma[static_cast<std::size_t>(y) * pitch + x];
          return full_range ? level
                            : static_cast<int>(
                                  std::lround(std::clamp((level - 16) * 255.0 / 219, 0.0, 255.0)));
        },
        3, PixelFormat::gray8);
    return both;
  }

  void compare(const Motion& card, const Motion& twin) {
    EXPECT_EQ(card.scene_change, twin.scene_change);
    EXPECT_EQ(card.repeated, twin.repeated);
    ASSERT_TRUE(card.light && twin.light);
    EXPECT_NEAR(card.light->mean, twin.light->mean, 1e-6);
    EXPECT_NEAR(card.light->spread, twin.light->spread, 1e-6);
    EXPECT_NEAR(card.light->detail, twin.light->detail, 1e-5);
    EXPECT_NEAR(card.light->softness, twin.light->softness, 1e-5);
    EXPECT_EQ(card.frame_width, twin.frame_width);
    EXPECT_EQ(card.frame_height, twin.frame_height);
    EXPECT_NEAR(card.shift_x_px, twin.shift_x_px, 0.02);
    EXPECT_NEAR(card.shift_y_px, twin.shift_y_px, 0.02);
    EXPECT_NEAR(card.zoom, twin.zoom, 1e-4);
    EXPECT_NEAR(card.gain, twin.gain, 1e-4);
    // Sums are rounded otherwise: a pixel in a million lies between.
    EXPECT_LE((card.cells ^ twin.cells).count(), 1U);
  }

  std::vector<gpu::DeviceBuffer> held_;
};

TEST_F(CudaMotion, MakesTheSameSmallPicture) {
  for (const bool full_range : {false, true}) {
    for (const auto& [width, height] : std::vector<std::pair<int, int>>{
             {1280, 720}, {481, 363}, {160, 120}, {90, 70}, {320, 1}}) {
      SCOPED_TRACE(testing::Message() << width << " x " << height << ", full " << full_range);
      const Both both = shoot(width, height, {}, full_range);
      const gpu::DeviceBuffer small(gpu::kSmallPictureValues * sizeof(float));
      poison(small);
      const DevicePicture& p = *both.device.device;
      as_graph([&] {
        gpu::reduce_luma({p.luma, p.luma_pitch, width, height, full_range}, small.as<float>(),
                         stream_.get());
      });
      Registrar twin;
      SmallPicture wanted;
      twin.reduce(both.host, wanted);
      const std::vector<float> got = on_host<float>(small);
      auto at = got.begin();
      for (const Plane& plane : wanted.levels) {
        const std::vector<float> own(at, at + static_cast<std::ptrdiff_t>(plane.values.size()));
        EXPECT_EQ(own, plane.values) << plane.width;
        at += static_cast<std::ptrdiff_t>(plane.values.size());
      }
      EXPECT_EQ(at, got.end());
    }
  }
}

TEST_F(CudaMotion, FindsWhatTheProcessorFinds) {
  const std::vector<View> views = {
      {0, 0, 1, 1, {}, 2},
      {0.4, -0.7, 1, 1, {}, 3},
      {-17.2, 9.4, 1, 1, {}, 4},
      {61.5, -40.3, 1, 1, {}, 5},
      {3, 2, 1.06, 1, {}, 6},
      {0, 0, 1, 0.8, {}, 7},
      {1, 0, 1, 1, {100, 80, 140, 200}, 8},
      {1, 0, 1, 1.1, {300, 100, 330, 220}, 9},
      {0, 0, 1, 1, {20, 20, 420, 300}, 10},  // most of the picture
      {2000, 900, 1, 1, {}, 11},             // somewhere else
      {0, 0, 1, 0.1, {}, 12},                // lights out
  };
  MotionMeter card;
  MotionMeter twin;
  const Both first = shoot(480, 360, {}, false);
  compare(card.measure(first.device), twin.measure(first.host));
  card.set_reference();
  twin.set_reference();
  int scene_changes = 0;
  int changes = 0;
  for (const View& view : views) {
    SCOPED_TRACE(testing::Message() << "seed " << view.seed);
    const Both both = shoot(480, 360, view, false);
    const Motion found = card.measure(both.device);
    compare(found, twin.measure(both.host));
    scene_changes += found.scene_change ? 1 : 0;
    changes += !found.scene_change && found.cells.any() ? 1 : 0;
  }
  EXPECT_GE(scene_changes, 1);
  EXPECT_GE(changes, 3);
}

TEST_F(CudaMotion, KnowsAPictureThatComesAgain) {
  MotionMeter card;
  MotionMeter twin;
  const Both both = shoot(400, 240, {}, true);
  for (const bool again : {false, true, true}) {
    const Motion found = card.measure(both.device);
    compare(found, twin.measure(both.host));
    EXPECT_EQ(found.repeated, again);
    card.set_reference();
    twin.set_reference();
  }
  const Motion other = card.measure(shoot(400, 240, {0, 0, 1, 1, {}, 2}, true).device);
  EXPECT_FALSE(other.repeated);
}

TEST_F(CudaMotion, KeepsItsReferenceAsTheProcessorDoes) {
  MotionMeter card;
  MotionMeter twin;
  for (std::uint32_t i = 0; i < 6; ++i) {
    SCOPED_TRACE(i);
    // Another size in the middle.
    const Both both = shoot(i == 3 ? 320 : 400, 240, {2.5 * i, -1.0 * i, 1, 1, {}, i + 1}, true);
    compare(card.measure(both.device), twin.measure(both.host));
    if (i % 2 == 0) {
      card.set_reference();
      twin.set_reference();
      card.set_reference();
    }
  }
}

TEST_F(CudaMotion, ComparesNothingWithAPictureOfTheOtherSide) {
  MotionMeter meter;
  const Both both = shoot(320, 240, {}, true);
  (void)meter.measure(both.device);
  meter.set_reference();
  EXPECT_FALSE(meter.measure(both.device).scene_change);
  EXPECT_TRUE(meter.measure(both.host).scene_change);
  meter.set_reference();
  EXPECT_TRUE(meter.measure(both.device).scene_change);
  EXPECT_FALSE(meter.measure(both.host).scene_change);
}

TEST_F(CudaMotion, BringsAHundredAndFourBytesBack) {
  MotionMeter meter;
  const Both both = shoot(320, 240, {}, true);
  (void)meter.measure(both.device);
  meter.set_reference();
  const GpuTraffic before = gpu_traffic();
  (void)meter.measure(both.device);
  const GpuTraffic after = gpu_traffic();
  EXPECT_EQ(after.to_host - before.to_host, 112U);
  EXPECT_EQ(after.to_device - before.to_device, 0U);
}

}  // namespace
}  // namespace lazarillo
