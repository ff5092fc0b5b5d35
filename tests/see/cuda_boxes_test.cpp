#include <cuda_fp16.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <random>

#include "cuda_support.h"
#include "see/cuda/kernels.h"
#include "see/decode.h"
#include "track/range.h"

namespace lazarillo {
namespace {

using gpu::Head;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// A detector's outputs as a network could give them.
struct Outputs {
  Head head = Head::joint;
  int anchors = 0, classes = 0, pictures = 1;
  std::vector<float> boxes, scores;
};

/// Boxes in clusters, so that many overlap; scores skewed to 0, with ties.
Outputs draw(Head head, int anchors, int classes, int pictures, std::uint32_t seed,
             double likely = 0.02) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> unit(0, 1);
  Outputs o{head, anchors, classes, pictures, {}, {}};
  const bool together = head == Head::ultralytics || head == Head::ultralytics_transposed;
  const int row = together ? 4 + classes : head == Head::end_to_end ? 6 : 4;
  o.boxes.resize(static_cast<std::size_t>(pictures) * anchors * row);
  if (!together && head != Head::end_to_end) {
    o.scores.resize(static_cast<std::size_t>(pictures) * anchors * classes);
  }
  for (int p = 0; p < pictures; ++p) {
    for (int a = 0; a < anchors; ++a) {
      const auto put = [&](int r, float v) {
        const std::size_t at = head == Head::ultralytics
                                   ? (static_cast<std::size_t>(p) * row + r) * anchors + a
                                   : (static_cast<std::size_t>(p) * anchors + a) * row + r;
        o.boxes[at] = v;
      };
      const float cx = 40 * std::floor(10 * unit(random)) + 8 * unit(random);
      const float cy = 40 * std::floor(10 * unit(random)) + 8 * unit(random);
      const float w = 20 + 30 * unit(random);
      const float h = 20 + 60 * unit(random);
      const bool corners = head == Head::joint || head == Head::end_to_end;
      put(0, corners ? cx - w / 2 : cx);
      put(1, corners ? cy - h / 2 : cy);
      put(2, corners ? cx + w / 2 : w);
      put(3, corners ? cy + h / 2 : h);
      const auto score = [&] {
        const float s =
            unit(random) < likely ? std::round(unit(random) * 50) / 50 : 0.01F * unit(random);
        return head == Head::detr ? std::log((s + 1e-4F) / (1 - s + 1e-4F)) : s;
      };
      if (head == Head::end_to_end) {
        put(4, score());
        put(5, std::floor(unit(random) * float(classes)));
      }
      for (int c = 0; c < classes && head != Head::end_to_end; ++c) {
        if (together) {
          put(4 + c, score());
        } else {
          o.scores[(static_cast<std::size_t>(p) * anchors + a) * classes + c] = score();
        }
      }
    }
  }
  return o;
}

/// The twin's answer for one picture.
std::vector<Candidate> on_processor(const Outputs& o, int picture, float threshold, float iou) {
  const auto slice = [&](const std::vector<float>& all) {
    const std::size_t size = all.size() / static_cast<std::size_t>(o.pictures);
    return std::span(all).subspan(static_cast<std::size_t>(picture) * size, size);
  };
  std::vector<Candidate> found;
  switch (o.head) {
    case Head::joint:
      decode_joint(slice(o.boxes), slice(o.scores), o.classes, threshold, found);
      break;
    case Head::detr:
      decode_detr(slice(o.scores), slice(o.boxes), o.classes, 1, 1, threshold, found);
      break;
    case Head::end_to_end:
      EXPECT_TRUE(decode_end_to_end(slice(o.boxes), o.classes, 1, 1, threshold, found));
      break;
    default:
      decode_ultralytics(slice(o.boxes), o.classes, o.head == Head::ultralytics_transposed, 1, 1,
                         threshold, found);
  }
  NmsLimits limits;
  limits.kept = gpu::FoundBoxes::most;
  if (o.head == Head::detr || o.head == Head::end_to_end) {
    keep_best(found, limits.kept);
  } else {
    suppress(found, iou, limits);
  }
  return found;
}

class CudaBoxes : public test::CudaTest {
 protected:
  std::vector<gpu::FoundBoxes> on_card(const Outputs& o, float threshold, float iou,
                                       bool half = false) {
    const auto upload = [&](const std::vector<float>& values) {
      if (!half) return on_device(values);
      std::vector<__half> halves;
      for (const float v : values) halves.push_back(__float2half(v));
      return on_device(halves);
    };
    const gpu::DeviceBuffer boxes = upload(o.boxes);
    const gpu::DeviceBuffer scores = o.scores.empty() ? gpu::DeviceBuffer() : upload(o.scores);
    gpu::DetectorOutput output{o.head,       half ? gpu::Number::f16 : gpu::Number::f32,
                               boxes.data(), scores.data(),
                               o.anchors,    o.classes,
                               o.pictures};
    const gpu::DeviceBuffer scratch(gpu::find_boxes_scratch(output));
    const gpu::DeviceBuffer found(static_cast<std::size_t>(o.pictures) * sizeof(gpu::FoundBoxes));
    poison(scratch);
    poison(found);
    const bool suppresses = o.head != Head::detr && o.head != Head::end_to_end;
    as_graph([&] {
      gpu::find_boxes(output, {threshold, iou, suppresses}, scratch.data(),
                      found.as<gpu::FoundBoxes>(), stream_.get());
    });
    return on_host<gpu::FoundBoxes>(found);
  }

