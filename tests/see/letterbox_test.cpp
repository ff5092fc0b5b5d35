#include "see/letterbox.h"

#include <gmock/gmock.h>

#include <cmath>

#include "allocations.h"
#include "box_means.h"
#include "frames.h"

namespace lazarillo {
namespace {

NetworkManifest network_of(int width, int height) {
  NetworkManifest n;
  n.input_width = width;
  n.input_height = height;
  return n;
}

std::vector<float> fill(const NetworkManifest& network, const Frame& frame) {
  std::vector<float> tensor(
      static_cast<std::size_t>(3 * network.input_width * network.input_height), -77.0F);
  Letterbox(network).fill(frame, tensor);
  return tensor;
}

/// Value of channel c at x, y of a planar tensor.
float planar(const std::vector<float>& t, const NetworkManifest& n, int c, int x, int y) {
  const std::ptrdiff_t row = std::ptrdiff_t{c} * n.input_height + y;
  return t[static_cast<std::size_t>(row * n.input_width + x)];
}

int pattern(int x, int y, int c) { return (x * 37 + y * 101 + c * 53 + x * y) % 256; }

TEST(FitFrame, CentresTheLongerSide) {
  const LetterboxMapping street = fit_frame(768, 576, 416, 416, true);
  EXPECT_EQ(street, (LetterboxMapping{768, 576, 416, 416, 416, 312, 0, 52}));
  const LetterboxMapping portrait = fit_frame(1080, 1920, 416, 416, true);
  EXPECT_EQ(portrait, (LetterboxMapping{1080, 1920, 416, 416, 234, 416, 91, 0}));
  // 416 - 311 = 105: the odd pixel goes below, as (S - h) // 2 in the training.
  EXPECT_EQ(fit_frame(1000, 747, 416, 416, true).content_height, 311);
  EXPECT_EQ(fit_frame(1000, 747, 416, 416, true).offset_y, 52);
  // An input that is not square is filled by the side that binds.
  EXPECT_EQ(fit_frame(640, 480, 640, 320, true),
            (LetterboxMapping{640, 480, 640, 320, 427, 320, 106, 0}));
  EXPECT_EQ(fit_frame(100, 50, 40, 40, false), (LetterboxMapping{100, 50, 40, 40, 40, 40, 0, 0}));
  EXPECT_EQ(fit_frame(10000, 3, 416, 416, true).content_height, 1) << "never nothing";
}

TEST(FitFrame, BoxesComeBackExactly) {
  for (const bool keep_aspect : {true, false}) {
    for (const auto& [w, h] : std::vector<std::pair<int, int>>{
             {768, 576}, {641, 479}, {1080, 1920}, {100, 50}, {333, 1001}}) {
      const LetterboxMapping m = fit_frame(w, h, 416, 320, keep_aspect);
      // The content of the input is the whole frame.
      const Box whole = m.to_frame({static_cast<float>(m.offset_x), static_cast<float>(m.offset_y),
                                    static_cast<float>(m.offset_x + m.content_width),
                                    static_cast<float>(m.offset_y + m.content_height)});
      EXPECT_NEAR(whole.x1, 0, 1e-4);
      EXPECT_NEAR(whole.y1, 0, 1e-4);
      EXPECT_NEAR(whole.x2, w, 1e-3);
      EXPECT_NEAR(whole.y2, h, 1e-3);
    }
  }
}

TEST(Letterbox, AveragesWholeAreasWhenItShrinksByAWholeFactor) {
  // 24x16 into 8x8: factor 3, content 8x5.33 -> 5 rows would not be whole; 24x12 gives 8x4.
  const Frame frame = test::make_frame(24, 12, pattern, 7);
  const NetworkManifest n = network_of(8, 8);
  const std::vector<float> tensor = fill(n, frame);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < 8; ++y) {
      for (int x = 0; x < 8; ++x) {
        const float value = planar(tensor, n, c, x, y);
        if (y < 2 || y >= 6) {
          EXPECT_FLOAT_EQ(value, 114 / 255.0F);
          continue;
        }
        double sum = 0;  // RGB from BGR: network channel 0 is the frame's channel 2
        for (int j = 0; j < 3; ++j) {
          for (int i = 0; i < 3; ++i) sum += pattern(3 * x + i, 3 * (y - 2) + j, 2 - c);
        }
        EXPECT_NEAR(value * 255, sum / 9, 0.51) << x << ',' << y << ',' << c;
      }
    }
  }
}

