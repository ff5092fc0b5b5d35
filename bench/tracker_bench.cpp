// What following and guiding cost for 1 to 200 objects: medians over frames, microseconds, as one
// JSON object on stdout. tracker_bench [frames]
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "clock.h"
#include "guide/guide.h"
#include "track/tracker.h"

namespace lazarillo {
namespace {

constexpr int kWidth = 1280;
constexpr int kHeight = 720;
constexpr double kFps = 30;

/// So many people walk about in front of the camera, on straight lines; some come nearer.
class Crowd {
 public:
  explicit Crowd(int count) {
    for (int i = 0; i < count; ++i) {
      people_.push_back({uniform(0, kWidth), uniform(200, 520), uniform(-2, 2), uniform(-0.5, 0.5),
                         uniform(40, 200), uniform(1, 1.003)});
    }
  }

  /// Boxes with the jitter of a detector, 1 % of their size.
  Detections step(std::uint64_t sequence) {
    Detections detections;
    detections.stamp.sequence = sequence;
    detections.stamp.stream_ns = std::llround(static_cast<double>(sequence) / kFps * 1e9);
    detections.labels = labels_;
    for (Person& p : people_) {
      p.x = std::fmod(p.x + p.vx + kWidth, kWidth);
      p.y = std::clamp(p.y + p.vy, 100.0, 620.0);
      p.height = p.height * p.growth > 500 ? 60 : p.height * p.growth;
      const double half_width = p.height * 0.2;
      const auto at = [&](double value) {
        return static_cast<float>(value + p.height * 0.01 * noise_(random_));
      };
      detections.items.push_back({{at(p.x - half_width), at(p.y - p.height / 2),
                                   at(p.x + half_width), at(p.y + p.height / 2)},
                                  0.8F,
                                  0});
    }
    return detections;
  }

 private:
  struct Person {
    double x, y, vx, vy, height, growth;
  };
  double uniform(double least, double most) {
    return std::uniform_real_distribution<>(least, most)(random_);
  }

  std::mt19937 random_{7};
  std::normal_distribution<> noise_;
  std::vector<Person> people_;
  const Labels labels_ =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"person"});
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Microseconds a call takes.
template <class Call>
double time_us(const Call& call) {
  const std::int64_t begin_ns = steady_now_ns();
  call();
  return static_cast<double>(steady_now_ns() - begin_ns) / 1e3;
}

nlohmann::ordered_json measure(int objects, int frames) {
  Crowd crowd(objects);
  const Intrinsics camera = Intrinsics::from_hfov(69, kWidth, kHeight);
  Tracker tracker({}, ObjectCatalog({{"person", ObjectKind::person, 1.7, 0.1, 1.7, 4.5}}));
  Guide guide({});
  std::vector<double> update;
  std::vector<double> predict;
  std::vector<double> guiding;
  std::size_t tracks_seen = 0;
  // The first frames only confirm tracks.
  constexpr int kWarmUp = 10;
  for (int i = 0; i < kWarmUp + frames; ++i) {
    const Detections detections = crowd.step(static_cast<std::uint64_t>(i));
    FrameStamp between = detections.stamp;
    between.stream_ns += std::llround(0.5e9 / kFps);
    Tracks tracks;
    Tracks predicted;
    const double update_us = time_us([&] { tracks = tracker.update(detections, {}, camera); });
    const double predict_us = time_us([&] { predicted = tracker.predict(between, camera); });
    const double guide_us =
        time_us([&] { (void)guide.update(tracks, {.last_seen_ns = tracks.stamp.stream_ns}); });
    if (i < kWarmUp) continue;
    update.push_back(update_us);
    predict.push_back(predict_us);
    guiding.push_back(guide_us);
    tracks_seen += tracks.items.size();
  }
  return {{"objects", objects},
          {"tracks", static_cast<double>(tracks_seen) / frames},
          {"update_us", median(update)},
          {"predict_us", median(predict)},
          {"guide_us", median(guiding)}};
}

}  // namespace
}  // namespace lazarillo

int main(int argc, char** argv) {
  const int frames = std::max(1, argc > 1 ? std::atoi(argv[1]) : 300);
  nlohmann::ordered_json points = nlohmann::ordered_json::array();
  for (const int objects : {1, 2, 5, 10, 20, 50, 100, 150, 200}) {
    points.push_back(lazarillo::measure(objects, frames));
  }
  std::cout << nlohmann::ordered_json{{"frames", frames}, {"points", points}}.dump(2) << '\n';
}
