// How fast the kernels around the networks are, against what the card's memory allows.
//   kernels_bench [--json FILE] [--replays N]
// Each row: median of many replays of a CUDA graph, over inputs that take turns and are together
// larger than the card's cache. `bytes` is what must be moved at least: each input read once, each
// output written once. `of copy`: the part of a plain copy's bandwidth, measured in the same run,
// that this is.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numbers>
#include <random>
#include <vector>

#include "clock.h"
#include "error.h"
#include "gpu/memory.h"
#include "see/cuda/kernels.h"
#include "see/cuda/motion.h"
#include "see/decode.h"
#include "see/rectify.h"

namespace {

using namespace lazarillo;
using nlohmann::ordered_json;

int replays = 60;  // one is enough for a profiler
constexpr std::size_t kBeyondCache = std::size_t{256} << 20;

/// Median microseconds of one of `turns` calls that a graph makes one after the other.
double median_us(int turns, const std::function<void(int, cudaStream_t)>& queue) {
  const gpu::Stream stream = gpu::make_stream(true);
  const gpu::GraphExec graph = gpu::capture(stream.get(), [&] {
    for (int i = 0; i < turns; ++i) queue(i, stream.get());
  });
  const gpu::Event begin = gpu::make_event(true);
  const gpu::Event end = gpu::make_event(true);
  std::vector<double> times;
  for (int i = 0; i < replays + 5; ++i) {
    gpu::check(cudaEventRecord(begin.get(), stream.get()), "timing");
    gpu::check(cudaGraphLaunch(graph.get(), stream.get()), "launching");
    gpu::check(cudaEventRecord(end.get(), stream.get()), "timing");
    gpu::check(cudaEventSynchronize(end.get()), "waiting");
    float ms = 0;
    gpu::check(cudaEventElapsedTime(&ms, begin.get(), end.get()), "timing");
    if (i >= 5) times.push_back(1000.0 * double(ms) / turns);
  }
  std::nth_element(times.begin(), times.begin() + replays / 2, times.end());
  return times[replays / 2];
}

gpu::DeviceBuffer random_bytes(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::uint32_t> words(count / 4 + 1);
  for (auto& w : words) w = random();
  gpu::DeviceBuffer buffer(words.size() * 4);
  gpu::check(cudaMemcpy(buffer.data(), words.data(), buffer.bytes(), cudaMemcpyHostToDevice),
             "filling");
  return buffer;
}

struct Table {
  double copy_gbs = 0;
  ordered_json rows = ordered_json::array();