TEST(Letterbox, AveragesPartsOfPixelsWhenTheFactorIsNotWhole) {
  // 10x10 into 4x4: each new pixel covers 2.5x2.5 old ones; weights by covered area.
  const Frame frame = test::make_frame(10, 10, pattern);
  const NetworkManifest n = network_of(4, 4);
  const std::vector<float> tensor = fill(n, frame);
  const auto covered = [](int cell, int pixel) {
    return std::max(0.0,
                    std::min(2.5 * (cell + 1), pixel + 1.0) - std::max(2.5 * cell, 1.0 * pixel));
  };
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      double sum = 0;
      for (int j = 0; j < 10; ++j) {
        for (int i = 0; i < 10; ++i) sum += covered(x, i) * covered(y, j) * pattern(i, j, 0);
      }
      EXPECT_NEAR(planar(tensor, n, 2, x, y) * 255, sum / 6.25, 0.51);
    }
  }
}

TEST(Letterbox, EnlargesBilinearly) {
  // A ramp stays a ramp between the outermost pixel centres: new x is old (x + 0.5) / 4 - 0.5.
  const Frame frame = test::make_frame(8, 8, [](int x, int, int) { return 20 * x; });
  const NetworkManifest n = network_of(32, 32);
  const std::vector<float> tensor = fill(n, frame);
  for (int x = 2; x < 30; ++x) {
    EXPECT_NEAR(planar(tensor, n, 0, x, 16) * 255, 20 * ((x + 0.5) / 4 - 0.5), 0.51) << x;
  }
}

TEST(Letterbox, TakesAFrameOfItsOwnSizeUnchanged) {
  const Frame frame = test::make_frame(6, 5, pattern, 5);
  NetworkManifest n = network_of(6, 5);
  const std::vector<float> tensor = fill(n, frame);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < 5; ++y) {
      for (int x = 0; x < 6; ++x) {
        EXPECT_EQ(planar(tensor, n, c, x, y), static_cast<float>(pattern(x, y, 2 - c)) / 255.0F);
      }
    }
  }
}

TEST(Letterbox, ObeysLayoutColourAndNormalisation) {
  const Frame frame = test::make_frame(6, 3, pattern, 1);
  NetworkManifest n = network_of(6, 6);
  n.layout = TensorLayout::nhwc;
  n.rgb = false;
  n.mean = {0.1F, 0.2F, 0.3F};
  n.std = {0.5F, 2, 4};
  n.pad_value = 51;
  const std::vector<float> tensor = fill(n, frame);
  std::size_t i = 0;
  for (int y = 0; y < 6; ++y) {
    for (int x = 0; x < 6; ++x) {
      for (std::size_t c = 0; c < 3; ++c, ++i) {
        const bool content = y >= 1 && y < 4;
        const int level = content ? pattern(x, y - 1, static_cast<int>(c)) : 51;
        EXPECT_NEAR(tensor[i], (static_cast<float>(level) / 255 - n.mean[c]) / n.std[c], 1e-6);
      }
    }
  }
}

TEST(Letterbox, AGreyFrameFillsAllChannels) {
  const Frame frame = test::make_frame(4, 4, pattern, 3, PixelFormat::gray8);
  const NetworkManifest n = network_of(4, 4);
  const std::vector<float> tensor = fill(n, frame);
  for (int c = 0; c < 3; ++c) {
    for (int x = 0; x < 4; ++x) {
      EXPECT_EQ(planar(tensor, n, c, x, 2), static_cast<float>(pattern(x, 2, 0)) / 255.0F);
    }
  }
}

TEST(Letterbox, StretchesWhenToldTo) {
  const Frame frame = test::make_frame(8, 4, [](int x, int, int) { return x < 4 ? 10 : 200; });
  NetworkManifest n = network_of(4, 4);
  n.letterbox = false;
  const std::vector<float> tensor = fill(n, frame);
  for (int y = 0; y < 4; ++y) {
    EXPECT_FLOAT_EQ(planar(tensor, n, 0, 1, y), 10 / 255.0F);
    EXPECT_FLOAT_EQ(planar(tensor, n, 0, 2, y), 200 / 255.0F);
  }
}

