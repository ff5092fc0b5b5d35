#include "calibrate/board.h"

#include <gmock/gmock.h>

#include <opencv2/aruco/charuco.hpp>
#include <opencv2/imgproc.hpp>

#include "error.h"

namespace lazarillo {
namespace {

/// What is printed, ten pixels a millimetre.
cv::Mat printed(const Board& board, double pixels_per_mm, int margin) {
  const BoardOptions& o = board.options();
  const int width = static_cast<int>(o.columns * o.square_mm * pixels_per_mm) + 2 * margin;
  const int height = static_cast<int>(o.rows * o.square_mm * pixels_per_mm) + 2 * margin;
  cv::Mat page(height, width, CV_8U, cv::Scalar(255));
  constexpr int kShift = 6;
  for (const BoardPatch& patch : board.patches()) {
    std::vector<cv::Point> corners;
    for (int i = 0; i < 4; ++i) {
      // From the page's edges to pixel centres, and fillPoly takes the outline for dark.
      const double inwards_x = patch.x[i] < (patch.x[0] + patch.x[2]) / 2 ? 0.01 : -0.99;
      const double inwards_y = patch.y[i] < (patch.y[0] + patch.y[2]) / 2 ? 0.01 : -0.99;
      corners.emplace_back(
          static_cast<int>((patch.x[i] * pixels_per_mm + margin + inwards_x) * (1 << kShift)),
          static_cast<int>((patch.y[i] * pixels_per_mm + margin + inwards_y) * (1 << kShift)));
    }
    cv::fillConvexPoly(page, corners, cv::Scalar(0), cv::LINE_8, kShift);
  }
  return page;
}

Frame frame_of(const cv::Mat& grey) {
  Frame frame;
  frame.width = grey.cols;
  frame.height = grey.rows;
  frame.stride_bytes = static_cast<std::ptrdiff_t>(grey.step);
  frame.format = PixelFormat::gray8;
  frame.pixels = {std::shared_ptr<void>(), grey.data};
  return frame;
}

TEST(Board, WhatIsPrintedIsOpenCvsBoard) {
  BoardOptions options;
  options.columns = 7;
  options.rows = 5;
  options.square_mm = 9;
  options.marker_mm = 6;
  options.dictionary = "5x5_50";
  const Board board(options);
  // 90 pixels a square, 60 a marker: less than a pixel where a cell is not whole pixels.
  cv::Mat known;
  cv::aruco::CharucoBoard::create(7, 5, 9, 6,
                                  cv::aruco::getPredefinedDictionary(cv::aruco::DICT_5X5_50))
      ->draw({630, 450}, known, 0, 1);
  const cv::Mat ours = printed(board, 10, 0);
  ASSERT_EQ(ours.size(), known.size());
  const double differ =
      static_cast<double>(cv::countNonZero(ours != known)) / static_cast<double>(known.total());
  EXPECT_LT(differ, 0.02);
  EXPECT_GT(cv::countNonZero(known == 0), 630 * 450 / 2);
}

TEST(Board, ItsCornersAreFoundWhereTheyArePrinted) {
  for (const bool markers : {true, false}) {
    BoardOptions options;
    if (!markers) options.marker_mm = 0;
    const Board board(options);
    const cv::Mat page = printed(board, 4, 60);
    const auto view = board.find(frame_of(page));
    ASSERT_TRUE(view);
    EXPECT_EQ(view->corners.size(), 35U);
    EXPECT_EQ(board.corners(), 35);
    // A plain chessboard looks the same turned by 180 degrees.
    const bool turned = view->corners.front().x_px > page.cols / 2.0;
    EXPECT_FALSE(markers && turned);
    for (const SeenCorner& corner : view->corners) {
      double x = board.corner_x_mm(corner.id);
      double y = board.corner_y_mm(corner.id);
      if (turned) {
        x = 8 * 30 - x;
        y = 6 * 30 - y;
      }
      EXPECT_NEAR(corner.x_px, x * 4 + 60 - 0.5, 0.6) << corner.id;
      EXPECT_NEAR(corner.y_px, y * 4 + 60 - 0.5, 0.6) << corner.id;
    }
    EXPECT_GT(view->sharpness, 0.9);
    cv::Mat blurred;
    cv::GaussianBlur(page, blurred, {}, 4);
    if (const auto smeared = board.find(frame_of(blurred))) {
      // The steepest rise of an edge blurred by a Gauss of 4 pixels: 1 / (4 sqrt(2 pi)).
      EXPECT_NEAR(smeared->sharpness, 0.1, 0.03);
    }
    EXPECT_FALSE(board.find(frame_of(cv::Mat(480, 640, CV_8U, cv::Scalar(128)))));
  }
}

TEST(Board, APartIsEnoughWithMarkersOnly) {
  const Board with_markers{BoardOptions{}};
  BoardOptions plain;
  plain.marker_mm = 0;
  const Board chessboard(plain);
  const auto half = [](const Board& board) {
    return cv::Mat(printed(board, 4, 60), cv::Rect(0, 0, 500, 840)).clone();
  };
  const auto view = with_markers.find(frame_of(half(with_markers)));
  ASSERT_TRUE(view);
  EXPECT_GE(view->corners.size(), 8U);
  EXPECT_LT(view->corners.size(), 25U);
  EXPECT_FALSE(chessboard.find(frame_of(half(chessboard))));
}

TEST(Board, WhatCannotBeIsRefused) {
  const auto refused = [](auto change) {
    BoardOptions options;
    change(options);
    EXPECT_THROW((void)Board(options), Error);
  };
  refused([](BoardOptions& o) { o.columns = 2; });
  refused([](BoardOptions& o) { o.rows = 1000; });
  refused([](BoardOptions& o) { o.square_mm = 0; });
  refused([](BoardOptions& o) { o.marker_mm = o.square_mm; });
  refused([](BoardOptions& o) { o.marker_mm = -1; });
  refused([](BoardOptions& o) { o.dictionary = "9x9"; });
  refused([](BoardOptions& o) { o.columns = o.rows = 20; });  // more markers than there are
}

}  // namespace
}  // namespace lazarillo
