#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#include "clock.h"
#include "error.h"
#include "source/bridge_source.h"
#include "source/camera_view.h"
#include "source/live_source.h"
#include "source/picture_sequence.h"
#include "source/rig.h"
#include "source/source.h"

namespace lazarillo {
namespace {

constexpr int kLargestFps = 1000;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The path a file: URI names (RFC 8089), its %xx decoded; anything without a scheme is a path.
std::filesystem::path local_path(const std::string& uri) {
  if (!uri.starts_with("file:")) return uri;
  std::string_view rest = std::string_view(uri).substr(5);
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    if (rest.starts_with("localhost/")) rest.remove_prefix(9);
    if (!rest.starts_with("/")) {
      throw Error(ExitCode::source, "'" + uri + "' names another machine: give a local file");
    }
  }
  std::string path;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '%' && i + 2 < rest.size()) {
      const int high = hex_digit(rest[i + 1]);
      const int low = hex_digit(rest[i + 2]);
      if (high >= 0 && low >= 0) {
        path += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    path += rest[i];
  }
  return path;
}

void check(const SourceOptions& options) {
  // A wrong field of view is refused before any file is touched.
  (void)CameraViews(options);
  if (!(options.feed_fps >= 0 && options.feed_fps <= kLargestFps)) {
    throw Error(ExitCode::usage, "the frame rate to feed must be between 0 (the file's own) and " +
                                     std::to_string(kLargestFps) + " a second");
  }
  if (options.start_ns < 0 || options.late_drop_ns < 0) {
    throw Error(ExitCode::usage, "start and lateness of a source cannot be negative");
  }
}

/// Whoever taps a file wants its pictures once, from the first.
void check_tap(const SourceOptions& options) {
  if (options.tap == nullptr) return;
  if (options.dma_buf) {
    throw Error(ExitCode::usage,
                "pictures that only the card has cannot be recorded: leave out source.dma_buf");
  }
  if (options.loop || options.start_ns > 0 || options.feed_fps > 0) {
    throw Error(ExitCode::usage,
                "a recording is of a source at its own rate, once: leave out --feed-fps");
  }
}

class FileSource final : public Source {
 public:
  FileSource(const std::filesystem::path& file, const SourceOptions& options)
      : options_(options),
        views_(options),
        origin_ns_(options.origin_ns),
        pictures_(file,
                  {options.feed_fps, options.loop, options.start_ns, options.on_card, options.tap},
                  stop_.get_token()) {
    views_.check_shape(pictures_.width(), pictures_.height());
    cameras_.push_back({"video", views_.of(pictures_.width(), pictures_.height()).intrinsics});
  }

  ~FileSource() override { stop_.request_stop(); }

  [[nodiscard]] const std::vector<CameraInfo>& cameras() const override { return cameras_; }

  [[nodiscard]] std::optional<Frame> next() override {
    const std::int64_t asked_ns = steady_now_ns();
    while (const auto place = pictures_.advance()) {
      FrameStamp stamp{0, place->number, asked_ns, place->stream_ns};
      if (options_.realtime) {
        if (!origin_ns_) origin_ns_ = asked_ns - options_.start_ns;
        stamp.capture_ns = *origin_ns_ + place->stream_ns;
        if (too_late(stamp.capture_ns)) {
          ++skipped_;
          continue;
        }
        if (!wait_until(stamp.capture_ns)) return std::nullopt;
      }
      auto picture = pictures_.picture();
      if (!picture) return std::nullopt;
      Frame frame;
      frame.stamp = stamp;
      const CameraView& view = views_.of(picture->width, picture->height);
      frame.intrinsics = view.intrinsics;
      frame.lens = view.lens;
      frame.width = picture->width;
      frame.height = picture->height;
      frame.stride_bytes = picture->stride_bytes;
      frame.pixels = std::move(picture->pixels);
      if (picture->device) {
        frame.format = PixelFormat::nv12;
        frame.device = std::move(picture->device);
      }
      return frame;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string fault() const override { return pictures_.fault(); }

  [[nodiscard]] std::optional<std::int64_t> duration_ns() const override {
    return pictures_.duration_ns();
  }

  [[nodiscard]] std::uint64_t skipped() const override { return skipped_; }

  void stop() override { stop_.request_stop(); }

 private:
  [[nodiscard]] bool too_late(std::int64_t due_ns) const {
    return options_.late_drop_ns > 0 && steady_now_ns() - due_ns > options_.late_drop_ns;
  }

  /// False when stop() came first.
  bool wait_until(std::int64_t due_ns) {
    const std::chrono::steady_clock::time_point due{std::chrono::nanoseconds(due_ns)};
    std::unique_lock lock(mutex_);
    stopped_.wait_until(lock, stop_.get_token(), due, [] { return false; });
    return !stop_.stop_requested();
  }

  const SourceOptions options_;
  CameraViews views_;
  std::optional<std::int64_t> origin_ns_;  ///< moment of stream time 0, once it is known
  std::stop_source stop_;
  PictureSequence pictures_;
  std::vector<CameraInfo> cameras_;
  std::atomic<std::uint64_t> skipped_ = 0;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
};

}  // namespace

bool is_live(const std::string& uri) {
  const auto aria = aria_address(uri);
  return (aria && aria->recording.empty()) || live_address(uri);
}

std::unique_ptr<Source> open_source(const std::string& uri, const SourceOptions& options) {
  check(options);
  check_tap(options);
  const auto aria = aria_address(uri);
  if (options.camera == kAllCameras && !aria) {
    throw Error(
        ExitCode::usage,
        "source.camera = \"all\" is for what has several cameras (aria:, a .vrs file): leave "
        "it out");
  }
  if (const auto live = live_address(uri)) return open_live_source(*live, options);
  if (aria) return open_aria(*aria, options);
  if (options.dma_buf) {
    throw Error(ExitCode::source, "'" + uri +
                                      "' is no camera (as /dev/video0 would be), which "
                                      "source.dma_buf = true asks for");
  }
  return std::make_unique<FileSource>(local_path(uri), options);
}

}  // namespace lazarillo
