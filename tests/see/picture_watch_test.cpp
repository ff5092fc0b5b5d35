#include "see/picture_watch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <opencv2/imgproc.hpp>
#include <random>
#include <tuple>
#include <utility>

#include "frames.h"
#include "source/lens.h"

namespace lazarillo {
namespace {

constexpr double kRad = std::numbers::pi / 180;
constexpr int kWidth = 480, kHeight = 360;

/// Brightness of a far landscape, by direction: tiles of 4 degrees and a finer pattern.
double landscape(double bearing_deg, double elevation_deg) {
  const auto i = static_cast<std::uint32_t>(std::floor(bearing_deg / 4) + 1000);
  const auto j = static_cast<std::uint32_t>(std::floor(elevation_deg / 4) + 1000);
  const double tile = (i * 73856093U ^ j * 19349663U) % 1009U * 120.0 / 1009;
  return 60 + tile + 15 * std::sin(2.1 * bearing_deg + 1.3 * elevation_deg);
}

/// A pinhole camera that looks there: each pixel's ray turned by elevation, then by bearing.
Frame shoot(double bearing_deg, double elevation_deg, double gain, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> noise(0, 2);
  const Intrinsics camera = Intrinsics::from_hfov(69, kWidth, kHeight, false);
  const double up = elevation_deg * kRad;
  Frame frame = test::make_frame(
      kWidth, kHeight,
      [&](int x, int y, int) {
        const double right = (x - camera.cx) / camera.fx;
        const double down = (y - camera.cy) / camera.fy;
        const double ahead = std::cos(up) + down * std::sin(up);
        const double high = std::sin(up) - down * std::cos(up);
        const double bearing = std::atan2(right, ahead) / kRad + bearing_deg;
        const double elevation = std::atan2(high, std::hypot(right, ahead)) / kRad;
        const double level = gain * landscape(bearing, elevation) + noise(random);
        return static_cast<int>(std::lround(std::clamp(level, 0.0, 255.0)));
      },
      0, PixelFormat::gray8);
  frame.intrinsics = camera;
  return frame;
}

Frame even(double level, double noise_levels, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> noise(0, noise_levels);
  return test::make_frame(
      kWidth, kHeight,
      [&](int x, int, int) {
        // A hand lets some light through at one side.
        const double at = level * (1 + 0.2 * (x - kWidth / 2.0) / kWidth);
        return static_cast<int>(std::lround(std::clamp(at + noise(random), 0.0, 255.0)));
      },
      0, PixelFormat::gray8);
}

TEST(PictureWatch, MeasuresHowTheCameraTurned) {
  PictureWatch watch;
  Frame first = shoot(0, 0, 1, 1);
  watch.look(first);
  ASSERT_TRUE(first.turned);
  EXPECT_EQ(first.turned->right_deg, 0);
  CameraTurn before;
  double bearing = 0;
  double elevation = 0;
  std::uint32_t seed = 2;
  for (const auto& [right, up] : std::vector<std::pair<double, double>>{
           {0.5, 0}, {-1.2, 0.3}, {2.5, -0.8}, {0, 1.5}, {-4, 0}, {0, 0}}) {
    bearing += right;
    elevation += up;
    Frame frame = shoot(bearing, elevation, 1, seed++);
    watch.look(frame);
    ASSERT_TRUE(frame.turned) << right;
    const CameraTurn turn{frame.turned->right_deg - before.right_deg,
                          frame.turned->up_deg - before.up_deg};
    before = *frame.turned;
    // A flat picture of what turns moves farther at its sides than in its middle.
    EXPECT_NEAR(turn.right_deg, right, 0.05 + 0.1 * std::abs(right));
    EXPECT_NEAR(turn.up_deg, up, 0.05 + 0.1 * std::abs(up));
    EXPECT_EQ(frame.state, PictureState::clear);
  }
}

/// The same landscape through a lens. `slopes`: the ray of a pixel of an upright camera with this
/// lens, x and y by z, from its formula turned around.
Frame shoot_bent(const std::shared_ptr<const Lens>& lens, double bearing_deg, double elevation_deg,
                 std::uint32_t seed,
                 const std::function<std::pair<double, double>(double, double)>& slopes) {
  std::mt19937 random(seed);
  std::normal_distribution<double> noise(0, 2);
  const double up = elevation_deg * kRad;
  const Intrinsics& c = lens->camera();
  Frame frame = test::make_frame(
      c.width, c.height,
      [&](int px, int py, int) {
        double x = (px - c.cx) / c.fx;
        double y = (py - c.cy) / c.fy;
        // Lying on its left side: its left is what is up.
        if (lens->mounting().quarter_turns == 1) std::tie(x, y) = std::pair(-y, x);
        const auto [right, down] = slopes(x, y);
        const double ahead = std::cos(up) + down * std::sin(up);
        const double high = std::sin(up) - down * std::cos(up);
        const double bearing = std::atan2(right, ahead) / kRad + bearing_deg;
        const double elevation = std::atan2(high, std::hypot(right, ahead)) / kRad;
        const double level = landscape(bearing, elevation) + noise(random);
        return static_cast<int>(std::lround(std::clamp(level, 0.0, 255.0)));
      },
      0, PixelFormat::gray8);
  frame.lens = lens;
  frame.intrinsics =
      Intrinsics::from_hfov(90, lens->upright_width(), lens->upright_height(), false);
  return frame;
}

TEST(PictureWatch, MeasuresItBehindALens) {
  const auto equidistant = [](double x, double y) {
    const double angle = std::hypot(x, y);
    const double stretched = angle > 0 ? std::tan(angle) / angle : 1;
    return std::pair(x * stretched, y * stretched);
  };
  const auto barrel = [](double x, double y) {
    const double bent = std::hypot(x, y);
    double r = bent;
    for (int i = 0; i < 50; ++i) r = bent / (1 - 0.2 * r * r);
    const double stretched = bent > 0 ? r / bent : 1;
    return std::pair(x * stretched, y * stretched);
  };
  const auto lens = [](double f, const LensModel& model, int turns) {
    return std::make_shared<const Lens>(
        Intrinsics{f, f, (kWidth - 1) / 2.0, (kHeight - 1) / 2.0, kWidth, kHeight, false}, model,
        LensMounting{turns});
  };
  const auto check = [](const std::shared_ptr<const Lens>& bent, const auto& slopes) {
    PictureWatch watch;
    Frame first = shoot_bent(bent, 0, 0, 1, slopes);
    watch.look(first);
    CameraTurn before;
    double bearing = 0;
    double elevation = 0;
    std::uint32_t seed = 2;
    for (const auto& [right, up] : std::vector<std::pair<double, double>>{
             {0.5, 0}, {-1.2, 0.3}, {2.5, -0.8}, {0, 1.5}, {0, 0}}) {
      bearing += right;
      elevation += up;
      Frame frame = shoot_bent(bent, bearing, elevation, seed++, slopes);
      watch.look(frame);
      ASSERT_TRUE(frame.turned);
      EXPECT_NEAR(frame.turned->right_deg - before.right_deg, right, 0.05 + 0.2 * std::abs(right));
      EXPECT_NEAR(frame.turned->up_deg - before.up_deg, up, 0.05 + 0.2 * std::abs(up));
      before = *frame.turned;
    }
  };
  // 110 degrees across, upright and on its side; and the barrel of a usual wide lens.
  check(lens(250, KannalaBrandt{}, 0), equidistant);
  check(lens(250, KannalaBrandt{}, 1), equidistant);
  check(lens(350, BrownConrady{-0.2}, 0), barrel);
}

TEST(PictureWatch, ATurnIsNotKnownAcrossACut) {
  PictureWatch watch;
  Frame here = shoot(0, 0, 1, 1);
  watch.look(here);
  Frame elsewhere = shoot(140, 20, 1, 2);
  watch.look(elsewhere);
  EXPECT_EQ(elsewhere.turned->right_deg, 0);
  EXPECT_EQ(elsewhere.state, PictureState::clear);
  Frame on = shoot(141, 20, 1, 3);
  watch.look(on);
  EXPECT_NEAR(on.turned->right_deg, 1, 0.15);
}

TEST(PictureWatch, CamerasAreWatchedApart) {
  PictureWatch watch;
  for (int i = 0; i < 4; ++i) {
    for (const int camera : {0, 1}) {
      Frame frame = shoot(90 * camera + i * (camera == 0 ? 1 : -2), 0, 1,
                          static_cast<std::uint32_t>(2 * i + camera + 1));
      frame.stamp.camera = camera;
      watch.look(frame);
      ASSERT_TRUE(frame.turned);
      EXPECT_NEAR(frame.turned->right_deg, i * (camera == 0 ? 1 : -2), 0.25 * i);
    }
  }
}

TEST(PictureWatch, TellsWhatShowsNothing) {
  PictureWatch watch;
  const auto state = [&](Frame frame) {
    watch.look(frame);
    return frame.state;
  };
  EXPECT_EQ(state(shoot(0, 0, 1, 1)), PictureState::clear);
  EXPECT_EQ(state(even(4, 3, 2)), PictureState::dark);       // a cap on the lens
  EXPECT_EQ(state(even(30, 6, 3)), PictureState::blocked);   // a hand
  EXPECT_EQ(state(even(110, 4, 4)), PictureState::blocked);  // paper, or a wall right before it
  EXPECT_EQ(state(shoot(0, 0, 0.02, 5)), PictureState::dark);
  EXPECT_EQ(state(shoot(0, 0, 0.3, 6)), PictureState::clear);  // evening
  EXPECT_EQ(state(even(252, 3, 7)), PictureState::bright);     // the sun in the lens
}

/// As a lens shows it that is far out of focus.
Frame out_of_focus(const Frame& frame, double of_width) {
  const cv::Mat sharp(frame.height, frame.width, CV_8U,
                      const_cast<std::uint8_t*>(frame.pixels.get()),
                      static_cast<std::size_t>(frame.stride_bytes));
  cv::Mat soft;
  cv::GaussianBlur(sharp, soft, {}, of_width * frame.width);
  Frame blurred = test::make_frame(
      frame.width, frame.height,
      [&](int x, int y, int) { return int{soft.at<std::uint8_t>(y, x)}; }, 0, PixelFormat::gray8);
  blurred.intrinsics = frame.intrinsics;
  return blurred;
}

TEST(PictureWatch, KnowsAPictureThatIsFarOutOfFocus) {
  const auto state = [](const Frame& taken) {
    Frame frame = taken;
    PictureWatch watch;
    watch.look(frame);
    return frame.state;
  };
  for (const double bearing : {0.0, 40.0, 110.0}) {
    const Frame sharp = shoot(bearing, 0, 1, 1);
    EXPECT_EQ(state(sharp), PictureState::clear);
    EXPECT_EQ(state(out_of_focus(sharp, 0.002)), PictureState::clear);
    EXPECT_EQ(state(out_of_focus(sharp, 0.03)), PictureState::blurred);
  }
}

TEST(PictureWatch, ANightWithLampsIsNotDark) {
  PictureWatch watch;
  std::mt19937 random(1);
  std::normal_distribution<double> noise(0, 3);
  Frame frame = test::make_frame(
      kWidth, kHeight,
      [&](int x, int y, int) {
        const bool lamp = std::hypot(x % 120 - 60, y - 90) < 12;
        return static_cast<int>(std::clamp((lamp ? 230 : 8) + noise(random), 0.0, 255.0));
      },
      0, PixelFormat::gray8);
  watch.look(frame);
  EXPECT_EQ(frame.state, PictureState::clear);
}

TEST(PictureWatch, TheSamePictureAgainIsNoPicture) {
  PictureWatch watch;
  const Frame taken = shoot(0, 0, 1, 1);
  Frame first = taken;
  watch.look(first);
  EXPECT_EQ(first.state, PictureState::clear);
  Frame again = taken;
  watch.look(again);
  EXPECT_EQ(again.state, PictureState::repeated);
  EXPECT_EQ(again.turned->right_deg, 0);
  // A camera that keeps still has noise of its own in every picture.
  Frame still = shoot(0, 0, 1, 2);
  watch.look(still);
  EXPECT_EQ(still.state, PictureState::clear);
}

TEST(PictureWatch, WithoutPixelsItSaysNothing) {
  PictureWatch watch;
  Frame frame;
  frame.width = kWidth;
  frame.height = kHeight;
  watch.look(frame);
  EXPECT_EQ(frame.turned->right_deg, 0);
  EXPECT_EQ(frame.state, PictureState::clear);
}

}  // namespace
}  // namespace lazarillo
