#include "run/tune.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "clock.h"
#include "error.h"
#include "run/port.h"
#include "see/perception.h"

namespace lazarillo {
namespace {

constexpr int kWidth = 1280;
constexpr int kHeight = 720;
constexpr int kLeastCalls = 3;
constexpr int kMostStreams = 16;
/// A pair is watched for so many turns of its depth network, which is the slower one.
constexpr int kDepthTurns = 3;

/// A smooth picture with some edges in it: networks take the same time whatever they look at.
Frame made_up_frame() {
  constexpr std::ptrdiff_t kStride = std::ptrdiff_t{3} * kWidth;
  const std::shared_ptr<std::uint8_t> pixels(new std::uint8_t[kStride * kHeight],
                                             std::default_delete<std::uint8_t[]>());
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const int tile = (x / 160 + y / 120) % 2 * 40;
      std::uint8_t* pixel = pixels.get() + y * kStride + std::ptrdiff_t{3} * x;
      pixel[0] = static_cast<std::uint8_t>(x * 200 / kWidth + tile);
      pixel[1] = static_cast<std::uint8_t>(y * 200 / kHeight + tile);
      pixel[2] = static_cast<std::uint8_t>(100 + tile);
    }
  }
  Frame frame;
  frame.intrinsics = Intrinsics::from_hfov(69, kWidth, kHeight);
  frame.width = kWidth;
  frame.height = kHeight;
  frame.stride_bytes = kStride;
  frame.pixels = pixels;
  return frame;
}

double seconds_since(std::int64_t begin_ns) {
  return static_cast<double>(steady_now_ns() - begin_ns) / 1e9;
}

/// A network that fails says so in its result, frame by frame; here nothing else would tell.
template <class Result>
void check(const Result& result) {
  if (!result.fault.empty()) throw Error(ExitCode::model, result.fault);
}

void see(Perception& eyes, const std::vector<Frame>& frames) {
  for (const Sighting& sighting : eyes.see(frames)) check(sighting);
}