  void row(const std::string& kernel, const std::string& what, double us, double bytes) {
    const double gbs = bytes / us / 1e3;
    std::printf("%-12s %-46s %9.1f us %9.2f MB %8.0f GB/s %6.0f %% of copy\n", kernel.c_str(),
                what.c_str(), us, bytes / 1e6, gbs, copy_gbs > 0 ? 100 * gbs / copy_gbs : 100.0);
    rows.push_back({{"kernel", kernel},
                    {"case", what},
                    {"us", us},
                    {"bytes", bytes},
                    {"gb_s", gbs},
                    {"of_copy", copy_gbs > 0 ? gbs / copy_gbs : 1.0}});
  }
};

void copies(Table& table) {
  const std::size_t size = std::size_t{512} << 20;
  const gpu::DeviceBuffer from = random_bytes(size, 1);
  const gpu::DeviceBuffer to(size);
  const double us = median_us(1, [&](int, cudaStream_t stream) {
    cudaMemcpyAsync(to.data(), from.data(), size, cudaMemcpyDeviceToDevice, stream);
  });
  table.row("copy", "512 MiB, device to device", us, 2.0 * double(size));
  table.copy_gbs = 2.0 * double(size) / us / 1e3;
}

using Format = gpu::Picture::Format;

/// `bent`: as a fisheye lens of 180 degrees sees them, straightened to 110.
void letterboxes(Table& table, int pictures, int width, int height, Format format, int side,
                 gpu::Number number, bool bent = false) {
  const std::size_t row = static_cast<std::size_t>(width) * (format == Format::bgr8 ? 3 : 1);
  const std::size_t pitch = (row + 255) / 256 * 256;
  const std::size_t luma = pitch * static_cast<std::size_t>(height);
  const std::size_t size = format == Format::nv12 ? luma * 3 / 2 : luma;
  const std::size_t read = format == Format::nv12 ? row * static_cast<std::size_t>(height) * 3 / 2
                                                  : row * static_cast<std::size_t>(height);
  const auto many = static_cast<std::size_t>(pictures);
  const int turns = std::max(2, static_cast<int>(kBeyondCache / (size * many)));
  std::vector<gpu::DeviceBuffer> held;
  std::vector<gpu::PictureBatch> batches(static_cast<std::size_t>(turns));
  const LetterboxMapping mapping = fit_frame(width, height, side, side, true);
  RectifyMap map;
  if (bent) {
    Frame frame;
    frame.intrinsics = Intrinsics::from_hfov(110, width, height);
    Intrinsics camera = frame.intrinsics;
    camera.fx = camera.fy = width / std::numbers::pi;
    frame.lens = std::make_shared<const Lens>(camera, KannalaBrandt{});
    map = rectify_map(frame, mapping);
  }
  const gpu::DeviceBuffer corners(std::max<std::size_t>(map.corners.size() * sizeof(float), 8));
  if (bent) {
    gpu::check(
        cudaMemcpy(corners.data(), map.corners.data(), corners.bytes(), cudaMemcpyHostToDevice),
        "filling");
  }
  for (gpu::PictureBatch& batch : batches) {
    held.push_back(random_bytes(size * many, static_cast<std::uint32_t>(held.size()) + 1));
    batch.count = pictures;
    for (std::size_t p = 0; p < many; ++p) {
      gpu::Picture& picture = batch.pictures[p];
      picture.pixels = held.back().as<std::uint8_t>() + p * size;
      picture.chroma = picture.pixels + luma;
      picture.pitch = picture.chroma_pitch = static_cast<int>(pitch);
      picture.width = width;
      picture.height = height;
      picture.format = format;
      batch.mappings[p] = mapping;
      batch.corners[p] = bent ? corners.as<float>() : nullptr;
    }
  }
  const gpu::DeviceBuffer device_batches(batches.size() * sizeof(gpu::PictureBatch));
  gpu::check(cudaMemcpy(device_batches.data(), batches.data(), device_batches.bytes(),
                        cudaMemcpyHostToDevice),
             "filling");
  const std::size_t values =
      many * 3 * static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
  const std::size_t written = values * (number == gpu::Number::f16 ? 2 : 4);
  const gpu::DeviceBuffer tensor(written);
  gpu::InputTensor input{tensor.data(), number, side, side, true, {1, 1, 1}, {0, 0, 0}, 114};
  const double us = median_us(turns, [&](int turn, cudaStream_t stream) {
    gpu::letterbox(device_batches.as<gpu::PictureBatch>() + turn, pictures, input, stream);
    if (bent) {
      gpu::rectify(device_batches.as<gpu::PictureBatch>() + turn, pictures, input, stream);
    }
  });
  const char* name = format == Format::bgr8 ? "BGR" : format == Format::nv12 ? "NV12" : "grey";
  char what[80];
  std::snprintf(what, sizeof what, "%d x %dx%d %s to %d, %s", pictures, width, height, name, side,
                number == gpu::Number::f16 ? "FP16" : "FP32");
  table.row(bent ? "rectify" : "letterbox", what, us,
            double(read * many + written + map.corners.size() * sizeof(float) * many));
}

void motions(Table& table, int width, int height) {
  const auto size = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  const gpu::DeviceBuffer luma = random_bytes(size, 5);
  const gpu::DeviceBuffer reference(gpu::kSmallPictureValues * sizeof(float));
  const gpu::DeviceBuffer small(gpu::kSmallPictureValues * sizeof(float));
  const gpu::DeviceBuffer scratch(gpu::kMotionScratchValues * sizeof(float));
  const gpu::DeviceBuffer found(sizeof(gpu::MotionFound));
  const auto reduce = [&](const gpu::DeviceBuffer& to, int row, cudaStream_t stream) {
    gpu::reduce_luma({luma.as<std::uint8_t>() + row * width, width, width, height - row, true},
                     to.as<float>(), stream);
  };
  const double reduced =
      median_us(10, [&](int, cudaStream_t stream) { reduce(reference, 0, stream); });
  const std::string what = std::to_string(width) + "x" + std::to_string(height);
  const double samples = double(SmallPicture::width) * SmallPicture::height *
                         samples_along(width, SmallPicture::width) *
                         samples_along(height, SmallPicture::height);
  table.row("reduce_luma", what, reduced, samples + 4.0 * gpu::kSmallPictureValues);
  // The same picture some rows further down.
  const double measured = median_us(10, [&](int, cudaStream_t stream) {
    reduce(small, 8, stream);
    gpu::measure_motion(reference.as<float>(), small.as<float>(), 1, scratch.as<float>(),
                        found.as<gpu::MotionFound>(), stream);
  });
  table.row("motion", what + ", reduced and measured", measured,
            samples + 12.0 * gpu::kSmallPictureValues);
}

void boxes(Table& table, gpu::Head head, int anchors, int classes, int candidates,
           const char* name) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> unit(0, 1);
  const bool joint = head == gpu::Head::joint;
  const std::size_t n = static_cast<std::size_t>(anchors);
  std::vector<float> box(joint ? n * 4 : n * static_cast<std::size_t>(4 + classes));
  std::vector<float> score(joint ? n * static_cast<std::size_t>(classes) : 0);
  for (std::size_t a = 0; a < n; ++a) {
    const float x = 600 * unit(random), y = 600 * unit(random), w = 20 + 60 * unit(random);
    const float values[4] = {x, y, joint ? x + w : w, joint ? y + w : w};
    for (std::size_t r = 0; r < 4; ++r) box[joint ? a * 4 + r : r * n + a] = values[r];
  }
  auto& scores = joint ? score : box;
  for (std::size_t i = joint ? 0 : 4 * n; i < scores.size(); ++i) scores[i] = 0.01F * unit(random);
  for (int c = 0; c < candidates; ++c) {
    const std::size_t a = random() % n;
    scores[joint ? a * static_cast<std::size_t>(classes) + 2 : (4 + 2) * n + a] =
        0.2F + 0.7F * unit(random);
  }
  const gpu::DeviceBuffer device_box(box.size() * 4);
  const gpu::DeviceBuffer device_score(std::max<std::size_t>(score.size(), 1) * 4);
  cudaMemcpy(device_box.data(), box.data(), device_box.bytes(), cudaMemcpyHostToDevice);
  cudaMemcpy(device_score.data(), score.data(), score.size() * 4, cudaMemcpyHostToDevice);
  const gpu::DetectorOutput output{
      head, gpu::Number::f32, device_box.data(), device_score.data(), anchors, classes, 1};
  const gpu::DeviceBuffer scratch(gpu::find_boxes_scratch(output));
  const gpu::DeviceBuffer found(sizeof(gpu::FoundBoxes));
  const double us = median_us(10, [&](int, cudaStream_t stream) {
    gpu::find_boxes(output, {}, scratch.data(), found.as<gpu::FoundBoxes>(), stream);
  });
  table.row("find_boxes", std::string(name) + ", " + std::to_string(candidates) + " candidates", us,
            double((box.size() + score.size()) * 4));

