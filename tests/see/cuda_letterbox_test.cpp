#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>

#include "cuda_support.h"
#include "infer/model_set.h"
#include "see/cuda/kernels.h"

namespace lazarillo {
namespace {

constexpr float kLevel = 1.0F / 255;

struct Planes {
  std::vector<std::uint8_t> bytes;  // as the card gets them
  std::size_t chroma = 0;           // where NV12's second plane begins
  int pitch = 0;
  std::vector<std::uint8_t> bgr_or_grey;  // as the twin gets them
};

struct Case {
  int width, height;
  gpu::Picture::Format format = gpu::Picture::Format::bgr8;
  bool bt709 = false, full_range = false;
  bool tight = false;  ///< rows end where their pixels do, and begin anywhere
};

/// Blocks of colour with noise, so that averages and edges both matter.
Planes draw(const Case& c, std::mt19937& random) {
  const auto [width, height, format] = std::tuple(c.width, c.height, c.format);
  using Format = gpu::Picture::Format;
  std::uniform_int_distribution<int> level(0, 255);
  Planes planes;
  const int channels = format == Format::bgr8 ? 3 : 1;
  const int row = channels * width + (format == Format::nv12 ? width % 2 : 0);
  planes.pitch = c.tight ? row : (row + 31) / 16 * 16;
  const int rows = height;
  planes.chroma = static_cast<std::size_t>(planes.pitch) * rows;
  planes.bytes.assign(
      planes.chroma + (format == Format::nv12
                           ? static_cast<std::size_t>(planes.pitch) * ((height + 1) / 2)
                           : 0),
      0);
  std::vector<int> patch(64);
  for (int& p : patch) p = level(random);
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < row; ++x) {
      const int base = patch[static_cast<std::size_t>((x / 13 + 7 * (y / 9) + x % channels) % 64)];
      planes.bytes[static_cast<std::size_t>(y) * planes.pitch + x] =
          static_cast<std::uint8_t>(std::clamp(base + level(random) / 8 - 16, 0, 255));
    }
  }
  // Many colours of NV12 are none that BGR can hold.
  for (std::size_t i = planes.chroma; i < planes.bytes.size(); ++i) {
    planes.bytes[i] = static_cast<std::uint8_t>(level(random));
  }
  return planes;
}

/// ITU-R BT.601 and BT.709 as the standards write them: E'Y = Kr R + (1 - Kr - Kb) G + Kb B, and so
/// on.
std::vector<std::uint8_t> bgr_of_nv12(const Planes& planes, int width, int height, bool bt709,
                                      bool full_range) {
  const double kr = bt709 ? 0.2126 : 0.299;
  const double kb = bt709 ? 0.0722 : 0.114;
  std::vector<std::uint8_t> bgr;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto at = [&](std::size_t i) { return double(planes.bytes[i]); };
      const std::size_t pair =
          planes.chroma + static_cast<std::size_t>(y / 2) * planes.pitch + x / 2 * 2;
      double luma = at(static_cast<std::size_t>(y) * planes.pitch + x) / 255;
      double cb = (at(pair) - 128) / 255;
      double cr = (at(pair + 1) - 128) / 255;
      if (!full_range) {
        luma = (luma * 255 - 16) / 219;
        cb = cb * 255 / 224;
        cr = cr * 255 / 224;
      }
      const double r = luma + 2 * (1 - kr) * cr;
      const double b = luma + 2 * (1 - kb) * cb;
      const double g = (luma - kr * r - kb * b) / (1 - kr - kb);
      for (const double v : {b, g, r}) {
        bgr.push_back(static_cast<std::uint8_t>(std::floor(std::clamp(v, 0.0, 1.0) * 255 + 0.5)));
      }
    }
  }
  return bgr;
}

NetworkManifest network(int width, int height) {
  NetworkManifest manifest;
  manifest.input_width = width;
  manifest.input_height = height;
  manifest.mean = {0.485F, 0.456F, 0.406F};
  manifest.std = {0.229F, 0.224F, 0.225F};
  return manifest;
}

gpu::InputTensor tensor_of(const NetworkManifest& m, void* values, gpu::Number number) {
  gpu::InputTensor tensor{values,
                          number,
                          m.input_width,
                          m.input_height,
                          m.rgb,
                          {},
                          {},
                          static_cast<float>(m.pad_value)};
  for (std::size_t c = 0; c < 3; ++c) {
    tensor.gain[c] = 1 / (255 * m.std[c]);
    tensor.offset[c] = -m.mean[c] / m.std[c];
  }
  return tensor;
}

class CudaLetterbox : public test::CudaTest {
 protected:
  /// Largest difference from the twin, in levels of 255, and the part of values that differ by more
  /// than a hundredth of one.
  struct Difference {
    double most = 0;
    double part = 0;
  };

