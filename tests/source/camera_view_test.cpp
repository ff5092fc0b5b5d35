#include "source/camera_view.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "error.h"

namespace lazarillo {
namespace {

std::shared_ptr<const Lens> lens_of(const Intrinsics& camera, const LensModel& model,
                                    int quarter_turns = 0) {
  return std::make_shared<const Lens>(camera, model, LensMounting{quarter_turns});
}

SourceOptions seen_whole(std::shared_ptr<const Lens> lens) {
  SourceOptions options;
  options.lens = std::move(lens);
  options.hfov_deg = 0;
  return options;
}

TEST(CameraView, APinholeGivesItsOwnIntrinsics) {
  const Intrinsics camera{500, 505, 330, 235, 640, 480, true};
  CameraViews views(seen_whole(lens_of(camera, BrownConrady{})));
  const CameraView& view = views.of(320, 240);
  EXPECT_FALSE(view.lens) << "nothing to straighten";
  EXPECT_DOUBLE_EQ(view.intrinsics.fx, 250);
  EXPECT_DOUBLE_EQ(view.intrinsics.cx, 164.75);
  EXPECT_FALSE(view.intrinsics.assumed);
}

TEST(CameraView, AStraightPictureIsAsWideAsItsCamera) {
  // Without distortion to speak of: 640 pixels of f = 500.
  const Intrinsics camera{500, 500, 319.5, 239.5, 640, 480, false};
  CameraViews views(seen_whole(lens_of(camera, BrownConrady{1e-9})));
  EXPECT_NEAR(views.of(640, 480).intrinsics.fx, 500, 0.01);
  ASSERT_TRUE(views.of(640, 480).lens);

  // An equidistant lens of 80 degrees; one side is farther: 45 degrees.
  const double f = 640 / (80 / 180.0 * std::numbers::pi);
  EXPECT_NEAR(straight_hfov_deg(*lens_of({f, f, 319.5, 239.5, 640, 480, false}, KannalaBrandt{})),
              80, 1e-6);
  EXPECT_NEAR(straight_hfov_deg(*lens_of({f, f, 279.5, 239.5, 640, 480, false}, KannalaBrandt{})),
              90, 1e-6);
  // Sideways: its height counts.
  EXPECT_NEAR(
      straight_hfov_deg(*lens_of({f, f, 319.5, 239.5, 640, 480, false}, KannalaBrandt{}, 1)), 60,
      1e-6);
  // One of 170 degrees is seen to 100.
  const double wide = 640 / (170 / 180.0 * std::numbers::pi);
  EXPECT_NEAR(
      straight_hfov_deg(*lens_of({wide, wide, 319.5, 239.5, 640, 480, false}, KannalaBrandt{})),
      kWidestStraightDeg, 1e-9);
}

TEST(CameraView, TheUprightPictureHasItsSidesExchanged) {
  CameraViews views(
      seen_whole(lens_of({300, 300, 319.5, 239.5, 640, 480, false}, KannalaBrandt{}, 1)));
  const CameraView& view = views.of(320, 240);
  EXPECT_EQ(view.intrinsics.width, 240);
  EXPECT_EQ(view.intrinsics.height, 320);
  EXPECT_EQ(view.lens->camera().width, 320);
  EXPECT_EQ(views.of(320, 240).lens, view.lens);
}

TEST(CameraView, ShapesMustAgree) {
  CameraViews views(
      seen_whole(lens_of({300, 300, 319.5, 239.5, 640, 480, false}, KannalaBrandt{})));
  EXPECT_NO_THROW(views.check_shape(1280, 960));
  EXPECT_NO_THROW(views.check_shape(642, 480));
  EXPECT_THROW(views.check_shape(1280, 720), Error);
  EXPECT_THROW(views.check_shape(480, 640), Error);
  EXPECT_NO_THROW(CameraViews({}).check_shape(1, 1000));
}

}  // namespace
}  // namespace lazarillo
