#include "see/rectify.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "frames.h"
#include "infer/model_set.h"
#include "see/letterbox.h"

namespace lazarillo {
namespace {

constexpr double kRadian = 180 / std::numbers::pi;

/// 200 degrees across the picture.
std::shared_ptr<const Lens> equidistant(int side = 500) {
  const double f = side / (200 / kRadian);
  return std::make_shared<const Lens>(
      Intrinsics{f, f, (side - 1) / 2.0, (side - 1) / 2.0, side, side, false}, KannalaBrandt{});
}

/// The angles of the ray that a pixel of an equidistant lens sees, from its formula alone: right
/// and down of the axis as a pinhole camera of f = 1 would have them. Behind: huge.
struct Slopes {
  double x, y;
};
Slopes slopes_at(const Lens& lens, double x, double y) {
  const Intrinsics& c = lens.camera();
  const double dx = (x - c.cx) / c.fx;
  const double dy = (y - c.cy) / c.fy;
  const double angle = std::hypot(dx, dy);
  if (angle >= std::numbers::pi / 2) return {1e9, 1e9};
  const double stretched = angle > 0 ? std::tan(angle) / angle : 1;
  return {dx * stretched, dy * stretched};
}

/// What the lens shows of a scene painted on a plane ahead: 6 x 6 samples a pixel.
Frame photograph(const std::shared_ptr<const Lens>& lens,
                 const std::function<double(double x, double y)>& scene, double hfov_deg, int width,
                 int height) {
  constexpr int fine = 6;
  Frame frame = test::make_frame(
      lens->camera().width, lens->camera().height,
      [&](int x, int y, int) {
        double sum = 0;
        for (int i = 0; i < fine * fine; ++i) {
          const Slopes s = slopes_at(*lens, x - 0.5 + (i % fine + 0.5) / fine,
                                     y - 0.5 + (double(i / fine) + 0.5) / fine);
          sum += scene(s.x, s.y);
        }
        return static_cast<int>(std::lround(sum / (fine * fine)));
      },
      0, PixelFormat::gray8);
  frame.lens = lens;
  frame.intrinsics = Intrinsics::from_hfov(hfov_deg, width, height, false);
  return frame;
}

Frame straightened(const Frame& frame) {
  PerLens<RectifyMap> maps;
  return rectified(frame, maps);
}

int level(const Frame& frame, int x, int y) {
  return frame.pixels.get()[y * frame.stride_bytes + x];
}

TEST(Rectify, APointAtAKnownAngleLandsWhereAPinholeHasIt) {
  const auto lens = equidistant();
  const double turned = 50 / kRadian;
  // A spot of two degrees, 50 degrees to the right.
  const Frame frame = photograph(
      lens,
      [&](double x, double y) {
        const double apart =
            std::acos((std::sin(turned) * x + std::cos(turned)) / std::sqrt(1 + x * x + y * y));
        return apart < 1 / kRadian ? 255.0 : 0.0;
      },
      120, 400, 300);
  const Frame straight = straightened(frame);
  ASSERT_EQ(straight.width, 400);
  ASSERT_EQ(straight.height, 300);
  ASSERT_FALSE(straight.lens);
  double sum = 0, at_x = 0, at_y = 0;
  for (int y = 0; y < 300; ++y) {
    for (int x = 0; x < 400; ++x) {
      const double v = level(straight, x, y);
      sum += v;
      at_x += v * x;
      at_y += v * y;
    }
  }
  ASSERT_GT(sum, 0);
  EXPECT_NEAR(frame.intrinsics.bearing_deg(at_x / sum), 50, 0.1);
  EXPECT_NEAR(frame.intrinsics.elevation_deg(at_y / sum), 0, 0.1);
}

TEST(Rectify, StraightLinesAreStraight) {
  const auto lens = equidistant();
  // Bright above a slanted line.
  const auto line = [](double x) { return 0.3 - 0.25 * x; };
  const Frame frame = photograph(
      lens, [&](double x, double y) { return y < line(x) ? 220.0 : 20.0; }, 110, 350, 350);
  const Frame straight = straightened(frame);
  const Intrinsics& camera = straight.intrinsics;
  double most = 0;
  for (int x = 0; x < 350; ++x) {
    // The column's brightness says where its edge is.
    double bright = 0;
    for (int y = 0; y < 350; ++y) bright += (level(straight, x, y) - 20) / 200.0;
    const double wanted = camera.cy + camera.fy * line((x - camera.cx) / camera.fx) + 0.5;
    most = std::max(most, std::abs(bright - wanted));
  }
  EXPECT_LT(most, 0.25);
}

TEST(Rectify, AThinPoleIsNotLostWhereItShrinks) {
  const auto lens = equidistant();
  for (const double angle_deg : {0.3, -11.0, 33.0}) {
    const double from = std::tan((angle_deg - 0.2) / kRadian);
    const double to = std::tan((angle_deg + 0.2) / kRadian);
    // One pixel of the lens: two fifths of a degree.
    const Frame frame = photograph(
        lens, [&](double x, double) { return x > from && x < to ? 250.0 : 0.0; }, 90, 50, 50);
    const Frame straight = straightened(frame);
    const double wanted = 250 * (to - from) * straight.intrinsics.fx;
    for (int y = 10; y < 40; ++y) {
      double sum = 0;
      for (int x = 0; x < 50; ++x) sum += level(straight, x, y);
      EXPECT_NEAR(sum, wanted, 0.35 * wanted) << angle_deg << ", row " << y;
    }
  }
}

TEST(Rectify, NothingIsThereWhereTheLensHasNoPicture) {
  // Its picture is 60 degrees wide and high, the straight one 90.
  const double f = 300 / (60 / kRadian);
  const auto lens = std::make_shared<const Lens>(Intrinsics{f, f, 149.5, 149.5, 300, 300, false},
                                                 KannalaBrandt{});
  Frame frame = test::make_frame(300, 300, [](int, int, int) { return 200; });
  frame.lens = lens;
  frame.intrinsics = Intrinsics::from_hfov(90, 416, 416, false);
  NetworkManifest network;
  network.input_width = network.input_height = 416;
  network.pad_value = 114;
  Letterbox letterbox(network);
  std::vector<float> tensor(std::size_t{3} * 416 * 416);
  letterbox.fill(frame, tensor);
  const auto value = [&](int x, int y) {
    return tensor[static_cast<std::size_t>(y * 416 + x)] * 255;
  };
  const int centre = 208;
  const double edge = 208 * std::tan(30 / kRadian);  // from the middle
  EXPECT_NEAR(value(centre, centre), 200, 1e-3);
  EXPECT_NEAR(value(centre + static_cast<int>(edge) - 1, centre), 200, 1e-3);
  EXPECT_NEAR(value(centre + static_cast<int>(edge) + 2, centre), 114, 1e-3);
  EXPECT_NEAR(value(0, 0), 114, 1e-3);

  // A lens whose formula ends at 20 degrees.
  const double k1 = -1 / (3 * std::pow(20 / kRadian, 2));
  frame.lens = std::make_shared<const Lens>(lens->camera(), KannalaBrandt{{k1, 0, 0, 0}});
  letterbox.fill(frame, tensor);
  EXPECT_NEAR(value(centre, centre), 200, 1e-3);
  EXPECT_NEAR(value(centre + 3 + static_cast<int>(208 * std::tan(20 / kRadian)), centre), 114,
              1e-3);
}

TEST(Rectify, ALetterboxOfAStraightPictureKeepsItsShape) {
  Frame frame = test::make_frame(500, 500, [](int, int, int c) { return 40 + 60 * c; });
  frame.lens = equidistant();
  frame.intrinsics = Intrinsics::from_hfov(100, 800, 400, false);
  NetworkManifest network;
  network.input_width = network.input_height = 200;
  Letterbox letterbox(network);
  std::vector<float> tensor(std::size_t{3} * 200 * 200);
  const LetterboxMapping m = letterbox.fill(frame, tensor);
  EXPECT_EQ(m.frame_width, 800);
  EXPECT_EQ(m.frame_height, 400);
  EXPECT_EQ(m.content_height, 100);
  // Boxes are the straight picture's.
  const Box box = m.to_frame({0, 50, 200, 150});
  EXPECT_NEAR(box.x2, 800, 1e-3);
  EXPECT_NEAR(box.y1, 0, 1e-3);
  EXPECT_NEAR(box.y2, 400, 1e-3);
  const std::size_t plane = std::size_t{200} * 200;
  EXPECT_NEAR(tensor[100 * 200 + 100] * 255, 160, 1e-3) << "red first";
  EXPECT_NEAR(tensor[2 * plane + 100 * 200 + 100] * 255, 40, 1e-3);
  EXPECT_NEAR(tensor[10 * 200 + 100] * 255, network.pad_value, 1e-3);
}

TEST(Rectify, BoxesGoBackIntoTheBentPicture) {
  Frame frame = test::make_frame(500, 500, [](int, int, int) { return 0; });
  EXPECT_EQ(in_own_pixels(frame, {1, 2, 3, 4}).x2, 3) << "no lens";
  frame.lens = equidistant();
  frame.intrinsics = Intrinsics::from_hfov(120, 800, 600, false);
  const Intrinsics& c = frame.intrinsics;
  // From 30 to 50 degrees right, as high above the axis as below.
  const auto x_of = [&](double degrees) {
    return static_cast<float>(c.cx + 0.5 + c.fx * std::tan(degrees / kRadian));
  };
  const auto half = static_cast<float>(0.2 * c.fy);
  const auto middle = static_cast<float>(c.cy + 0.5);
  const Box box = in_own_pixels(frame, {x_of(30), middle - half, x_of(50), middle + half});
  const double per_degree = 500 / 200.0;
  EXPECT_NEAR(box.x2, 250 + 50 * per_degree, 0.01) << "farthest right on the axis";
  EXPECT_LT(box.x1, 250 + 30 * per_degree) << "its left side bulges";
  EXPECT_GT(box.x1, 250 + 27 * per_degree);
  // Highest where it is nearest to the axis.
  const double angle = std::atan(std::hypot(std::tan(30 / kRadian), 0.2));
  const double up = angle * kRadian * per_degree * 0.2 / std::hypot(std::tan(30 / kRadian), 0.2);
  EXPECT_NEAR(box.y1, 250 - up, 0.01);
  EXPECT_NEAR(box.y2, 250 + up, 0.01);
}

TEST(Rectify, OneMapForACamera) {
  PerLens<int> kept;
  int made = 0;
  const auto value = [&](const Frame& frame) { return kept.of(frame, [&] { return ++made; }); };
  Frame a;
  a.lens = equidistant();
  Frame b;
  b.lens = equidistant();
  EXPECT_EQ(value(a), 1);
  EXPECT_EQ(value(b), 2);
  EXPECT_EQ(value(a), 1);
  a.intrinsics = Intrinsics::from_hfov(90, 10, 10);
  EXPECT_EQ(value(a), 3) << "another straight picture";
  // Kept are the 16 asked for last.
  std::vector<Frame> others(15);
  for (Frame& other : others) {
    other.lens = equidistant();
    (void)value(other);
  }
  EXPECT_EQ(value(a), 3);
  EXPECT_EQ(value(b), made) << "made anew";
}

}  // namespace
}  // namespace lazarillo