  void expect_same(const Outputs& o, float threshold = 0.1F, float iou = 0.5F) {
    const std::vector<gpu::FoundBoxes> got = on_card(o, threshold, iou);
    for (int p = 0; p < o.pictures; ++p) {
      const std::vector<Candidate> wanted = on_processor(o, p, threshold, iou);
      const gpu::FoundBoxes& found = got[static_cast<std::size_t>(p)];
      EXPECT_EQ(found.not_finite, 0);
      ASSERT_EQ(found.count, static_cast<int>(wanted.size())) << "picture " << p;
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        const gpu::FoundBox& b = found.boxes[i];
        EXPECT_EQ(b.anchor, wanted[i].anchor) << i;
        EXPECT_EQ(b.class_id, wanted[i].class_id) << i;
        EXPECT_EQ(b.picture, p);
        EXPECT_NEAR(b.score, wanted[i].score, 1e-6);
        EXPECT_FLOAT_EQ(b.x1, wanted[i].box.x1);
        EXPECT_FLOAT_EQ(b.y2, wanted[i].box.y2);
        EXPECT_EQ(b.depth, 0);
      }
    }
  }
};

TEST_F(CudaBoxes, JointAsOnTheProcessor) { expect_same(draw(Head::joint, 3598, 81, 3, 1)); }
TEST_F(CudaBoxes, UltralyticsAsOnTheProcessor) {
  expect_same(draw(Head::ultralytics, 8400, 80, 2, 2));
  expect_same(draw(Head::ultralytics_transposed, 8400, 80, 2, 3));
}
TEST_F(CudaBoxes, DetrAndEndToEndAsOnTheProcessor) {
  expect_same(draw(Head::detr, 300, 80, 2, 4), 0.3F);
  expect_same(draw(Head::end_to_end, 300, 80, 2, 5, 0.5));
}
TEST_F(CudaBoxes, MoreCandidatesThanCanBeSorted) {
  expect_same(draw(Head::joint, 33600, 4, 2, 6, 0.9));
  expect_same(draw(Head::ultralytics, 33600, 2, 1, 7, 0.9), 0.001F, 0.3F);
}
TEST_F(CudaBoxes, AroundTheNumberThatIsSorted) {
  for (const int anchors : {1, 2, 3, 31, 127, 128, 129, 255, 256, 257, 4095, 4096, 4097}) {
    expect_same(draw(Head::joint, anchors, 3, 1, 8, 1.0), 0.0F);
  }
}
TEST_F(CudaBoxes, NothingFound) {
  expect_same(draw(Head::joint, 3598, 81, 2, 9, 0));
  EXPECT_EQ(on_card(draw(Head::joint, 3598, 81, 1, 9, 0), 0.1F, 0.5F)[0].count, 0);
}
TEST_F(CudaBoxes, AllBoxesTheSame) {
  Outputs o = draw(Head::joint, 500, 3, 1, 10, 1.0);
  for (std::size_t i = 0; i < o.boxes.size(); ++i) o.boxes[i] = float(10 + 50 * (i % 4 / 2));
  std::fill(o.scores.begin(), o.scores.end(), 0.5F);
  expect_same(o);
}
TEST_F(CudaBoxes, ThousandsOfEqualScores) {
  // Which are the best 3000 (200) is a matter of their anchors alone.
  for (const Head head : {Head::joint, Head::detr, Head::end_to_end}) {
    Outputs o = draw(head, 20000, 2, 1, 13, 1.0);
    std::fill(o.scores.begin(), o.scores.end(), 0.5F);
    for (std::size_t i = 4; head == Head::end_to_end && i < o.boxes.size(); i += 6)
      o.boxes[i] = 0.5F;
    expect_same(o);
  }
}
TEST_F(CudaBoxes, ScoresOfBothSigns) {
  for (const int anchors : {200, 9000}) {
    Outputs o = draw(Head::joint, anchors, 2, 1, 14, 1.0);
    for (std::size_t i = 0; i < o.scores.size(); ++i) {
      o.scores[i] = i % 3 == 0 ? -o.scores[i] : i % 3 == 1 ? -0.0F : 0.0F;
    }
    expect_same(o, -0.7F);
  }
}
TEST_F(CudaBoxes, AClassThatIsNone) {
  Outputs o = draw(Head::end_to_end, 300, 80, 1, 15, 1.0);
  for (std::size_t i = 0; i < 300; i += 2) o.boxes[i * 6 + 5] = i % 4 == 0 ? 80.0F : -1.0F;
  const auto got = on_card(o, 0.0F, 0.5F);
  for (std::size_t i = 0; i < 300; i += 2) o.boxes[i * 6 + 4] = -1;  // below the threshold
  const auto wanted = on_processor(o, 0, 0.0F, 0.5F);
  ASSERT_EQ(got[0].count, static_cast<int>(wanted.size()));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(got[0].boxes[i].anchor, wanted[i].anchor);
  }
}
TEST_F(CudaBoxes, AGraphSeesOtherOutputs) {
  const std::vector<Outputs> all = {draw(Head::joint, 9000, 3, 1, 16, 0.9),
                                    draw(Head::joint, 9000, 3, 1, 17, 0.001),
                                    draw(Head::joint, 9000, 3, 1, 18, 0.1)};
  const gpu::DeviceBuffer boxes(all[0].boxes.size() * sizeof(float));
  const gpu::DeviceBuffer scores(all[0].scores.size() * sizeof(float));
  const gpu::DetectorOutput output{
      Head::joint, gpu::Number::f32, boxes.data(), scores.data(), 9000, 3};
  const gpu::DeviceBuffer scratch(gpu::find_boxes_scratch(output));
  const gpu::DeviceBuffer found(sizeof(gpu::FoundBoxes));
  const gpu::GraphExec graph = gpu::capture(stream_.get(), [&] {
    gpu::find_boxes(output, {}, scratch.data(), found.as<gpu::FoundBoxes>(), stream_.get());
  });
  for (const Outputs& o : all) {
    overwrite(boxes, o.boxes);
    overwrite(scores, o.scores);
    run(graph);
    const auto got = on_host<gpu::FoundBoxes>(found);
    const auto wanted = on_processor(o, 0, 0.1F, 0.5F);
    ASSERT_EQ(got[0].count, static_cast<int>(wanted.size()));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ(got[0].boxes[i].anchor, wanted[i].anchor);
    }
  }
}
TEST_F(CudaBoxes, SaysWhatIsNotFinite) {
  for (const float bad : {kNan, std::numeric_limits<float>::infinity()}) {
    for (const Head head : {Head::joint, Head::ultralytics, Head::ultralytics_transposed,
                            Head::detr, Head::end_to_end}) {
      Outputs o = draw(head, 300, 7, 2, 11);
      o.boxes[o.boxes.size() / 2 + 77] = bad;  // of the second picture
      const auto found = on_card(o, 0.1F, 0.5F);
      EXPECT_EQ(found[0].not_finite, 0);
      EXPECT_EQ(found[1].not_finite, 1);
      if (o.scores.empty()) continue;
      o = draw(head, 300, 7, 2, 11);
      o.scores[5] = bad;
      EXPECT_EQ(on_card(o, 0.1F, 0.5F)[0].not_finite, 1);
    }
  }
}
TEST_F(CudaBoxes, ReadsHalves) {
  Outputs o = draw(Head::joint, 3598, 81, 1, 12);
  for (auto* values : {&o.boxes, &o.scores}) {
    for (float& v : *values) v = __half2float(__float2half(v));
  }
  const auto got = on_card(o, 0.1F, 0.5F, true);
  const auto wanted = on_processor(o, 0, 0.1F, 0.5F);
  ASSERT_EQ(got[0].count, static_cast<int>(wanted.size()));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(got[0].boxes[i].anchor, wanted[i].anchor);
  }
}