/// Median time of a call, ms.
template <class Call>
double median_ms(double seconds, const Call& call) {
  std::vector<double> times;
  const std::int64_t begin_ns = steady_now_ns();
  while (times.size() < kLeastCalls || seconds_since(begin_ns) < seconds) {
    const std::int64_t call_ns = steady_now_ns();
    call();
    times.push_back(seconds_since(call_ns) * 1e3);
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

/// 1, 2, 4 ... up to `most`, and `most` itself.
std::vector<int> doubled_up_to(int most) {
  std::set<int> numbers{most};
  for (int n = 1; n < most; n *= 2) numbers.insert(n);
  return {numbers.begin(), numbers.end()};
}

class Measurement {
 public:
  Measurement(const ModelSet& models, const TuneOptions& options)
      : models_(models), options_(options), spare_core_(options.cores >= 4 ? 1 : 0) {}

  TuneTable run() {
    detector();
    if (pair_) {
      depth();
      side_by_side();
    }
    replay();
    return std::move(table_);
  }

  CallTime quickest_call() {
    CallTime quickest;
    for (const int threads : thread_counts()) {
      if (threads > options_.cores - spare_core_) continue;
      const CallTime call = time_detector(threads, 1).value();
      if (quickest.call_ms == 0 || call.call_ms < quickest.call_ms) quickest = call;
    }
    return quickest;
  }

 private:
  /// Null when the network cannot take a batch.
  std::unique_ptr<Perception> load(const PerceptionOptions& wanted) {
    if (wanted.batch > 1 && !table_.no_batch.empty()) return nullptr;
    try {
      return std::make_unique<Perception>(models_, wanted);
    } catch (const Error& error) {
      // One frame a call was loaded before: what fails now is the batch.
      if (wanted.batch == 1) throw;
      table_.no_batch = error.what();
      options_.progress("one frame a call only: " + table_.no_batch);
      return nullptr;
    }
  }

  [[nodiscard]] std::vector<int> thread_counts() const {
    std::vector<int> counts = doubled_up_to(options_.cores);
    const int spared = options_.cores - spare_core_;
    if (std::find(counts.begin(), counts.end(), spared) == counts.end()) {
      counts.insert(counts.end() - 1, spared);
    }
    return counts;
  }

  void detector() {
    for (const int threads : thread_counts()) {
      for (const int batch : {1, 2, 4}) {
        const auto call = time_detector(threads, batch);
        if (!call) break;
        table_.detector.push_back(*call);
      }
    }
  }

  /// Nothing when the network cannot take a batch.
  std::optional<CallTime> time_detector(int threads, int batch) {
    PerceptionOptions wanted;
    wanted.depth = false;
    wanted.threads = threads;
    wanted.batch = batch;
    const auto eyes = load(wanted);
    if (!eyes) return std::nullopt;
    const std::vector<Frame> frames(static_cast<std::size_t>(batch), frame_);
    const CallTime call{threads, batch, median_ms(options_.seconds, [&] { see(*eyes, frames); })};
    options_.progress(fmt::format("detector, threads {}, frames a call {}: {:.1f} frames/s",
                                  threads, batch, call.frames_per_s()));
    return call;
  }

  void depth() {
    for (const int threads : thread_counts()) {
      PerceptionOptions wanted;
      wanted.depth_threads = threads;
      const auto eyes = load(wanted);
      const CallTime call{threads, 1,
                          median_ms(options_.seconds, [&] { check(eyes->measure_depth(frame_)); })};
      table_.depth.push_back(call);
      options_.progress(fmt::format("depth, threads {}: {:.1f} ms", threads, call.call_ms));
    }
  }

  /// Splits of the cores, and the same with the detector on all of them.
  void side_by_side() {
    const int room = options_.cores - spare_core_;
    for (const int depth_threads : doubled_up_to(std::max(1, options_.cores / 2))) {
      const int rest = std::max(1, room - depth_threads);
      watch_pair(rest, depth_threads);
      if (rest != room) watch_pair(room, depth_threads);
    }
  }

  void watch_pair(int threads, int depth_threads) {
    PerceptionOptions wanted;
    wanted.threads = threads;
    wanted.depth_threads = depth_threads;
    const auto eyes = load(wanted);
    Port<Frame> depth_input(PortPolicy::latest());
    std::atomic<int> maps = 0;
    double depth_s = 0;  // the depth thread's until it is joined
    std::exception_ptr depth_failure;
    std::thread depth_thread([&] {
      try {
        while (const auto frame = depth_input.pop()) {
          const std::int64_t begin_ns = steady_now_ns();
          check(eyes->measure_depth(*frame));
          depth_s += seconds_since(begin_ns);
          ++maps;
        }
      } catch (...) {
        depth_failure = std::current_exception();
        maps = kDepthTurns;
      }
    });
    int detections = 0;
    double took_s = 0;
    std::exception_ptr failure;
    try {
      const std::int64_t begin_ns = steady_now_ns();
      while (maps < kDepthTurns || took_s < options_.seconds) {
        if (detections % options_.depth_interval == 0) depth_input.push(frame_);
        see(*eyes, {frame_});
        ++detections;
        took_s = seconds_since(begin_ns);
      }
    } catch (...) {
      failure = std::current_exception();
    }
    depth_input.close();
    depth_thread.join();
    if (failure) std::rethrow_exception(failure);
    if (depth_failure) std::rethrow_exception(depth_failure);
    SideBySide result{threads, depth_threads, detections / took_s, 1};
    // Drops would show only after many turns that it is a little too slow; its time shows it at
    // once.
    const double due_s = options_.depth_interval / result.detections_per_s;
    result.depth_share = std::min(1.0, due_s * maps / depth_s);
    table_.beside.push_back(result);
    options_.progress(
        fmt::format("live, threads {}, depth {}: {:.1f} detections/s, {:.0f} % of "
                    "the depth maps",
                    threads, depth_threads, result.detections_per_s, 100 * result.depth_share));
  }

  void replay() {
    for (const int streams : doubled_up_to(std::min(options_.cores, kMostStreams))) {
      watch_streams(streams, std::max(1, options_.cores / streams), 1);
    }
    const ReplayRate fastest = *std::max_element(
        table_.replay.begin(), table_.replay.end(),
        [](const ReplayRate& a, const ReplayRate& b) { return a.frames_per_s < b.frames_per_s; });
    for (const int batch : {2, 4}) watch_streams(fastest.streams, fastest.threads, batch);
  }

  void watch_streams(int streams, int threads, int batch) {
    PerceptionOptions wanted;
    wanted.threads = wanted.depth_threads = threads;
    wanted.batch = batch;
    std::vector<std::unique_ptr<Perception>> all;
    for (int i = 0; i < streams; ++i) {
      all.push_back(load(wanted));
      if (!all.back()) return;
    }
    // Streams take numbered frames in turn, as a replay's do: depth is due by the frame's number.
    std::atomic<int> next = 0;
    std::atomic<int> seen = 0;
    std::exception_ptr failure;
    std::atomic<bool> failed = false;
    const int least = kLeastCalls * batch * streams;
    const std::int64_t begin_ns = steady_now_ns();
    const auto work = [&](Perception& eyes) {
      const std::vector<Frame> frames(static_cast<std::size_t>(batch), frame_);
      try {
        while (!failed && (seen < least || seconds_since(begin_ns) < options_.seconds)) {
          const int first = next.fetch_add(batch);
          see(eyes, frames);
          for (int i = first; pair_ && i < first + batch; ++i) {
            if (i % options_.depth_interval == 0) check(eyes.measure_depth(frame_));
          }
          seen += batch;
        }
      } catch (...) {
        if (!failed.exchange(true)) failure = std::current_exception();
      }
    };
    std::vector<std::thread> threads_running;
    threads_running.reserve(all.size());
    for (const auto& eyes : all) threads_running.emplace_back([&] { work(*eyes); });
    for (std::thread& thread : threads_running) thread.join();
    if (failure) std::rethrow_exception(failure);
    const ReplayRate rate{streams, threads, batch, seen / seconds_since(begin_ns)};
    table_.replay.push_back(rate);
    options_.progress(
        fmt::format("replay, streams {}, threads {}, frames a call {}: {:.1f} frames/s", streams,
                    threads, batch, rate.frames_per_s));
  }

  const ModelSet& models_;
  const TuneOptions& options_;
  const int spare_core_;
  const Frame frame_ = made_up_frame();
  const bool pair_ = std::any_of(models_.networks.begin(), models_.networks.end(),
                                 [](const NetworkManifest& n) { return n.task == Task::depth; });
  TuneTable table_;
};

}  // namespace

TuneTable measure(const ModelSet& models, const TuneOptions& options) {
  return Measurement(models, options).run();
}

CallTime quickest_call(const ModelSet& models, const TuneOptions& options) {
  return Measurement(models, options).quickest_call();
}

}  // namespace lazarillo
