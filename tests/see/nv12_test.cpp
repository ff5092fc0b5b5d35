#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "planes.h"
#include "see/area_resize.h"
#include "source/source.h"

namespace lazarillo {
namespace {

using test::Case;
using test::Planes;

/// NV12 as a camera gives it: BT.601 of video range, chroma of four pixels in one.
Planes nv12_of(const Frame& frame) {
  const auto at = [&](int x, int y) {
    const std::uint8_t* p = frame.pixels.get() + y * frame.stride_bytes + std::ptrdiff_t{3} * x;
    return std::array<double, 3>{p[0] / 255.0, p[1] / 255.0, p[2] / 255.0};
  };
  const auto luma = [](const std::array<double, 3>& bgr) {
    return 0.299 * bgr[2] + 0.587 * bgr[1] + 0.114 * bgr[0];
  };
  const auto byte = [](double v) { return static_cast<std::uint8_t>(std::lround(v)); };
  Planes planes;
  planes.pitch = frame.width;
  for (int y = 0; y < frame.height; ++y) {
    for (int x = 0; x < frame.width; ++x) planes.bytes.push_back(byte(16 + 219 * luma(at(x, y))));
  }
  planes.chroma = planes.bytes.size();
  for (int y = 0; y < frame.height; y += 2) {
    for (int x = 0; x < frame.width; x += 2) {
      double cb = 0, cr = 0;
      for (int k = 0; k < 4; ++k) {
        const std::array<double, 3> bgr = at(x + k % 2, y + k / 2);
        cb += (bgr[0] - luma(bgr)) / (2 * (1 - 0.114)) / 4;
        cr += (bgr[2] - luma(bgr)) / (2 * (1 - 0.299)) / 4;
      }
      planes.bytes.push_back(byte(128 + 224 * cb));
      planes.bytes.push_back(byte(128 + 224 * cr));
    }
  }
  return planes;
}

/// The card averages NV12 and converts then, the processor the other way round. Needs no card: that
/// the card's levels are those of average() is what cuda_letterbox_test.cpp says.
TEST(Nv12, GivesAlmostTheSameBothWays) {
  int pictures = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(LZ_SOURCE_DIR) / "data/check")) {
    const Frame frame = open_source(file.path().string(), {})->next().value();
    const Case c{frame.width, frame.height, gpu::Picture::Format::nv12};
    ASSERT_EQ(frame.width % 2 + frame.height % 2, 0);
    const Planes planes = nv12_of(frame);
    const std::vector<std::uint8_t> bgr = test::bgr_of_nv12(planes, c);
    ++pictures;
    for (const int side : {640, 416}) {
      const LetterboxMapping m = fit_frame(c.width, c.height, side, side, true);
      AreaResizer of_nv12, of_original;
      for (AreaResizer* r : {&of_nv12, &of_original}) {
        r->set_sizes(c.width, c.height, 3, m.content_width, m.content_height);
      }
      double most = 0, sum = 0, far = 0, card_off = 0, processor_off = 0;
      for (int y = 0; y < m.content_height; ++y) {
        const float* processor = of_nv12.row(bgr.data(), std::ptrdiff_t{3} * c.width, y);
        const float* original = of_original.row(frame.pixels.get(), frame.stride_bytes, y);
        for (int i = 0; i < 3 * m.content_width; ++i) {
          const std::array<double, 3> exact = test::average(planes, c, m, i % m.content_width, y);
          const double card =
              std::floor(exact[static_cast<std::size_t>(i / m.content_width)] + 0.5);
          const double difference = std::abs(card - processor[i]);
          most = std::max(most, difference);
          sum += difference;
          far += difference > 3 ? 1 : 0;
          card_off += std::abs(card - original[i]);
          processor_off += std::abs(processor[i] - original[i]);
        }
      }
      const double values = 3.0 * m.content_width * m.content_height;
      const std::string what = file.path().stem().string() + " to " + std::to_string(side);
      RecordProperty(what, std::to_string(sum / values) + ", most " + std::to_string(most) +
                               ", far " + std::to_string(far / values) + ", from the original " +
                               std::to_string(card_off / values) + " and " +
                               std::to_string(processor_off / values));
      EXPECT_LE(sum / values, 0.5) << what;
      EXPECT_LE(most, 32) << what;
      EXPECT_LE(far / values, 0.001) << what;
      // Farther from the original by no more than a hundredth of a level or two.
      EXPECT_LE((card_off - processor_off) / values, 0.02) << what;
    }
  }
  EXPECT_EQ(pictures, 4);
}

}  // namespace
}  // namespace lazarillo