class CudaDepth : public test::CudaTest {
 protected:
  /// The same boxes measured on the card and by range_from_depth().
  void expect_same(int width, int height, const LetterboxMapping& detector,
                   const LetterboxMapping& depth_input, bool with_sigma, bool holes,
                   std::uint32_t seed, bool coarse = false) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> unit(0, 1);
    const std::size_t cells = static_cast<std::size_t>(width) * height;
    std::vector<float> depth(cells);
    std::vector<float> sigma(cells);
    for (std::size_t i = 0; i < cells; ++i) {
      const bool near = (i / 17 + i / static_cast<std::size_t>(width) / 9) % 3 == 0;
      depth[i] = (near ? 2.0F : 6.0F) * (1 + 0.1F * unit(random));
      if (holes && unit(random) < 0.3F) depth[i] = unit(random) < 0.5F ? 0.0F : -1.0F;
      sigma[i] = 0.05F + 0.2F * unit(random);
      // Many are equal, and many intervals equally short.
      if (coarse) depth[i] = std::round(depth[i] * 8) / 8;
      if (coarse) sigma[i] = std::round(sigma[i] * 50) / 50;
    }
    std::vector<gpu::PictureBatch> batches(2);
    batches[0].mappings[0] = detector;
    batches[1].mappings[0] = depth_input;
    batches[0].count = batches[1].count = 1;
    std::vector<gpu::FoundBoxes> found(1);
    found[0].count = 60;
    for (int i = 0; i < found[0].count; ++i) {
      const float x = -50 + float(detector.input_width + 100) * unit(random);
      const float y = -50 + float(detector.input_height + 100) * unit(random);
      const float w = std::exp(7 * unit(random));
      const float h = std::exp(7 * unit(random));
      found[0].boxes[static_cast<std::size_t>(i)] = {x, y, x + w, y + h, 0.5F, 0, 0, i, 0, 0};
    }
    const gpu::DeviceBuffer device_batches = on_device(batches);
    const gpu::DeviceBuffer device_found = on_device(found);
    const gpu::DeviceBuffer device_depth = on_device(depth);
    const gpu::DeviceBuffer device_sigma = on_device(sigma);
    const auto* both = device_batches.as<gpu::PictureBatch>();
    as_graph([&] {
      gpu::measure_boxes(both, both + 1, 1,
                         {device_depth.data(), with_sigma ? device_sigma.data() : nullptr,
                          gpu::Number::f32, width, height},
                         device_found.as<gpu::FoundBoxes>(), stream_.get());
    });
    const auto got = on_host<gpu::FoundBoxes>(device_found);

