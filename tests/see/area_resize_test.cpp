#include "see/area_resize.h"

#include <gmock/gmock.h>

#include <cmath>
#include <opencv2/imgproc.hpp>

#include "allocations.h"
#include "box_means.h"

namespace lazarillo {
namespace {

struct Sizes {
  int source_width, source_height, width, height;
};

void PrintTo(const Sizes& s, std::ostream* out) {
  *out << s.source_width << 'x' << s.source_height << " to " << s.width << 'x' << s.height;
}

int channels_of(PixelFormat format) { return format == PixelFormat::bgr8 ? 3 : 1; }

/// The whole result in the frame's order, channels interleaved.
std::vector<float> shrink(AreaResizer& resizer, const Frame& frame, int width, int height) {
  const int channels = channels_of(frame.format);
  resizer.set_sizes(frame.width, frame.height, channels, width, height);
  std::vector<float> levels;
  for (int y = 0; y < height; ++y) {
    const float* row = resizer.row(frame.pixels.get(), frame.stride_bytes, y);
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) levels.push_back(row[c * width + x]);
    }
  }
  return levels;
}

class AreaResize : public testing::TestWithParam<Sizes> {};

TEST_P(AreaResize, IsTheBoxIntegralRounded) {
  const Sizes s = GetParam();
  for (const PixelFormat format : {PixelFormat::bgr8, PixelFormat::gray8}) {
    const Frame frame = test::random_frame(s.source_width, s.source_height, format, 11);
    AreaResizer resizer;
    const std::vector<float> levels = shrink(resizer, frame, s.width, s.height);
    const std::vector<double> means = test::box_means(frame, s.width, s.height);
    ASSERT_EQ(levels.size(), means.size());
    double worst = 0;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      ASSERT_EQ(levels[i], std::floor(levels[i])) << "not a whole level, value " << i;
      worst = std::max(worst, std::abs(levels[i] - means[i]));
    }
    EXPECT_LE(worst, 0.5 + 1e-4) << channels_of(format) << " channels";
  }
}

TEST_P(AreaResize, AgreesWithOpenCv) {
  const Sizes s = GetParam();
  for (const PixelFormat format : {PixelFormat::bgr8, PixelFormat::gray8}) {
    const Frame frame = test::random_frame(s.source_width, s.source_height, format, 5);
    AreaResizer resizer;
    const std::vector<float> levels = shrink(resizer, frame, s.width, s.height);
    const cv::Mat source(s.source_height, s.source_width, CV_8UC(channels_of(format)),
                         const_cast<std::uint8_t*>(frame.pixels.get()),
                         static_cast<std::size_t>(frame.stride_bytes));
    cv::Mat target;
    cv::resize(source, target, {s.width, s.height}, 0, 0, cv::INTER_AREA);
    ASSERT_TRUE(target.isContinuous());
    double worst = 0;
    double sum = 0;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const double difference = std::abs(double(levels[i]) - target.data[i]);
      worst = std::max(worst, difference);
      sum += difference;
    }
    EXPECT_LE(worst, 1);
    EXPECT_LT(sum / static_cast<double>(levels.size()), 0.1);
  }
}

INSTANTIATE_TEST_SUITE_P(Factors, AreaResize,
                         testing::Values(Sizes{768, 576, 416, 312}, Sizes{1280, 720, 640, 360},
                                         Sizes{417, 313, 416, 312}, Sizes{641, 479, 416, 311},
                                         Sizes{333, 77, 111, 7}, Sizes{96, 64, 24, 16},
                                         Sizes{5000, 300, 13, 1}, Sizes{300, 5000, 1, 13},
                                         Sizes{1, 50, 1, 7}, Sizes{50, 1, 7, 1},
                                         Sizes{101, 40, 101, 33}, Sizes{40, 101, 33, 101},
                                         Sizes{2, 2, 1, 1}, Sizes{7, 5, 3, 2}, Sizes{9, 9, 5, 5},
                                         Sizes{19, 8, 6, 5}));

TEST(AreaResizer, AnEvenPictureStaysAsItIs) {
  AreaResizer resizer;
  for (const int level : {0, 1, 127, 254, 255}) {
    const Frame frame = test::grey_frame(5000, 70, level);
    EXPECT_THAT(shrink(resizer, frame, 13, 23), testing::Each(static_cast<float>(level)));
  }
}

TEST(AreaResizer, AHalfGoesUp) {
  // 2x2 pixels of 0, 0, 1, 1 and of 0, 0, 0, 1, and of 1, 1, 0, 0 a level higher.
  const Frame frame = test::make_frame(6, 2, [](int x, int y, int) {
    return x < 2 ? y : x < 4 ? (x == 3 && y == 1) : 2 - y;
  });
  AreaResizer resizer;
  EXPECT_THAT(shrink(resizer, frame, 3, 1), testing::ElementsAre(1, 1, 1, 0, 0, 0, 2, 2, 2));
}

TEST(AreaResizer, ChangesItsSizesAtAnyTime) {
  AreaResizer used;
  for (const Sizes& s : {Sizes{90, 60, 40, 30}, Sizes{30, 60, 29, 30}, Sizes{90, 60, 40, 30},
                         Sizes{90, 61, 7, 30}, Sizes{33, 61, 33, 1}}) {
    for (const PixelFormat format : {PixelFormat::gray8, PixelFormat::bgr8}) {
      const Frame frame = test::random_frame(s.source_width, s.source_height, format);
      AreaResizer fresh;
      EXPECT_EQ(shrink(used, frame, s.width, s.height), shrink(fresh, frame, s.width, s.height));
    }
  }
}

TEST(AreaResizer, AllocatesOnlyWhenASizeChanges) {
  const Frame frame = test::random_frame(768, 576, PixelFormat::bgr8);
  AreaResizer resizer;
  resizer.set_sizes(768, 576, 3, 416, 312);
  const long before = test::allocations();
  EXPECT_GT(before, 0);
  for (int i = 0; i < 2; ++i) {
    resizer.set_sizes(768, 576, 3, 416, 312);
    for (int y = 0; y < 312; ++y) {
      EXPECT_GE(resizer.row(frame.pixels.get(), frame.stride_bytes, y)[0], 0);
    }
  }
  EXPECT_EQ(test::allocations() - before, 0);
}

}  // namespace
}  // namespace lazarillo
