// A board moved before a camera, by the formula of a pinhole or a fisheye alone.

#include "calibrate/view_collector.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

namespace lazarillo {
namespace {

using Look = ViewCollector::Look;
using testing::HasSubstr;

constexpr int kWidth = 1280, kHeight = 960;
constexpr double kDegree = std::numbers::pi / 180;

/// The board's middle in the camera's frame, mm, and its tilt: by `across_deg` its left side comes
/// nearer, by `over_deg` its top.
struct Pose {
  double x_mm = 0, y_mm = 0, z_mm = 500;
  double across_deg = 0, over_deg = 0;
};

class Camera {
 public:
  explicit Camera(double focal_px, bool fisheye = false) : focal_(focal_px), fisheye_(fisheye) {}

  [[nodiscard]] BoardView take(const Board& board, const Pose& pose) const {
    BoardView view;
    view.sharpness = 0.5;
    const BoardOptions& o = board.options();
    for (int id = 0; id < board.corners(); ++id) {
      const double u = board.corner_x_mm(id) - o.columns * o.square_mm / 2;
      const double v = board.corner_y_mm(id) - o.rows * o.square_mm / 2;
      const double a = pose.across_deg * kDegree, b = pose.over_deg * kDegree;
      // About the picture's vertical axis, then about its horizontal one.
      const double x = u * std::cos(a);
      const double depth = u * std::sin(a);
      const double y = v * std::cos(b) - depth * std::sin(b);
      const double z = v * std::sin(b) + depth * std::cos(b) + pose.z_mm;
      const auto [px, py] = place(x + pose.x_mm, y + pose.y_mm, z);
      if (px < 0 || py < 0 || px > kWidth - 1 || py > kHeight - 1) continue;
      view.corners.push_back({id, px, py});
    }
    return view;
  }

 private:
  [[nodiscard]] std::pair<double, double> place(double x, double y, double z) const {
    const double aside = std::hypot(x, y);
    const double scale = fisheye_ && aside > 0 ? std::atan2(aside, z) / aside : 1 / z;
    return {kWidth / 2.0 - 0.5 + focal_ * scale * x, kHeight / 2.0 - 0.5 + focal_ * scale * y};
  }

  double focal_;
  bool fisheye_;
};

/// Somebody who holds the board still, half a second in each pose.
class Person {
 public:
  Person(const Camera& camera, ViewCollector& collector, const Board& board)
      : camera_(camera), collector_(collector), board_(board) {}

  Look show(const Pose& pose) {
    (void)look(pose);
    return look(pose);
  }
  Look look(const Pose& pose) {
    now_ns_ += 250'000'000;
    return collector_.offer(camera_.take(board_, pose), now_ns_);
  }

