#include "see/map_sample.h"

#include <gtest/gtest.h>

#include <utility>

namespace lazarillo {
namespace {

/// Where a cell's centre lies in the frame.
double column_in_frame(const DepthGrid& grid, int column) {
  return (column - grid.offset_x) / grid.scale;
}
double row_in_frame(const DepthGrid& grid, int row) { return (row - grid.offset_y) / grid.scale; }

void expect_on_frame(int frame_width, int frame_height, int input, int cells) {
  SCOPED_TRACE(testing::Message() << frame_width << "x" << frame_height << " in " << input << ", "
                                  << cells << " cells");
  const LetterboxMapping mapping = fit_frame(frame_width, frame_height, input, input, true);
  const MapSample sample = sample_of(mapping, cells, cells);
  const DepthGrid map = mapping.grid(cells, cells);
  const DepthGrid grid = sample.grid(map);
  ASSERT_GT(sample.cells(), 0);
  EXPECT_LE(sample.columns, MapSample::most);
  EXPECT_LE(sample.rows, MapSample::most);
  EXPECT_EQ(grid.width, sample.columns);
  EXPECT_EQ(grid.height, sample.rows);
  for (int i = 0; i < sample.columns; ++i) {
    EXPECT_NEAR(column_in_frame(grid, i), column_in_frame(map, sample.left + i * sample.step),
                1e-9);
  }
  for (int i = 0; i < sample.rows; ++i) {
    EXPECT_NEAR(row_in_frame(grid, i), row_in_frame(map, sample.top + i * sample.step), 1e-9);
  }
  // All are on the frame, within the rounding of the letterbox, and another step would not be.
  const double cell = 1 / map.scale;
  const double step = sample.step * cell;
  EXPECT_GT(column_in_frame(grid, 0), -0.5 - cell / 2);
  EXPECT_GT(row_in_frame(grid, 0), -0.5 - cell / 2);
  EXPECT_LT(column_in_frame(grid, 0), step);
  EXPECT_LT(row_in_frame(grid, 0), step);
  EXPECT_LT(column_in_frame(grid, sample.columns - 1), frame_width + cell / 2);
  EXPECT_LT(row_in_frame(grid, sample.rows - 1), frame_height + cell / 2);
  EXPECT_GT(column_in_frame(grid, sample.columns - 1), frame_width - 1.5 * step - cell);
  EXPECT_GT(row_in_frame(grid, sample.rows - 1), frame_height - 1.5 * step - cell);
}

TEST(MapSample, LiesOnTheFrame) {
  for (const auto& [width, height] :
       {std::pair{1280, 720}, {720, 1280}, {640, 480}, {1408, 1408}, {333, 77}}) {
    expect_on_frame(width, height, 416, 104);
    expect_on_frame(width, height, 392, 392);
    expect_on_frame(width, height, 640, 640);
  }
}

TEST(MapSample, TakesEveryCellOfASmallMap) {
  const LetterboxMapping mapping = fit_frame(1280, 720, 416, 416, true);
  const MapSample sample = sample_of(mapping, 104, 104);
  EXPECT_EQ(sample.step, 1);
  EXPECT_EQ(sample.columns, 104);
  EXPECT_EQ(sample.rows, 58);  // 234 of 416 rows of the input, 4 to a cell
}

TEST(MapSample, OfAFrameThatIsALine) {
  const LetterboxMapping mapping = fit_frame(1, 4000, 416, 416, true);
  const MapSample sample = sample_of(mapping, 104, 104);
  EXPECT_GE(sample.cells(), 0);
  EXPECT_LE(sample.columns, 1);
}

}  // namespace
}  // namespace lazarillo