    MetricDepth map;
    map.depth_m = depth_input.grid(width, height);
    map.depth_m.values = depth;
    if (with_sigma) map.sigma_relative = sigma;
    for (int i = 0; i < found[0].count; ++i) {
      const gpu::FoundBox& b = got[0].boxes[static_cast<std::size_t>(i)];
      const Box box = clipped(detector.to_frame({b.x1, b.y1, b.x2, b.y2}), detector.frame_width,
                              detector.frame_height);
      if (!(box.width() > 0 && box.height() > 0)) continue;  // is no detection
      const auto wanted = range_from_depth(map, box);
      ASSERT_EQ(b.depth > 0, wanted.has_value()) << i;
      if (!wanted) continue;
      EXPECT_NEAR(b.depth, wanted->depth_m, 1e-6 * wanted->depth_m) << i;
      EXPECT_NEAR(b.depth_sigma, wanted->sigma_relative, 1e-6) << i;
    }
    EXPECT_EQ(got[0].not_finite, 0);
  }
};

TEST_F(CudaDepth, JointMap) {
  const LetterboxMapping m = fit_frame(1280, 720, 416, 416, true);
  expect_same(104, 104, m, m, true, false, 1);
  expect_same(104, 104, m, m, true, true, 2);
}
TEST_F(CudaDepth, MapOfAnotherNetwork) {
  expect_same(392, 392, fit_frame(720, 1280, 640, 640, true), fit_frame(720, 1280, 392, 392, true),
              false, true, 3);
  expect_same(392, 392, fit_frame(1408, 1408, 640, 640, true),
              fit_frame(1408, 1408, 392, 392, true), true, false, 4);
}
TEST_F(CudaDepth, MapOfFewValues) {
  const LetterboxMapping m = fit_frame(641, 479, 416, 416, true);
  expect_same(104, 104, m, m, true, true, 7, true);
  expect_same(392, 392, m, m, true, false, 8, true);
}
TEST_F(CudaDepth, SmallestMap) {
  const LetterboxMapping m = fit_frame(64, 48, 32, 32, true);
  expect_same(1, 1, m, m, true, false, 5);
  expect_same(3, 3, m, m, false, true, 6);
}
TEST_F(CudaDepth, PicturesOfSeveralCamerasEachByItsOwnMap) {
  // Other sizes, and so another place in the map; each box in each picture.
  const std::array<LetterboxMapping, 3> places{fit_frame(1408, 1408, 416, 416, true),
                                               fit_frame(640, 480, 416, 416, true),
                                               fit_frame(480, 640, 416, 416, true)};
  constexpr int kSide = 104;
  constexpr std::size_t kCells = std::size_t{kSide} * kSide;
  std::mt19937 random(11);
  std::uniform_real_distribution<float> unit(0, 1);
  std::vector<float> depth(3 * kCells);
  std::vector<float> sigma(3 * kCells);
  for (std::size_t i = 0; i < depth.size(); ++i) {
    depth[i] = float(1 + 4 * (i / kCells)) * (1 + 0.2F * unit(random));
    sigma[i] = 0.05F + 0.1F * unit(random);
  }
  std::vector<gpu::PictureBatch> batch(1);
  batch[0].count = 3;
  std::vector<gpu::FoundBoxes> found(3);
  for (std::size_t p = 0; p < 3; ++p) {
    batch[0].mappings[p] = places[p];
    found[p].count = 20 + static_cast<int>(p);
    for (int i = 0; i < found[p].count; ++i) {
      const float x = 30 + 300 * unit(random);
      const float y = 30 + 300 * unit(random);
      found[p].boxes[static_cast<std::size_t>(i)] = {
          x, y, x + 60, y + 80, 0.5F, 0, static_cast<std::int16_t>(p), i, 0, 0};
    }
  }
  const gpu::DeviceBuffer device_batch = on_device(batch);
  const gpu::DeviceBuffer device_found = on_device(found);
  const gpu::DeviceBuffer device_depth = on_device(depth);
  const gpu::DeviceBuffer device_sigma = on_device(sigma);
  as_graph([&] {
    gpu::measure_boxes(device_batch.as<gpu::PictureBatch>(), device_batch.as<gpu::PictureBatch>(),
                       3,
                       {device_depth.data(), device_sigma.data(), gpu::Number::f32, kSide, kSide},
                       device_found.as<gpu::FoundBoxes>(), stream_.get());
  });
  const auto got = on_host<gpu::FoundBoxes>(device_found);
  for (std::size_t p = 0; p < 3; ++p) {
    MetricDepth map;
    map.depth_m = places[p].grid(kSide, kSide);
    map.depth_m.values.assign(depth.begin() + static_cast<std::ptrdiff_t>(p * kCells),
                              depth.begin() + static_cast<std::ptrdiff_t>((p + 1) * kCells));
    map.sigma_relative.assign(sigma.begin() + static_cast<std::ptrdiff_t>(p * kCells),
                              sigma.begin() + static_cast<std::ptrdiff_t>((p + 1) * kCells));
    for (int i = 0; i < found[p].count; ++i) {
      const gpu::FoundBox& b = got[p].boxes[static_cast<std::size_t>(i)];
      const Box box = clipped(places[p].to_frame({b.x1, b.y1, b.x2, b.y2}), places[p].frame_width,
                              places[p].frame_height);
      if (!(box.width() > 0 && box.height() > 0)) continue;
      const auto wanted = range_from_depth(map, box);
      ASSERT_EQ(b.depth > 0, wanted.has_value()) << p << ", " << i;
      if (!wanted) continue;
      EXPECT_NEAR(b.depth, wanted->depth_m, 1e-6 * wanted->depth_m) << p << ", " << i;
      EXPECT_NEAR(b.depth_sigma, wanted->sigma_relative, 1e-6) << p << ", " << i;
    }
  }
}

