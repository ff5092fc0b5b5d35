#include "source/live_source.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <stop_token>
#include <utility>

#include "clock.h"
#include "error.h"
#include "source/camera_view.h"
#include "source/growing_pause.h"
#include "source/live_pipeline.h"

namespace lazarillo {
namespace {

using std::chrono::milliseconds;

/// A camera adjusts its exposure before its first picture; a stream may send one that stands by
/// itself only now and then.
constexpr milliseconds kFirstPicture{10'000};
constexpr milliseconds kNextPicture{2'000};

/// A picture is many packets, and those after it need it: of 100 packets one that is lost costs
/// every tenth picture itself (10 packets each), and most of those that follow.
constexpr double kManyLost = 0.01;
/// Not one burst: seconds of any stream.
constexpr std::uint64_t kPacketsWatched = 1'000;

double seconds_since(std::int64_t then_ns) {
  return static_cast<double>(steady_now_ns() - then_ns) / 1e9;
}

/// The address as it stands in messages.
std::string shown(const LiveAddress& address) {
  return address.location.empty() ? "camera:" : without_secrets(address.location);
}

LivePipelineOptions pipeline_options(const SourceOptions& options) {
  return {options.on_card, options.dma_buf, options.jitter_ms, mode_wish(options.camera_mode),
          options.tap};
}

class LiveSource final : public Source {
 public:
  LiveSource(LiveAddress address, const SourceOptions& options)
      : address_(std::move(address)),
        name_(shown(address_)),
        options_(options),
        views_(options),
        began_ns_(options.origin_ns),
        numbers_before_(options.first_sequence) {
    await_first();
    views_.check_shape(first_->width, first_->height);
    cameras_.push_back({name_, first_->intrinsics});
  }

  ~LiveSource() override { stop_.request_stop(); }

  [[nodiscard]] const std::vector<CameraInfo>& cameras() const override { return cameras_; }

  [[nodiscard]] std::optional<Frame> next() override {
    if (first_) return std::exchange(first_, std::nullopt);
    while (!stop_.stop_requested()) {
      if (pipeline_) {
        if (auto frame = take(told_lost_ ? kFirstPicture : kNextPicture)) {
          if (told_lost_) tell_back();
          watch_packets();
          return frame;
        }
        if (stop_.stop_requested()) break;
        watch_packets();
        lose(why_nothing(told_lost_ ? kFirstPicture : kNextPicture));
      }
      connect();
    }
    return std::nullopt;
  }

  /// What is lost is looked for again: there is no early end.
  [[nodiscard]] std::string fault() const override { return ""; }
  [[nodiscard]] std::optional<std::int64_t> duration_ns() const override { return std::nullopt; }
  [[nodiscard]] std::uint64_t skipped() const override { return skipped_; }
  void stop() override { stop_.request_stop(); }

 private:
  [[nodiscard]] std::string why_nothing(milliseconds patience) const {
    const std::string failure = pipeline_->failure();
    return failure.empty() ? fmt::format("gave no picture for {} s", patience.count() / 1000)
                           : failure;
  }

  /// Why an attempt to get the first picture failed.
  struct Miss {
    Error error;
    bool may_come;  ///< another attempt may succeed
  };

  std::optional<Miss> try_first() {
    try {
      pipeline_ = std::make_unique<LivePipeline>(address_, pipeline_options(options_));
    } catch (const Error& error) {
      // A camera may be plugged in yet; an address that cannot be opened stays so.
      return Miss{error,
                  address_.kind == LiveAddress::Kind::camera && error.code() == ExitCode::source};
    }
    first_ = take(kFirstPicture);
    if (first_) return std::nullopt;
    Miss miss{{ExitCode::source, fmt::format("'{}' {}", name_, why_nothing(kFirstPicture))},
              !pipeline_->lasting()};
    pipeline_.reset();
    return miss;
  }

  void await_first() {
    const std::int64_t began_ns = steady_now_ns();
    const auto patience_ns = static_cast<std::int64_t>(options_.wait_s * 1e9);
    bool told = false;
    while (const std::optional<Miss> miss = try_first()) {
      if (!miss->may_come || steady_now_ns() - began_ns >= patience_ns) throw miss->error;
      if (!std::exchange(told, true)) {
        tell(fmt::format("'{}' is not there yet: it is looked for, for {:g} s at most", name_,
                         options_.wait_s));
      }
      (void)pause_.wait(stop_.get_token());
    }
    if (told) tell(fmt::format("'{}' is there after {:.1f} s", name_, seconds_since(began_ns)));
  }

  std::optional<Frame> take(milliseconds patience) {
    auto picture = pipeline_->take(patience, stop_.get_token());
    if (!picture) return std::nullopt;
    Frame frame;
    frame.stamp.capture_ns = picture->capture_ns;
    if (!began_ns_) began_ns_ = picture->capture_ns;
    frame.stamp.stream_ns = picture->capture_ns - *began_ns_;
    const std::uint64_t sequence = numbers_before_ + picture->number;
    if (next_number_) skipped_ += sequence - *next_number_;
    next_number_ = sequence + 1;
    frame.stamp.sequence = sequence;
    frame.width = picture->decoded.width;
    frame.height = picture->decoded.height;
    frame.stride_bytes = picture->decoded.stride_bytes;
    frame.pixels = std::move(picture->decoded.pixels);
    if (picture->decoded.device) {
      frame.format = PixelFormat::nv12;
      frame.device = std::move(picture->decoded.device);
    }
    const CameraView& view = views_.of(frame.width, frame.height);
    frame.intrinsics = view.intrinsics;
    frame.lens = view.lens;
    return frame;
  }

  void lose(const std::string& why) {
    pipeline_.reset();
    packets_before_ = {};
    numbers_before_ = next_number_.value_or(numbers_before_);
    if (!told_lost_) {
      lost_ns_ = steady_now_ns();
      pause_.begin_again();
    }
    // The same reason again and again is said once.
    if (why != std::exchange(last_why_, why) || !told_lost_) {
      tell(fmt::format("'{}' {}: trying again", name_, why));
    }
    told_lost_ = true;
  }

  /// After a pause that grows from time to time.
  void connect() {
    if (!pause_.wait(stop_.get_token())) return;
    try {
      pipeline_ = std::make_unique<LivePipeline>(address_, pipeline_options(options_));
    } catch (const Error& error) {
      if (error.what() != std::exchange(last_why_, error.what())) tell(error.what());
    }
  }

  void tell_back() {
    told_lost_ = false;
    last_why_.clear();
    tell(fmt::format("'{}' is back after {:.1f} s", name_, seconds_since(lost_ns_)));
  }

  /// Says once that many packets are lost. What was counted in earlier connections stays counted:
  /// where very many are lost, none lasts.
  void watch_packets() {
    if (told_packets_) return;
    const std::optional<Packets> now = pipeline_->packets();
    if (!now) return;
    const bool again = now->came < packets_before_.came || now->lost < packets_before_.lost;
    const Packets before = std::exchange(packets_before_, *now);
    // Another jitter buffer counts anew.
    packets_.came += now->came - (again ? 0 : before.came);
    packets_.lost += now->lost - (again ? 0 : before.lost);
    const std::uint64_t all = packets_.came + packets_.lost;
    if (all < kPacketsWatched) return;
    const double lost = static_cast<double>(packets_.lost) / static_cast<double>(all);
    packets_ = {};
    if (lost <= kManyLost) return;
    told_packets_ = true;
    const std::string rest = name_.substr(name_.find("://"));
    tell(
        fmt::format("'{}' loses {:.0f} % of its packets on the way, and pictures with them: "
                    "rtspt{} (by TCP) loses none",
                    name_, 100 * lost, rest));
  }

  void tell(const std::string& line) const {
    if (options_.tell) options_.tell(line);
  }

  const LiveAddress address_;
  const std::string name_;
  const SourceOptions options_;
  CameraViews views_;
  std::stop_source stop_;
  std::unique_ptr<LivePipeline> pipeline_;
  std::vector<CameraInfo> cameras_;
  std::optional<Frame> first_;  ///< taken while opening
  std::optional<std::int64_t> began_ns_;
  std::uint64_t numbers_before_;  ///< of this connection's pictures
  std::optional<std::uint64_t> next_number_;
  std::atomic<std::uint64_t> skipped_ = 0;
  bool told_lost_ = false;
  std::int64_t lost_ns_ = 0;
  std::string last_why_;
  Packets packets_;         ///< since they were looked at last
  Packets packets_before_;  ///< of this connection, as they were read last
  bool told_packets_ = false;
  GrowingPause pause_;
};

}  // namespace

std::unique_ptr<Source> open_live_source(const LiveAddress& address, const SourceOptions& options) {
  const std::string name = shown(address);
  if (!options.realtime) {
    throw Error(ExitCode::usage, "'" + name +
                                     "' is live: it cannot be played --fast (with --out, add "
                                     "--realtime)");
  }
  if (options.feed_fps > 0 || options.loop || options.start_ns > 0) {
    throw Error(ExitCode::usage, "'" + name +
                                     "' is live: it has its own rate, and neither a beginning "
                                     "nor an end");
  }
  if (options.dma_buf && address.kind != LiveAddress::Kind::camera) {
    throw Error(ExitCode::source,
                "'" + name +
                    "' is no camera (as /dev/video0 would be), which source.dma_buf = true asks "
                    "for");
  }
  return std::make_unique<LiveSource>(address, options);
}

}  // namespace lazarillo