  const gpu::PinnedBuffer host_box(device_box.bytes());
  const gpu::PinnedBuffer host_score(device_score.bytes());
  const gpu::Stream own = gpu::make_stream(true);
  std::vector<Candidate> kept;
  std::vector<double> times;
  for (int i = 0; i < replays + 5; ++i) {
    const std::int64_t begin_ns = steady_now_ns();
    gpu::copy_to_host(host_box.as<void>(), device_box.data(), host_box.bytes(), own.get());
    gpu::copy_to_host(host_score.as<void>(), device_score.data(), host_score.bytes(), own.get());
    gpu::check(cudaStreamSynchronize(own.get()), "waiting");
    kept.clear();
    const std::span<const float> raw(host_box.as<float>(), box.size());
    if (joint) {
      decode_joint(raw, {host_score.as<float>(), score.size()}, classes, 0.1F, kept);
    } else {
      decode_ultralytics(raw, classes, false, 1, 1, 0.1F, kept);
    }
    suppress(kept, 0.5F);
    if (i >= 5) times.push_back(static_cast<double>(steady_now_ns() - begin_ns) / 1e3);
  }
  std::nth_element(times.begin(), times.begin() + replays / 2, times.end());
  table.row("processor", std::string(name) + ": outputs copied, decoded, suppressed",
            times[replays / 2], double((box.size() + score.size()) * 4));

