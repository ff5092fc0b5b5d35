#include <gmock/gmock.h>

#include <cmath>
#include <numbers>
#include <random>

#include "cuda_support.h"
#include "infer/model_set.h"
#include "see/cuda/kernels.h"
#include "see/letterbox.h"

namespace lazarillo {
namespace {

using Format = gpu::Picture::Format;

struct Case {
  int width, height;
  Format format = Format::bgr8;
  double lens_deg = 180;      ///< field of view of the lens
  double straight_deg = 100;  ///< 0: no lens
  int straight_width = 640, straight_height = 480;
  KannalaBrandt k{{0.05, -0.012, 0.004, -0.001}};
};

class CudaRectify : public test::CudaTest {
 protected:
  /// Largest difference from the twin in levels, and the part of values that differ by more than a
  /// hundredth of one.
  struct Difference {
    double most = 0, part = 0;
  };

  Difference compare(const std::vector<Case>& cases, int side, gpu::Number number) {
    NetworkManifest manifest;
    manifest.input_width = side;
    manifest.input_height = side;
    std::mt19937 random(11);
    std::vector<std::vector<std::uint8_t>> planes;
    std::vector<gpu::DeviceBuffer> held;
    std::vector<Frame> frames;
    std::vector<gpu::PictureBatch> batch(1);
    batch[0].count = static_cast<int>(cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const Case& c = cases[i];
      const int channels = c.format == Format::bgr8 ? 3 : 1;
      const int pitch = channels * c.width + 5;
      const std::size_t luma = static_cast<std::size_t>(pitch) * c.height;
      // Patches with noise; of NV12 without colour, and levels that BGR can hold.
      std::vector<std::uint8_t> bytes(luma + luma / 2 + pitch, 128);
      for (std::size_t at = 0; at < luma; ++at) {
        const auto x = static_cast<int>(at % pitch) / channels;
        const auto y = static_cast<int>(at / pitch);
        bytes[at] = static_cast<std::uint8_t>((x / 9 * 37 + y / 7 * 91) % 150 + 30 +
                                              static_cast<int>(random() % 40));
      }
      planes.push_back(std::move(bytes));
      held.push_back(on_device(planes.back()));
      Frame frame;
      frame.width = c.width;
      frame.height = c.height;
      frame.stride_bytes = pitch;
      frame.format = c.format == Format::bgr8 ? PixelFormat::bgr8 : PixelFormat::gray8;
      if (c.straight_deg > 0) {
        const double f = c.width / (c.lens_deg * std::numbers::pi / 180);
        frame.lens =
            std::make_shared<const Lens>(Intrinsics{f, f * 1.01, c.width / 2.0 + 3,
                                                    c.height / 2.0 - 2, c.width, c.height, false},
                                         c.k);
        frame.intrinsics =
            Intrinsics::from_hfov(c.straight_deg, c.straight_width, c.straight_height, false);
      }
      gpu::Picture& p = batch[0].pictures[i];
      p.pixels = held.back().as<std::uint8_t>();
      p.chroma = p.pixels + luma;
      p.pitch = p.chroma_pitch = pitch;
      p.width = c.width;
      p.height = c.height;
      p.format = c.format;
      p.full_range = true;
      batch[0].mappings[i] = fit_frame(frame, side, side, true);
      if (frame.lens) {
        held.push_back(on_device(rectify_map(frame, batch[0].mappings[i]).corners));
        batch[0].corners[i] = held.back().as<float>();
      }
      frames.push_back(frame);
    }
    for (std::size_t i = 0; i < cases.size(); ++i) {
      frames[i].pixels = {std::shared_ptr<void>(), planes[i].data()};
    }
    const gpu::DeviceBuffer device_batch = on_device(batch);
    const std::size_t size = std::size_t{3} * side * side;
    const bool half = number == gpu::Number::f16;
    const gpu::DeviceBuffer values(cases.size() * size * (half ? 2 : 4));
    poison(values);
    gpu::InputTensor tensor{values.data(), number, side, side, true, {}, {}, 114};
    tensor.gain.fill(1.0F / 255);
    as_graph([&] {
      gpu::letterbox(device_batch.as<gpu::PictureBatch>(), gpu::PictureBatch::most, tensor,
                     stream_.get());
      gpu::rectify(device_batch.as<gpu::PictureBatch>(), gpu::PictureBatch::most, tensor,
                   stream_.get());
    });
    const std::vector<float> got = numbers_on_host(values, half);
    Difference difference;
    std::size_t differ = 0;
    Letterbox twin(manifest);
    std::vector<float> wanted(size);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      EXPECT_EQ(twin.fill(frames[i], wanted), batch[0].mappings[i]);
      for (std::size_t k = 0; k < size; ++k) {
        const double levels = std::abs(got[i * size + k] - wanted[k]) * 255;
        EXPECT_FALSE(std::isnan(levels)) << "picture " << i << ", value " << k;
        difference.most = std::max(difference.most, levels);
        differ += levels > 0.01 ? 1 : 0;
      }
    }
    difference.part = double(differ) / double(cases.size() * size);
    return difference;
  }
};

TEST_F(CudaRectify, GivesTheProcessorsLevels) {
  const Difference d = compare({{500, 500},
                                {300, 420, Format::gray8, 200, 120, 400, 400},
                                {640, 360, Format::bgr8, 120, 60, 160, 90},
                                {333, 111, Format::gray8, 150, 140, 90, 200}},
                               160, gpu::Number::f32);
  EXPECT_LE(d.most, 0.001);
}

TEST_F(CudaRectify, TakesNv12) {
  // Levels of grey are the same in NV12 of full range.
  const Difference d =
      compare({{500, 500, Format::nv12}, {321, 243, Format::nv12, 160, 90}}, 128, gpu::Number::f32);
  EXPECT_LE(d.most, 1.01);
  EXPECT_LT(d.part, 1e-3);
}

TEST_F(CudaRectify, StandsBesidePicturesWithoutALens) {
  const Difference d = compare({{320, 240, Format::bgr8, 0, 0},
                                {300, 300},
                                {100, 90, Format::gray8, 0, 0},
                                {200, 300, Format::gray8}},
                               96, gpu::Number::f32);
  EXPECT_LE(d.most, 1.01) << "enlarging is not to the level";
  EXPECT_LT(d.part, 0.05);
}

TEST_F(CudaRectify, PadsWhereTheLensHasNoPicture) {
  // A straight picture wider than the lens's, and a formula that ends at 40 degrees.
  const Difference d = compare({{200, 200, Format::bgr8, 60, 120},
                                {200, 200, Format::gray8, 60, 120, 300, 100, {-0.68, 0, 0, 0}}},
                               96, gpu::Number::f32);
  EXPECT_LE(d.most, 0.001);
}

TEST_F(CudaRectify, ShrinksToFewPixels) {
  // More than 16 samples a side would be needed.
  const Difference d =
      compare({{700, 700}, {700, 500, Format::gray8, 100, 40}}, 8, gpu::Number::f32);
  EXPECT_LE(d.most, 0.001);
}

TEST_F(CudaRectify, WritesHalves) {
  const Difference d = compare({{300, 300}}, 128, gpu::Number::f16);
  EXPECT_LE(d.most, 0.13) << "FP16 of 0..1";
}

}  // namespace
}  // namespace lazarillo