  Difference compare(const std::vector<Case>& cases, const NetworkManifest& manifest,
                     gpu::Number number) {
    std::mt19937 random(7);
    std::vector<gpu::DeviceBuffer> held;
    std::vector<Planes> planes;
    std::vector<gpu::PictureBatch> batch(1);
    batch[0].count = static_cast<int>(cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const Case& c = cases[i];
      planes.push_back(draw(c, random));
      held.push_back(on_device(planes.back().bytes));
      gpu::Picture& p = batch[0].pictures[i];
      p.pixels = held.back().as<std::uint8_t>();
      p.chroma = p.pixels + planes.back().chroma;
      p.pitch = p.chroma_pitch = planes.back().pitch;
      p.width = c.width;
      p.height = c.height;
      p.format = c.format;
      p.bt709 = c.bt709;
      p.full_range = c.full_range;
      batch[0].mappings[i] = fit_frame(c.width, c.height, manifest.input_width,
                                       manifest.input_height, manifest.letterbox);
    }
    const gpu::DeviceBuffer device_batch = on_device(batch);
    const std::size_t size = std::size_t{3} * static_cast<std::size_t>(manifest.input_width) *
                             static_cast<std::size_t>(manifest.input_height);
    const bool half = number == gpu::Number::f16;
    const gpu::DeviceBuffer tensor(cases.size() * size * (half ? 2 : 4));
    poison(tensor);
    as_graph([&] {
      gpu::letterbox(device_batch.as<gpu::PictureBatch>(), gpu::PictureBatch::most,
                     tensor_of(manifest, tensor.data(), number), stream_.get());
    });
    const std::vector<float> got = numbers_on_host(tensor, half);

    Difference difference;
    std::size_t differ = 0;
    Letterbox twin(manifest);
    std::vector<float> wanted(size);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const Case& c = cases[i];
      std::vector<std::uint8_t> pixels = planes[i].bytes;
      Frame frame;
      frame.width = c.width;
      frame.height = c.height;
      frame.stride_bytes = planes[i].pitch;
      if (c.format == gpu::Picture::Format::nv12) {
        pixels = bgr_of_nv12(planes[i], c.width, c.height, c.bt709, c.full_range);
        frame.stride_bytes = std::ptrdiff_t{3} * c.width;
      }
      if (c.format == gpu::Picture::Format::gray8) frame.format = PixelFormat::gray8;
      frame.pixels = {std::shared_ptr<void>(), pixels.data()};
      twin.fill(frame, wanted);
      for (std::size_t k = 0; k < size; ++k) {
        const std::size_t plane = k / (size / 3);
        const double levels =
            std::abs(got[i * size + k] - wanted[k]) * manifest.std[plane] / kLevel;
        EXPECT_FALSE(std::isnan(levels)) << "picture " << i << ", value " << k;
        difference.most = std::max(difference.most, levels);
        // FP16 of a normalised value is exact to a quarter of a level.
        differ += levels > (half ? 0.3 : 0.01) ? 1 : 0;
      }
    }
    difference.part = double(differ) / double(cases.size() * size);
    return difference;
  }
};

using Format = gpu::Picture::Format;

/// The same levels; how a value is made of one may round otherwise.
constexpr double kSame = 0.001;

TEST_F(CudaLetterbox, ShrinksToTheSameLevels) {
  const std::vector<Case> cases = {{1408, 1408},
                                   {1280, 720},
                                   {640, 480, Format::gray8},
                                   {1283, 717, Format::gray8},
                                   {2000, 1000},
                                   {3000, 2},
                                   {3, 2500},
                                   {834, 1111}};
  EXPECT_LE(compare(cases, network(416, 416), gpu::Number::f32).most, kSame);
  EXPECT_LE(compare(cases, network(320, 192), gpu::Number::f32).most, kSame);
}

TEST_F(CudaLetterbox, TakesRowsThatBeginAnywhere) {
  const Difference d = compare({{1283, 717, Format::bgr8, false, false, true},
                                {1281, 719, Format::gray8, false, false, true},
                                {417, 5, Format::bgr8, false, false, true}},
                               network(416, 416), gpu::Number::f32);
  EXPECT_LE(d.most, kSame);
  const Difference nv12 =
      compare({{643, 487, Format::nv12, false, false, true}}, network(416, 416), gpu::Number::f32);
  EXPECT_LE(nv12.most, 1.01);
  EXPECT_LT(nv12.part, 1e-3);
}

TEST_F(CudaLetterbox, ShrinksToFewPixels) {
  // By 704, 352, 176: more than a block reads in one go.
  EXPECT_LE(compare({{1408, 1408}, {1408, 1, Format::gray8}, {1300, 900, Format::nv12}},
                    network(2, 2), gpu::Number::f32)
                .most,
            kSame);
  EXPECT_LE(compare({{1408, 1408}}, network(4, 4), gpu::Number::f32).most, kSame);
  EXPECT_LE(compare({{1408, 1408}}, network(8, 8), gpu::Number::f32).most, kSame);
}