TEST_F(CudaDepth, SaysWhatIsNotFinite) {
  const LetterboxMapping m = fit_frame(640, 480, 416, 416, true);
  std::vector<gpu::PictureBatch> batch(1);
  batch[0].count = 2;
  batch[0].mappings[0] = batch[0].mappings[1] = m;
  std::vector<float> depth(std::size_t{2} * 104 * 104, 3.0F);
  depth[104 * 104 + 5000] = kNan;
  std::vector<gpu::FoundBoxes> found(2);
  const gpu::DeviceBuffer device_batch = on_device(batch);
  const gpu::DeviceBuffer device_depth = on_device(depth);
  const gpu::DeviceBuffer device_found = on_device(found);
  gpu::measure_boxes(device_batch.as<gpu::PictureBatch>(), device_batch.as<gpu::PictureBatch>(), 2,
                     {device_depth.data(), nullptr, gpu::Number::f32, 104, 104},
                     device_found.as<gpu::FoundBoxes>(), stream_.get());
  const auto got = on_host<gpu::FoundBoxes>(device_found);
  EXPECT_EQ(got[0].depth_not_finite, 0);
  EXPECT_EQ(got[1].depth_not_finite, 1);
  EXPECT_EQ(got[1].not_finite, 0);
}

class CudaMaps : public test::CudaTest {
 protected:
  /// Two pictures' maps, sampled by the card and cell by cell here.
  void expect_same(bool half, bool with_sigma, int size, int cells) {
    constexpr int kPictures = 2;
    const std::size_t all = static_cast<std::size_t>(kPictures) * cells * cells;
    std::vector<float> depth(all);
    std::vector<float> sigma(all);
    for (std::size_t i = 0; i < all; ++i) {
      depth[i] = __half2float(__float2half(0.3F + 0.001F * static_cast<float>(i % 9973)));
      sigma[i] = __half2float(__float2half(0.01F + 0.0015F * static_cast<float>(i % 977)));
    }
    std::vector<MapSample> samples{sample_of(fit_frame(1280, 720, size, size, true), cells, cells),
                                   sample_of(fit_frame(480, 640, size, size, true), cells, cells)};
    const int most = std::max(samples[0].cells(), samples[1].cells());
    const auto upload = [&](const std::vector<float>& values) {
      if (!half) return on_device(values);
      std::vector<__half> halves;
      for (const float v : values) halves.push_back(__float2half(v));
      return on_device(halves);
    };
    const gpu::DeviceBuffer device_depth = upload(depth);
    const gpu::DeviceBuffer device_sigma = upload(sigma);
    const gpu::DeviceBuffer device_samples = on_device(samples);
    const gpu::DeviceBuffer to(gpu::SampledMaps{nullptr, kPictures, most}.bytes());
    poison(to);
    as_graph([&] {
      gpu::sample_maps(device_samples.as<MapSample>(),
                       {device_depth.data(), with_sigma ? device_sigma.data() : nullptr,
                        half ? gpu::Number::f16 : gpu::Number::f32, cells, cells},
                       {to.data(), kPictures, most}, stream_.get());
    });
    auto bytes = on_host<std::uint8_t>(to);
    const gpu::SampledMaps got{bytes.data(), kPictures, most};
    for (std::size_t picture = 0; picture < kPictures; ++picture) {
      const MapSample& s = samples[picture];
      for (int row = 0; row < s.rows; ++row) {
        for (int column = 0; column < s.columns; ++column) {
          const std::size_t from =
              (picture * cells + static_cast<std::size_t>(s.top + row * s.step)) * cells +
              static_cast<std::size_t>(s.left + column * s.step);
          const std::size_t at = picture * static_cast<std::size_t>(most) +
                                 static_cast<std::size_t>(row * s.columns + column);
          ASSERT_EQ(__half2float(got.depth()[at]), depth[from])
              << picture << ": " << column << ", " << row;
          if (!with_sigma) continue;
          ASSERT_NEAR(gpu::SampledMaps::sigma_of(got.sigma()[at]), std::min(sigma[from], 1.275F),
                      0.00251)
              << picture << ": " << column << ", " << row;
        }
      }
    }
  }
};

TEST_F(CudaMaps, JointMapWhole) { expect_same(true, true, 416, 104); }
TEST_F(CudaMaps, LargeMapSampled) { expect_same(false, false, 392, 392); }
TEST_F(CudaMaps, FloatsWithSigma) { expect_same(false, true, 416, 104); }

}  // namespace
}  // namespace lazarillo