TEST(Letterbox, PutsTheBoxMeansWhereTheyBelong) {
  struct Case {
    int width, height;
    PixelFormat format;
    TensorLayout layout;
    bool rgb, letterbox;
  };
  using enum PixelFormat;
  using enum TensorLayout;
  for (const Case& k :
       {Case{173, 91, bgr8, nchw, true, true}, Case{91, 173, bgr8, nchw, false, true},
        Case{173, 91, bgr8, nhwc, true, true}, Case{91, 173, bgr8, nhwc, false, true},
        Case{173, 91, bgr8, nchw, true, false}, Case{92, 61, bgr8, nhwc, true, false},
        Case{173, 91, gray8, nchw, true, true}, Case{91, 173, gray8, nhwc, false, true},
        Case{92, 61, gray8, nchw, true, false}}) {
    const Frame frame = test::random_frame(k.width, k.height, k.format, 9);
    NetworkManifest n = network_of(61, 45);
    n.layout = k.layout;
    n.rgb = k.rgb;
    n.letterbox = k.letterbox;
    n.mean = {0.485F, 0.456F, 0.406F};
    n.std = {0.229F, 0.224F, 0.225F};
    const std::vector<float> tensor = fill(n, frame);
    const LetterboxMapping m = fit_frame(k.width, k.height, 61, 45, k.letterbox);
    const std::vector<double> means = test::box_means(frame, m.content_width, m.content_height);
    for (int y = 0; y < 45; ++y) {
      for (int x = 0; x < 61; ++x) {
        for (std::size_t c = 0; c < 3; ++c) {
          const std::size_t pixel = static_cast<std::size_t>(y) * 61 + static_cast<std::size_t>(x);
          const float value = tensor[k.layout == nchw ? c * 61 * 45 + pixel : pixel * 3 + c];
          const double level = 255 * (double(value) * n.std[c] + n.mean[c]);
          const int i = x - m.offset_x;
          const int j = y - m.offset_y;
          if (i < 0 || i >= m.content_width || j < 0 || j >= m.content_height) {
            ASSERT_NEAR(level, 114, 1e-3);
            continue;
          }
          const auto at = static_cast<std::size_t>(std::ptrdiff_t{j} * m.content_width + i);
          const double mean = k.format == gray8 ? means[at] : means[at * 3 + (k.rgb ? 2 - c : c)];
          ASSERT_NEAR(level, mean, 0.5 + 1e-3) << x << ',' << y << ',' << c;
          ASSERT_NEAR(level, std::round(level), 1e-3) << "not a whole level, as in the training";
        }
      }
    }
  }
}

TEST(Letterbox, AllocatesOnlyForTheFirstFrameOfASize) {
  for (const PixelFormat format : {PixelFormat::bgr8, PixelFormat::gray8}) {
    for (const int width : {48, 100}) {  // as it is, and shrunk
      const Frame frame = test::random_frame(width, width, format);
      Letterbox letterbox(network_of(48, 48));
      std::vector<float> tensor(std::size_t{3} * 48 * 48);
      letterbox.fill(frame, tensor);
      const long before = test::allocations();
      letterbox.fill(frame, tensor);
      EXPECT_EQ(test::allocations() - before, 0);
    }
  }
}

TEST(Letterbox, ASmallerFrameLeavesNothingOfTheOneBefore) {
  const NetworkManifest n = network_of(16, 16);
  Letterbox letterbox(n);
  std::vector<float> tensor(std::size_t{3} * 16 * 16);
  letterbox.fill(test::grey_frame(64, 64, 200), tensor);
  letterbox.fill(test::grey_frame(64, 16, 50), tensor);
  for (int y = 0; y < 16; ++y) {
    const int level = y >= 6 && y < 10 ? 50 : 114;
    EXPECT_FLOAT_EQ(planar(tensor, n, 1, 3, y), static_cast<float>(level) / 255) << y;
  }
}

TEST(DepthGridPlace, CellsLieWhereTheirPixelsAre) {
  // A frame with one bright block; the cell found bright in the input must point back at it.
  for (const auto& [w, h] : std::vector<std::pair<int, int>>{{768, 576}, {641, 479}, {480, 854}}) {
    const LetterboxMapping m = fit_frame(w, h, 416, 416, true);
    const DepthGrid grid = m.grid(104, 104);
    EXPECT_EQ(grid.width, 104);
    for (const int column : {20, 52, 90}) {
      for (const int row : {30, 52, 80}) {
        // The cell covers 4x4 input pixels; its centre by the mapping of boxes, in pixel centres.
        const auto cx = static_cast<float>(4 * column + 2);
        const auto cy = static_cast<float>(4 * row + 2);
        const Box centre = m.to_frame({cx, cy, cx, cy});
        const double half_cell = 2 / m.scale_x();
        EXPECT_NEAR((column - grid.offset_x) / grid.scale, centre.x1 - 0.5, half_cell / 4);
        EXPECT_NEAR((row - grid.offset_y) / grid.scale, centre.y1 - 0.5, half_cell / 4);
      }
    }
  }
  // Without rounding it is exact: 768x576 to 416x312, a cell is 4/416*768 frame pixels.
  const DepthGrid grid = fit_frame(768, 576, 416, 416, true).grid(104, 104);
  EXPECT_NEAR((0 - grid.offset_x) / grid.scale, 2 * 768 / 416.0 - 0.5, 1e-9);
  EXPECT_NEAR((13 - grid.offset_y) / grid.scale, 2 * 768 / 416.0 - 0.5, 1e-9);
}

}  // namespace
}  // namespace lazarillo