 private:
  const Camera& camera_;
  ViewCollector& collector_;
  const Board& board_;
  std::int64_t now_ns_ = 0;
};

/// Flat before the camera, in each ninth of the picture but those in which `spare(column, row)`.
template <class Spare>
void show_everywhere(Person& person, double focal_px, double z_mm, const Spare& spare) {
  // A third of the picture aside at this distance.
  const double step_x = z_mm / focal_px * kWidth / 3, step_y = z_mm / focal_px * kHeight / 3;
  for (int row = -1; row <= 1; ++row) {
    for (int column = -1; column <= 1; ++column) {
      if (spare(column, row)) continue;
      EXPECT_EQ(person.show({.x_mm = column * step_x, .y_mm = row * step_y, .z_mm = z_mm}),
                Look::kept);
    }
  }
}

TEST(ViewCollector, SaysWhereTheBoardWasNot) {
  const Board board{BoardOptions{}};
  const Camera camera(930);
  const auto advice_without = [&](int without_column, int without_row) {
    ViewCollector collector(board, kWidth, kHeight);
    Person person(camera, collector, board);
    show_everywhere(person, 930, 600, [&](int column, int row) {
      return column == without_column && row == without_row;
    });
    return collector.advice();
  };
  EXPECT_THAT(advice_without(-1, -1), HasSubstr("top left corner"));
  EXPECT_THAT(advice_without(0, -1), HasSubstr("top edge"));
  EXPECT_THAT(advice_without(1, 0), HasSubstr("right edge"));
  EXPECT_THAT(advice_without(0, 0), HasSubstr("in the middle"));
  EXPECT_THAT(advice_without(-1, 1), HasSubstr("bottom left corner"));
}

TEST(ViewCollector, SaysWhichWayTheBoardWasNotTilted) {
  const Board board{BoardOptions{}};
  // 38, 69 and 100 degrees across, and a fisheye of 120.
  for (const auto& [focal, fisheye] :
       {std::pair{1860.0, false}, {930.0, false}, {537.0, false}, {611.0, true}}) {
    const Camera camera(focal, fisheye);
    ViewCollector collector(board, kWidth, kHeight);
    Person person(camera, collector, board);
    const double z = focal * 0.55;  // the board is half as wide as the picture
    show_everywhere(person, focal, z, [](int, int) { return false; });
    const auto tilted = [&](double across, double over) {
      for (const double aside : {-0.15, 0.15}) {
        EXPECT_EQ(
            person.show({.x_mm = aside * z, .z_mm = z, .across_deg = across, .over_deg = over}),
            Look::kept);
      }
    };
    // The fisheye bends the flat board at the edges as tilts do, and its edges are far aside.
    if (fisheye) {
      tilted(35, 0), tilted(-35, 0), tilted(0, 35), tilted(0, -35);
      EXPECT_THAT(collector.advice(), HasSubstr("elsewhere"));
      continue;
    }
    EXPECT_THAT(collector.advice(), HasSubstr("left side nearer")) << focal;
    tilted(-35, 0);
    EXPECT_THAT(collector.advice(), HasSubstr("left side nearer")) << focal;
    tilted(35, 0);
    EXPECT_THAT(collector.advice(), HasSubstr("top nearer")) << focal;
    tilted(0, 8);
    EXPECT_THAT(collector.advice(), HasSubstr("top nearer")) << "8 degrees are none, " << focal;
    tilted(0, 35);
    EXPECT_THAT(collector.advice(), HasSubstr("bottom nearer")) << focal;
    EXPECT_FALSE(collector.enough());
    tilted(0, -35);
    EXPECT_THAT(collector.advice(), HasSubstr("elsewhere")) << focal;
    // Nine flat ones, and ten.
    EXPECT_EQ(collector.chosen().views.size(), 19U);
    EXPECT_FALSE(collector.enough());
    EXPECT_EQ(person.show({.z_mm = z * 1.5, .across_deg = 30}), Look::kept);
    EXPECT_TRUE(collector.enough());
  }
}

TEST(ViewCollector, WaitsUntilTheBoardIsStill) {
  const Board board{BoardOptions{}};
  const Camera camera(930);
  ViewCollector collector(board, kWidth, kHeight);
  Person person(camera, collector, board);
  // 3 % of 1,600 pixels a second are 48 pixels, 30.9 mm at 600 mm.
  const auto moved = [&](double mm_per_s) {
    Look last = Look::absent;
    for (int i = 0; i < 4; ++i) {
      last = person.look({.x_mm = mm_per_s * 0.25 * i, .z_mm = 600});
    }
    return last;
  };
  EXPECT_EQ(moved(35), Look::moving);
  EXPECT_EQ(person.look({.x_mm = 26, .z_mm = 600}), Look::kept) << "as in the picture before";
  ViewCollector slowly(board, kWidth, kHeight);
  Person other(camera, slowly, board);
  EXPECT_EQ(other.look({.x_mm = 0, .z_mm = 600}), Look::moving) << "nobody knows";
  EXPECT_EQ(other.look({.x_mm = 27 * 0.25, .z_mm = 600}), Look::kept);
  EXPECT_EQ(other.look({.x_mm = 27 * 0.5, .z_mm = 600}), Look::alike);
}

TEST(ViewCollector, WhatIsNotOfUseIsNotKept) {
  const Board board{BoardOptions{}};
  const Camera camera(930);
  ViewCollector collector(board, kWidth, kHeight);
  EXPECT_EQ(collector.offer(std::nullopt, 0), Look::absent);
  BoardView blurred = camera.take(board, {});
  blurred.sharpness = 0.05;
  EXPECT_EQ(collector.offer(blurred, 100'000'000), Look::moving);
  EXPECT_EQ(collector.offer(blurred, 200'000'000), Look::blurred);
  EXPECT_EQ(collector.offer(camera.take(board, {}), 300'000'000), Look::kept);
  // Away for two seconds: where it was before does not say that it is still.
  EXPECT_EQ(collector.offer(camera.take(board, {}), 2'300'000'000), Look::moving);
  EXPECT_EQ(collector.chosen().views.size(), 1U);
}

TEST(ViewCollector, FortyViewsAreEnough) {
  const Board board{BoardOptions{}};
  const Camera camera(930);
  ViewCollector collector(board, kWidth, kHeight);
  Person person(camera, collector, board);
  // Never tilted; 80 pixels from each other.
  for (int i = 0; i < 40; ++i) {
    EXPECT_FALSE(collector.enough()) << i;
    const double x_mm = 51.6 * (i % 8 - 3.5), y_mm = 51.6 * (i / 8 - 2);
    EXPECT_EQ(person.show({.x_mm = x_mm, .y_mm = y_mm, .z_mm = 600}), Look::kept) << i;
  }
  EXPECT_TRUE(collector.enough());
  EXPECT_EQ(person.show({.x_mm = 100}), Look::alike);
}

}  // namespace
}  // namespace lazarillo
