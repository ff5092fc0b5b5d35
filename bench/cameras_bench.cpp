// What looking at 1 to 4 cameras costs: all frames in one call of the detector against one by one.
// Median milliseconds for a picture of every camera, as one JSON object on stdout.
// cameras_bench [models] [rounds]
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "clock.h"
#include "error.h"
#include "infer/model_set.h"
#include "run/paths.h"
#include "see/perception.h"

namespace lazarillo {
namespace {

constexpr int kWidth = 1280;
constexpr int kHeight = 720;

Frame picture(int camera) {
  constexpr std::size_t kBytes = std::size_t{3} * kWidth * kHeight;
  const std::shared_ptr<std::uint8_t> pixels(new std::uint8_t[kBytes],
                                             std::default_delete<std::uint8_t[]>());
  for (std::size_t i = 0; i < kBytes; ++i) {
    pixels.get()[i] = static_cast<std::uint8_t>(i / 3 % kWidth / 6 + std::size_t{20} * camera);
  }
  Frame frame;
  frame.stamp.camera = camera;
  frame.intrinsics = Intrinsics::from_hfov(69, kWidth, kHeight);
  frame.width = kWidth;
  frame.height = kHeight;
  frame.stride_bytes = std::ptrdiff_t{3} * kWidth;
  frame.pixels = pixels;
  return frame;
}

double median_ms(Perception& eyes, const std::vector<Frame>& frames, int rounds) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const std::int64_t begin_ns = steady_now_ns();
    for (const Sighting& sighting : eyes.see(frames)) {
      if (!sighting.fault.empty()) throw Error(ExitCode::model, sighting.fault);
    }
    times.push_back(static_cast<double>(steady_now_ns() - begin_ns) / 1e6);
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

nlohmann::ordered_json measure(const ModelSet& models, int rounds) {
  PerceptionOptions options;
  options.depth = false;
  Perception one_by_one(models, options);
  nlohmann::ordered_json points = nlohmann::ordered_json::array();
  nlohmann::ordered_json no_batch;
  std::vector<Frame> frames;
  for (int cameras = 1; cameras <= 4; ++cameras) {
    frames.push_back(picture(cameras - 1));
    nlohmann::ordered_json point = {{"cameras", cameras},
                                    {"one_by_one_ms", median_ms(one_by_one, frames, rounds)},
                                    {"batch_ms", nullptr}};
    options.batch = cameras;
    try {
      Perception batched(models, options);
      point["batch_ms"] = median_ms(batched, frames, rounds);
    } catch (const Error& error) {
      no_batch = error.what();
    }
    points.push_back(point);
  }
  return {{"models", models.name}, {"rounds", rounds}, {"no_batch", no_batch}, {"points", points}};
}

}  // namespace
}  // namespace lazarillo

int main(int argc, char** argv) {
  using namespace lazarillo;
  try {
    const ModelSet models = load_model_set(argc > 1 ? argv[1] : "lznet", model_directories());
    const int rounds = std::max(1, argc > 2 ? std::atoi(argv[2]) : 50);
    std::cout << measure(models, rounds).dump(2) << '\n';
  } catch (const Error& error) {
    std::cerr << "cameras_bench: " << error.what() << '\n';
    return static_cast<int>(error.code());
  }
}
