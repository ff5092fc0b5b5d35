#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <tuple>

#include "cuda_support.h"
#include "infer/model_set.h"
#include "planes.h"
#include "see/letterbox.h"

namespace lazarillo {
namespace {

using test::Case;
using test::Planes;

constexpr float kLevel = 1.0F / 255;

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
  struct Difference {
    double most = 0;   ///< from the twin, in levels of 255
    double part = 0;   ///< of values that are further from it than `tolerance`
    double wrong = 0;  ///< the most from the exact average's level, where that is no half
  };
  // How a value is made of a level may round otherwise; FP16 of a normalised value is exact to a
  // quarter of a level.
  static double tolerance(gpu::Number number) { return number == gpu::Number::f16 ? 0.3 : 0.01; }

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
        pixels = test::bgr_of_nv12(planes[i], c);
        frame.stride_bytes = std::ptrdiff_t{3} * c.width;
      }
      if (c.format == gpu::Picture::Format::gray8) frame.format = PixelFormat::gray8;
      frame.pixels = {std::shared_ptr<void>(), pixels.data()};
      const LetterboxMapping m = twin.fill(frame, wanted);
      const bool smaller = m.content_width <= c.width && m.content_height <= c.height;
      const std::span<const float> values(got.data() + i * size, size);
      if (smaller) {
        difference.wrong = std::max(difference.wrong, wrong(planes[i], c, m, manifest, values));
      }
      // The twin converts NV12 before it averages.
      if (smaller && c.format == gpu::Picture::Format::nv12) continue;
      for (std::size_t k = 0; k < size; ++k) {
        const double levels =
            std::abs(values[k] - wanted[k]) * manifest.std[k / (size / 3)] / kLevel;
        EXPECT_FALSE(std::isnan(levels)) << "picture " << i << ", value " << k;
        difference.most = std::max(difference.most, levels);
        differ += levels > tolerance(number) ? 1 : 0;
      }
    }
    difference.part = double(differ) / double(cases.size() * size);
    return difference;
  }

 private:
  /// The most that levels are from those of exact averages; half a level off is either's.
  static double wrong(const Planes& planes, const Case& c, const LetterboxMapping& m,
                      const NetworkManifest& manifest, std::span<const float> values) {
    double most = 0;
    const std::size_t plane = values.size() / 3;
    for (int y = 0; y < m.content_height; ++y) {
      for (int x = 0; x < m.content_width; ++x) {
        const std::array<double, 3> exact = test::average(planes, c, m, x, y);
        for (std::size_t k = 0; k < 3; ++k) {
          const double wanted = exact[manifest.rgb ? 2 - k : k];
          const std::size_t at = static_cast<std::size_t>(m.offset_y + y) * m.input_width +
                                 static_cast<std::size_t>(m.offset_x + x);
          const double level =
              (double(values[k * plane + at]) * manifest.std[k] + manifest.mean[k]) * 255;
          // A level of FP32 is whole to a thousandth.
          const double near = std::abs(wanted - std::floor(wanted) - 0.5) < 1e-3
                                  ? std::abs(level - wanted) - 0.5
                                  : std::abs(level - std::floor(wanted + 0.5));
          EXPECT_FALSE(std::isnan(level));
          most = std::max(most, near);
        }
      }
    }
    return most;
  }
};

using Format = gpu::Picture::Format;

/// How a value is made of a level may round otherwise.
constexpr double kSame = 0.003;

TEST_F(CudaLetterbox, ShrinksToTheSameLevels) {
  const std::vector<Case> cases = {{1408, 1408},
                                   {1280, 720},
                                   {640, 480, Format::gray8},
                                   {1283, 717, Format::gray8},
                                   {2000, 1000},
                                   {3000, 2},
                                   {3, 2500},
                                   {834, 1111}};
  for (const auto& [width, height] : {std::pair{416, 416}, {320, 192}}) {
    const Difference d = compare(cases, network(width, height), gpu::Number::f32);
    EXPECT_LE(d.wrong, kSame);
    EXPECT_LE(d.most, 1 + kSame);  // the processor rounds weights: of a half it may take the lower
    EXPECT_LT(d.part, 0.02);
  }
}

TEST_F(CudaLetterbox, TakesRowsThatBeginAnywhere) {
  const Difference d = compare({{1283, 717, Format::bgr8, false, false, true},
                                {1281, 719, Format::gray8, false, false, true},
                                {417, 5, Format::bgr8, false, false, true},
                                {643, 487, Format::nv12, false, false, true},
                                {2503, 1407, Format::bgr8, false, false, true},
                                {2501, 1409, Format::nv12, false, false, true},
                                {5003, 37, Format::gray8, false, false, true},
                                {5001, 33, Format::nv12, false, false, true}},
                               network(416, 416), gpu::Number::f32);
  EXPECT_LE(d.wrong, kSame);
}

TEST_F(CudaLetterbox, ShrinksToFewPixels) {
  // By 704, 352, 176.
  for (const int side : {2, 4, 8}) {
    const Difference d =
        compare({{1408, 1408}, {1408, 1, Format::gray8}, {1300, 900, Format::nv12}},
                network(side, side), gpu::Number::f32);
    EXPECT_LE(d.wrong, kSame);
  }
}

TEST_F(CudaLetterbox, SumsWhatIsMoreThan32Bits) {
  // 255 times the pixels of the first is beyond 2^32; of the second it is the most below.
  const Difference d = compare({{5000, 3500, Format::gray8}, {4096, 4096, Format::gray8}},
                               network(640, 640), gpu::Number::f32);
  EXPECT_LE(d.wrong, kSame);
}

TEST_F(CudaLetterbox, TakesNv12) {
  for (const bool bt709 : {false, true}) {
    for (const bool full_range : {false, true}) {
      const Difference d = compare({{1280, 720, Format::nv12, bt709, full_range},
                                    {641, 479, Format::nv12, bt709, full_range},
                                    {1409, 1407, Format::nv12, bt709, full_range}},
                                   network(392, 392), gpu::Number::f32);
      EXPECT_LE(d.wrong, kSame);
    }
  }
}

TEST_F(CudaLetterbox, CopiesWhatFits) {
  const Difference d = compare({{416, 416}, {416, 234, Format::gray8}, {300, 416, Format::nv12}},
                               network(416, 416), gpu::Number::f32);
  EXPECT_LE(d.most, kSame);
  EXPECT_LE(d.wrong, kSame);
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
  EXPECT_LE(d.wrong, tolerance(gpu::Number::f16));
}

TEST_F(CudaLetterbox, StretchesWhereAManifestSaysSo) {
  NetworkManifest manifest = network(300, 500);
  manifest.letterbox = false;
  manifest.rgb = false;
  const Difference d =
      compare({{1280, 720}, {640, 501}, {300, 900}, {1000, 500}}, manifest, gpu::Number::f32);
  EXPECT_LE(d.wrong, kSame);
  EXPECT_LE(d.most, 1 + kSame);
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
    const float level = kLevel / manifest.std[1];  // the same but for halves
    EXPECT_THAT(on_host<float>(tensor),
                testing::Pointwise(testing::FloatNear(1.01F * level), wanted));
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