TEST_F(CudaLetterbox, TakesNv12) {
  for (const bool bt709 : {false, true}) {
    for (const bool full_range : {false, true}) {
      const Difference d = compare({{1280, 720, Format::nv12, bt709, full_range},
                                    {641, 479, Format::nv12, bt709, full_range}},
                                   network(392, 392), gpu::Number::f32);
      // A pixel that lies between two levels may become either.
      EXPECT_LE(d.most, 1.01);
      EXPECT_LT(d.part, 1e-3);
    }
  }
}

TEST_F(CudaLetterbox, CopiesWhatFits) {
  const Difference d = compare({{416, 416}, {416, 234, Format::gray8}, {300, 416, Format::nv12}},
                               network(416, 416), gpu::Number::f32);
  EXPECT_LE(d.most, kSame);
}

TEST_F(CudaLetterbox, EnlargesAsTheProcessorDoes) {
  const Difference d =
      compare({{200, 150}, {1, 1}, {63, 640, Format::gray8}, {320, 3}, {201, 99, Format::nv12}},
              network(640, 640), gpu::Number::f32);
  // cv::resize() works in whole numbers of 11 bits.
  EXPECT_LE(d.most, 1.01);
  EXPECT_LT(d.part, 0.05);
}

TEST_F(CudaLetterbox, WritesHalves) {
  const Difference d =
      compare({{1280, 720}, {640, 480, Format::nv12}}, network(640, 640), gpu::Number::f16);
  // FP16 of a normalised value is exact to a quarter of a level.
  EXPECT_LE(d.most, 0.3);
}

TEST_F(CudaLetterbox, StretchesWhereAManifestSaysSo) {
  NetworkManifest manifest = network(300, 500);
  manifest.letterbox = false;
  manifest.rgb = false;
  const Difference d =
      compare({{1280, 720}, {640, 501}, {300, 900}, {1000, 500}}, manifest, gpu::Number::f32);
  EXPECT_LE(d.most, kSame);
}

TEST_F(CudaLetterbox, AGraphSeesOtherPictures) {
  const NetworkManifest manifest = network(64, 64);
  std::mt19937 random(9);
  const gpu::DeviceBuffer device_batch(sizeof(gpu::PictureBatch));
  const gpu::DeviceBuffer tensor(std::size_t{3} * 64 * 64 * sizeof(float));
  const gpu::GraphExec graph = gpu::capture(stream_.get(), [&] {
    gpu::letterbox(device_batch.as<gpu::PictureBatch>(), 1,
                   tensor_of(manifest, tensor.data(), gpu::Number::f32), stream_.get());
  });
  Letterbox twin(manifest);
  std::vector<float> wanted(std::size_t{3} * 64 * 64);
  for (const Case& c : {Case{333, 222}, Case{100, 300}, Case{64, 40}}) {
    const Planes planes = draw(c, random);
    const gpu::DeviceBuffer pixels = on_device(planes.bytes);
    std::vector<gpu::PictureBatch> batch(1);
    batch[0].count = 1;
    batch[0].pictures[0].pixels = pixels.as<std::uint8_t>();
    batch[0].pictures[0].pitch = planes.pitch;
    batch[0].pictures[0].width = c.width;
    batch[0].pictures[0].height = c.height;
    batch[0].mappings[0] = fit_frame(c.width, c.height, 64, 64, true);
    overwrite(device_batch, batch);
    run(graph);
    Frame frame;
    frame.width = c.width;
    frame.height = c.height;
    frame.stride_bytes = planes.pitch;
    frame.pixels = {std::shared_ptr<void>(), planes.bytes.data()};
    twin.fill(frame, wanted);
    EXPECT_THAT(on_host<float>(tensor), testing::Pointwise(testing::FloatNear(1e-4F), wanted));
  }
}

TEST_F(CudaLetterbox, LeavesTheRestOfTheTensor) {
  const NetworkManifest manifest = network(32, 32);
  std::vector<gpu::PictureBatch> batch(1);
  batch[0].count = 0;
  const gpu::DeviceBuffer device_batch = on_device(batch);
  const gpu::DeviceBuffer tensor(std::size_t{3} * 32 * 32 * 4);
  poison(tensor);
  as_graph([&] {
    gpu::letterbox(device_batch.as<gpu::PictureBatch>(), 1,
                   tensor_of(manifest, tensor.data(), gpu::Number::f32), stream_.get());
  });
  EXPECT_THAT(on_host<std::uint32_t>(tensor), testing::Each(0xffffffffU));
}

}  // namespace
}  // namespace lazarillo
