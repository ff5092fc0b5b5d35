#include "calibrate/calibrate.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>
#include <opencv2/core.hpp>
#include <random>

#include "error.h"
#include "source/calibration_file.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

using testing::HasSubstr;

constexpr int kWidth = 1280, kHeight = 960;
constexpr double kDegree = std::numbers::pi / 180;

struct Pose {
  double right_deg, down_deg;  ///< where the board's middle is
  double distance_mm;
  double tilt_x_deg, tilt_y_deg;  ///< against the direction it is seen in
};

using Vector = std::array<double, 3>;

Vector turned(Vector v, int axis, double degrees) {
  const double c = std::cos(degrees * kDegree), s = std::sin(degrees * kDegree);
  auto& a = v[static_cast<std::size_t>(axis + 1) % 3];
  auto& b = v[static_cast<std::size_t>(axis + 2) % 3];
  std::tie(a, b) = std::pair(c * a - s * b, s * a + c * b);
  return v;
}

/// Corners as a fisheye or a barrel lens shows them, by their formulas alone, with noise.
class Photographer {
 public:
  explicit Photographer(bool fisheye, double noise_px) : fisheye_(fisheye), noise_(0, noise_px) {}

  BoardView take(const Board& board, const Pose& pose) {
    BoardView view;
    view.name = "made up";
    view.sharpness = 0.5;
    const BoardOptions& o = board.options();
    for (int id = 0; id < board.corners(); ++id) {
      Vector p{board.corner_x_mm(id) - o.columns * o.square_mm / 2,
               board.corner_y_mm(id) - o.rows * o.square_mm / 2, 0};
      p = turned(turned(p, 0, pose.tilt_x_deg), 1, pose.tilt_y_deg);
      p[2] += pose.distance_mm;
      p = turned(turned(p, 0, -pose.down_deg), 1, pose.right_deg);
      const auto [x, y] = place(p);
      if (x < 0 || y < 0 || x > kWidth - 1 || y > kHeight - 1) continue;
      view.corners.push_back({id, x + noise_(random_), y + noise_(random_)});
    }
    return view;
  }

 private:
  [[nodiscard]] std::pair<double, double> place(const Vector& p) const {
    const double aside = std::hypot(p[0], p[1]);
    if (fisheye_) {
      const double a = std::atan2(aside, p[2]);
      const double r = (a + 0.03 * std::pow(a, 3) - 0.012 * std::pow(a, 5)) / aside;
      return {645.5 + 420 * r * p[0], 470.25 + 418 * r * p[1]};
    }
    const double s = aside * aside / (p[2] * p[2]);
    const double f = 1 - 0.25 * s + 0.07 * s * s;
    return {645.5 + 905 * f * p[0] / p[2], 470.25 + 900 * f * p[1] / p[2]};
  }

  bool fisheye_;
  std::normal_distribution<double> noise_;
  std::mt19937 random_{3};
};

std::vector<BoardView> album(const Board& board, Photographer& photographer, int count,
                             double half_width_deg, double half_height_deg, double near_mm,
                             double most_tilt_deg) {
  std::mt19937 random(17);
  std::uniform_real_distribution<double> even(-1, 1);
  std::vector<BoardView> views;
  for (int i = 0; i < count; ++i) {
    const Pose pose{half_width_deg * even(random), half_height_deg * even(random),
                    near_mm * (1.4 + 0.4 * even(random)), most_tilt_deg * even(random),
                    most_tilt_deg * even(random)};
    views.push_back(photographer.take(board, pose));
    if (views.back().corners.size() < 8) views.pop_back();
  }
  return views;
}

TEST(Calibrate, AFisheyeLensIsRecovered) {
  const Board board{BoardOptions{}};
  Photographer photographer(true, 0.1);
  const auto views = album(board, photographer, 40, 60, 45, 250, 35);
  for (const auto model : {CalibrationModel::automatic, CalibrationModel::fisheye}) {
    const Calibrated found = calibrate(views, board, kWidth, kHeight, model);
    ASSERT_TRUE(std::holds_alternative<KannalaBrandt>(found.lens.model()));
    const Intrinsics& c = found.lens.camera();
    EXPECT_NEAR(c.fx, 420, 420 * 0.002);
    EXPECT_NEAR(c.fy, 418, 418 * 0.002);
    EXPECT_NEAR(c.cx, 645.5, 0.5);
    EXPECT_NEAR(c.cy, 470.25, 0.5);
    // Two coordinates with a noise of 0.1 each.
    EXPECT_NEAR(found.rms_px, 0.1 * std::sqrt(2), 0.03);
    EXPECT_GT(found.coverage, 0.6);
  }
}