  const gpu::DeviceBuffer map = [] {
    std::vector<float> depth(std::size_t{392} * 392);
    for (std::size_t i = 0; i < depth.size(); ++i) depth[i] = 1 + float(i % 97) / 20;
    gpu::DeviceBuffer buffer(depth.size() * 4);
    cudaMemcpy(buffer.data(), depth.data(), buffer.bytes(), cudaMemcpyHostToDevice);
    return buffer;
  }();
  std::vector<gpu::PictureBatch> batch(1);
  batch[0].count = 1;
  batch[0].mappings[0] = fit_frame(1280, 720, 640, 640, true);
  const gpu::DeviceBuffer device_batch(sizeof(gpu::PictureBatch));
  cudaMemcpy(device_batch.data(), batch.data(), sizeof(gpu::PictureBatch), cudaMemcpyHostToDevice);
  const int side = joint ? 104 : 392;
  const double measured = median_us(10, [&](int, cudaStream_t stream) {
    gpu::measure_boxes(device_batch.as<gpu::PictureBatch>(), device_batch.as<gpu::PictureBatch>(),
                       1, {map.data(), nullptr, gpu::Number::f32, side, side},
                       found.as<gpu::FoundBoxes>(), stream);
  });
  table.row("measure_boxes", "map of " + std::to_string(side) + ", boxes of the row above",
            measured, 4.0 * side * side);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::string json;
    for (int i = 1; i + 1 < argc; i += 2) {
      if (std::string(argv[i]) == "--json") json = argv[i + 1];
      if (std::string(argv[i]) == "--replays") replays = std::max(1, std::atoi(argv[i + 1]));
    }
    std::printf("%s\n", gpu_info().title().c_str());
    Table table;
    copies(table);
    for (const Format format : {Format::bgr8, Format::nv12, Format::gray8}) {
      letterboxes(table, 8, 1408, 1408, format, 640, gpu::Number::f16);
      letterboxes(table, 8, 1408, 1408, format, 416, gpu::Number::f16);
      letterboxes(table, 1, 1280, 720, format, 640, gpu::Number::f16);
      letterboxes(table, 1, 1408, 1408, format, 640, gpu::Number::f16, true);
      letterboxes(table, 1, 1408, 1408, format, 416, gpu::Number::f16, true);
    }
    motions(table, 1280, 720);
    motions(table, 1408, 1408);
    letterboxes(table, 8, 1408, 1408, Format::bgr8, 640, gpu::Number::f32);
    for (const int candidates : {10, 100, 1000}) {
      boxes(table, gpu::Head::joint, 3598, 81, candidates, "joint 3598 x 81");
      boxes(table, gpu::Head::ultralytics, 8400, 80, candidates, "ultralytics 8400 x 80");
    }
    if (!json.empty()) {
      std::ofstream(json)
          << ordered_json{{"card", gpu_info().title()}, {"rows", table.rows}}.dump(1) << '\n';
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "kernels_bench: %s\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
