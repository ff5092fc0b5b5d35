// What a frame costs an NVIDIA card, and what each part of the way it is done gives.
//   eyes_bench VIDEO MODELS [MODELS ...] [--json FILE]
// Both networks of a pair on every frame. Each row: median of 300 calls after 30, over eight
// pictures of the video that take turns. `card`: from the first kernel to the last, by CUDA events;
// `call`: until the boxes are with the host, by the clock.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <opencv2/imgproc.hpp>

#include "clock.h"
#include "error.h"
#include "gpu/memory.h"
#include "run/paths.h"
#include "see/eyes.h"
#include "source/device_picture.h"
#include "source/lens.h"
#include "source/source.h"

namespace {

using namespace lazarillo;
using nlohmann::ordered_json;

constexpr int kCalls = 300;
constexpr int kWarmUp = 30;
constexpr std::size_t kPictures = 8;

std::vector<Frame> pictures_of(const std::string& video) {
  const std::unique_ptr<Source> source = open_source(video, {});
  std::vector<Frame> pictures;
  for (std::size_t number = 0; pictures.size() < kPictures; ++number) {
    std::optional<Frame> frame = source->next();
    if (!frame) break;
    if (number % 10 == 0) pictures.push_back(std::move(*frame));
  }
  if (pictures.empty()) throw Error(ExitCode::source, "'" + video + "' holds no picture");
  return pictures;
}

cv::Mat resized(const Frame& frame, int width, int height) {
  const cv::Mat from(frame.height, frame.width, CV_8UC3,
                     const_cast<std::uint8_t*>(frame.pixels.get()),
                     static_cast<std::size_t>(frame.stride_bytes));
  cv::Mat to;
  cv::resize(from, to, {width, height}, 0, 0, cv::INTER_AREA);
  return to;
}

Frame of_size(const Frame& frame, int width, int height) {
  const auto mat = std::make_shared<cv::Mat>(resized(frame, width, height));
  Frame result = frame;
  result.intrinsics = Intrinsics::from_hfov(69, width, height);
  result.width = width;
  result.height = height;
  result.stride_bytes = static_cast<std::ptrdiff_t>(mat->step[0]);
  result.pixels = {mat, mat->data};
  return result;
}

/// As NVDEC leaves it: NV12 in the card's memory.
Frame on_card(const Frame& frame) {
  const cv::Mat bgr = resized(frame, frame.width, frame.height);
  cv::Mat planes;
  cv::cvtColor(bgr, planes, cv::COLOR_BGR2YUV_I420);
  const auto w = static_cast<std::size_t>(frame.width);
  const auto h = static_cast<std::size_t>(frame.height);
  std::vector<std::uint8_t> nv12(w * h * 3 / 2);
  std::memcpy(nv12.data(), planes.data, w * h);
  const std::uint8_t* u = planes.data + w * h;
  const std::uint8_t* v = u + w * h / 4;
  for (std::size_t i = 0; i < w * h / 4; ++i) {
    nv12[w * h + 2 * i] = u[i];
    nv12[w * h + 2 * i + 1] = v[i];
  }
  const auto memory = std::make_shared<gpu::DeviceBuffer>(nv12.size());
  gpu::check(cudaMemcpy(memory->data(), nv12.data(), nv12.size(), cudaMemcpyHostToDevice),
             "filling");
  auto picture = std::make_shared<DevicePicture>();
  picture->luma = memory->as<std::uint8_t>();
  picture->chroma = picture->luma + w * h;
  picture->luma_pitch = picture->chroma_pitch = frame.width;
  picture->owner = memory;
  Frame result = frame;
  result.pixels = nullptr;
  result.format = PixelFormat::nv12;
  result.device = std::move(picture);
  return result;
}

/// As Aria glasses give them: on its side behind a fisheye lens, of the sides in grey.
Frame of_glasses(const Frame& frame, int camera, int width, int height, bool grey) {
  Frame result = of_size(frame, width, height);
  result.stamp.camera = camera;
  if (grey) {
    const auto mat = std::make_shared<cv::Mat>();
    cv::cvtColor(resized(frame, width, height), *mat, cv::COLOR_BGR2GRAY);
    result.format = PixelFormat::gray8;
    result.stride_bytes = static_cast<std::ptrdiff_t>(mat->step[0]);
    result.pixels = {mat, mat->data};
  }
  // 110 degrees from side to side.
  const double f = width / 1.92;
  result.lens = std::make_shared<const Lens>(
      Intrinsics{f, f, 0.5 * (width - 1), 0.5 * (height - 1), width, height, false},
      KannalaBrandt{}, LensMounting{1});
  result.intrinsics = Intrinsics::from_hfov(100, result.lens->upright_width(),
                                            result.lens->upright_height(), false);
  return result;
}

using Moments = std::vector<std::vector<Frame>>;  ///< each: a picture of every camera

double median(std::vector<double>& times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

struct Cost {
  double card_ms = 0, call_ms = 0;
  std::size_t boxes = 0;
};

Cost cost_of(Eyes& eyes, const Moments& moments, bool one_by_one) {
  std::vector<double> card;
  std::vector<double> call;
  std::size_t boxes = 0;
  for (int i = 0; i < kWarmUp + kCalls; ++i) {
    const std::vector<Frame>& frames = moments[static_cast<std::size_t>(i) % moments.size()];
    std::vector<Sighting> sightings(frames.size());
    const std::int64_t begin_ns = steady_now_ns();
    if (one_by_one) {
      for (std::size_t f = 0; f < frames.size(); ++f) {
        eyes.see({&frames[f], 1}, {&sightings[f], 1});
      }
    } else {
      eyes.see(frames, sightings);
    }
    const double took = static_cast<double>(steady_now_ns() - begin_ns) / 1e6;
    double on_card_ms = 0;
    for (const Sighting& s : sightings) {
      if (!s.fault.empty()) throw Error(ExitCode::vision, s.fault);
      on_card_ms += s.gpu_ms;
      boxes += s.detections.items.size();
    }
    if (i < kWarmUp) continue;
    card.push_back(on_card_ms);
    call.push_back(took);
  }
  return {median(card), median(call), boxes / (kWarmUp + kCalls)};
}

class Table {
 public:
  void row(const ModelSet& models, const char* what, Cost cost) {
    std::printf("%-24s %-52s card %6.2f ms  call %6.2f ms  %zu boxes\n", models.name.c_str(), what,
                cost.card_ms, cost.call_ms, cost.boxes);
    std::fflush(stdout);
    rows.push_back({{"models", models.name},
                    {"case", what},
                    {"card_ms", cost.card_ms},
                    {"call_ms", cost.call_ms},
                    {"boxes", cost.boxes}});
  }
  ordered_json rows = ordered_json::array();
};

void measure(Table& table, const ModelSet& models, const std::vector<Frame>& pictures) {
  Moments uploaded;
  Moments decoded;
  Moments three;
  Moments glasses;
  Moments colour;
  for (const Frame& picture : pictures) {
    uploaded.push_back({of_size(picture, 1280, 720)});
    decoded.push_back({on_card(uploaded.back().front())});
    three.push_back({on_card(of_size(picture, 1408, 1408)), on_card(of_size(picture, 640, 480)),
                     on_card(of_size(picture, 640, 480))});
    glasses.push_back({of_glasses(picture, 0, 1408, 1408, false),
                       of_glasses(picture, 1, 640, 480, true),
                       of_glasses(picture, 2, 640, 480, true)});
    // One lens a camera, as from a source.
    for (std::size_t camera = 0; camera < 3; ++camera) {
      glasses.back()[camera].lens = glasses.front()[camera].lens;
    }
    colour.push_back({glasses.back().front()});
  }
  PerceptionOptions options;
  options.metric_maps = options.relative_maps = false;
  const auto row = [&](const char* what, const Moments& moments, GpuSchedule schedule, int batch,
                       bool one_by_one = false) {
    options.batch = batch;
    try {
      const std::unique_ptr<Eyes> eyes = make_gpu_eyes(models, options, schedule);
      table.row(models, what, cost_of(*eyes, moments, one_by_one));
    } catch (const Error& error) {
      std::printf("%-24s %-52s %s\n", models.name.c_str(), what, error.what());
    }
  };
  row("1280x720 on the card: graph, two streams", decoded, {}, 1);
  options.metric_maps = options.relative_maps = true;
  row("and its depth map brought back", decoded, {}, 1);
  options.metric_maps = options.relative_maps = false;
  row("graph, one stream", decoded, {true, false}, 1);
  row("no graph, two streams", decoded, {false, true}, 1);
  row("no graph, one stream", decoded, {false, false}, 1);
  row("1280x720 uploaded: graph, two streams", uploaded, {}, 1);
  row("1408x1408 and two 640x480 in one call", three, {}, 3);
  row("1408x1408 and two 640x480 one by one", three, {}, 1, true);
  row("as of glasses, uploaded: 1408x1408 alone", colour, {}, 1);
  row("the same and two 640x480 in one call", glasses, {}, 3);
  row("the same and two 640x480 one by one", glasses, {}, 1, true);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    std::string json;
    if (arguments.size() > 2 && arguments[arguments.size() - 2] == "--json") {
      json = arguments.back();
      arguments.resize(arguments.size() - 2);
    }
    if (arguments.size() < 2) {
      throw Error(ExitCode::usage, "eyes_bench VIDEO MODELS [MODELS ...] [--json FILE]");
    }
    std::printf("%s\n", gpu_info().title().c_str());
    const std::vector<Frame> pictures = pictures_of(arguments.front());
    Table table;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      measure(table, load_model_set(arguments[i], model_directories()), pictures);
    }
    if (!json.empty()) {
      std::ofstream(json) << ordered_json{{"card", gpu_info().title()}, {"rows", table.rows}}.dump(
                                 1)
                          << '\n';
    }
  } catch (const Error& error) {
    std::cerr << "eyes_bench: " << error.what() << '\n';
    return static_cast<int>(error.code());
  }
  return 0;
}