TEST(Calibrate, AUsualLensIsRecovered) {
  const Board board{BoardOptions{}};
  Photographer photographer(false, 0.1);
  const auto views = album(board, photographer, 40, 25, 18, 400, 35);
  const Calibrated found = calibrate(views, board, kWidth, kHeight, CalibrationModel::automatic);
  ASSERT_TRUE(std::holds_alternative<BrownConrady>(found.lens.model()));
  const Intrinsics& c = found.lens.camera();
  EXPECT_NEAR(c.fx, 905, 905 * 0.002);
  EXPECT_NEAR(c.fy, 900, 900 * 0.002);
  EXPECT_NEAR(c.cx, 645.5, 1.5);
  EXPECT_NEAR(c.cy, 470.25, 1.5);
  EXPECT_NEAR(std::get<BrownConrady>(found.lens.model()).k1, -0.25, 0.01);
}

TEST(Calibrate, AViewThatDoesNotFitIsLeftOut) {
  const Board board{BoardOptions{}};
  Photographer photographer(false, 0.1);
  auto views = album(board, photographer, 30, 25, 18, 400, 35);
  views[4].name = "moved";
  for (SeenCorner& corner : views[4].corners) corner.x_px += corner.id % 2 == 0 ? 6 : -6;
  const Calibrated found = calibrate(views, board, kWidth, kHeight, CalibrationModel::automatic);
  for (const CalibratedView& view : found.views) EXPECT_EQ(view.used, view.name != "moved");
  EXPECT_NEAR(found.lens.camera().fx, 905, 905 * 0.002);
}

TEST(Calibrate, WhatIsMissingIsTold) {
  const Board board{BoardOptions{}};
  const auto refusal = [&](const std::vector<BoardView>& views) -> std::string {
    try {
      (void)calibrate(views, board, kWidth, kHeight, CalibrationModel::automatic);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::source);
      return error.what();
    }
    return "accepted";
  };
  Photographer photographer(false, 0.1);
  EXPECT_THAT(refusal(album(board, photographer, 5, 25, 18, 400, 35)), HasSubstr("only 5"));
  EXPECT_THAT(refusal(album(board, photographer, 20, 3, 2, 1500, 35)),
              HasSubstr("% of the picture"));
  EXPECT_THAT(refusal(album(board, photographer, 40, 0, 0, 200, 2)), HasSubstr("tilt"));
  Photographer trembling(false, 12);
  EXPECT_THAT(refusal(album(board, trembling, 30, 25, 18, 400, 35)), HasSubstr("--square"));
}

TEST(Calibrate, AViewLikeAnotherIsPassedOver) {
  const Board board{BoardOptions{}};
  Photographer photographer(false, 0.1);
  std::vector<BoardView> views;
  for (int i = 0; i < 10; ++i) {
    views.push_back(photographer.take(board, {0.1 * i, 0, 600, 0, 0}));
    views.back().sharpness = 0.3 + 0.01 * i;
  }
  views.push_back(photographer.take(board, {10, 0, 600, 0, 0}));
  views.push_back(photographer.take(board, {0, 0, 600, 35, 0}));
  views.push_back(photographer.take(board, {-12, 0, 600, 0, 0}));
  views.back().sharpness = 0.05;
  const ChosenViews chosen = choose_views(views, board, kWidth, kHeight);
  EXPECT_EQ(chosen.views.size(), 3U) << "one of the ten, one aside, one tilted";
  EXPECT_EQ(chosen.alike, 9);
  EXPECT_EQ(chosen.blurred, 1);
  EXPECT_GE(chosen.views[0].sharpness, chosen.views[2].sharpness);
}

TEST(Calibrate, WhatIsWrittenIsReadBackByOpenCvAndByARun) {
  const test::TempDir dir;
  const Intrinsics camera{500.5, 501, 320, 240.25, 640, 480, false};
  const std::vector<LensModel> models = {BrownConrady{-0.2, 0.05, 0.001, -0.002, 0.01},
                                         KannalaBrandt{{0.1, -0.02, 0.003, 0}}};
  for (const LensModel& model : models) {
    const auto file = dir / "camera.yaml";
    write_calibration({Lens(camera, model), 0.2, 0.8, 40, {}}, file);
    EXPECT_EQ(read_calibration(file.string()).lens->camera(), camera);
    cv::FileStorage storage(file.string(), cv::FileStorage::READ);
    cv::Mat matrix, k;
    storage["camera_matrix"] >> matrix;
    storage["distortion_coefficients"] >> k;
    EXPECT_EQ(matrix.at<double>(0, 0), 500.5);
    EXPECT_EQ(matrix.at<double>(1, 2), 240.25);
    const auto* fisheye = std::get_if<KannalaBrandt>(&model);
    EXPECT_EQ(static_cast<int>(storage["fisheye_model"]), fisheye != nullptr);
    EXPECT_EQ(k.at<double>(2), fisheye != nullptr ? 0.003 : 0.001);
    EXPECT_EQ(k.total(), fisheye != nullptr ? 4U : 5U);
  }
  EXPECT_THROW(write_calibration({Lens(camera, models[0]), 0.2, 0.8, 40, {}},
                                 dir / "nowhere" / "camera.yaml"),
               Error);
}

}  // namespace
}  // namespace lazarillo
