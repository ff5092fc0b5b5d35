#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "clock.h"
#include "error.h"
#include "source/picture_decoder.h"
#include "source/source.h"
#include "source/stream_clock.h"

namespace lazarillo {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The path a file: URI names (RFC 8089), its %xx decoded; anything without a scheme is a path.
std::filesystem::path local_path(const std::string& uri) {
  const auto colon = uri.find("://");
  if (!uri.starts_with("file:")) {
    if (colon != std::string::npos && uri.find('/') == colon + 1) {
      throw Error(ExitCode::source, "'" + uri + "' is not a file: give a path or a file: URI");
    }
    return uri;
  }
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

class FileSource final : public Source {
 public:
  FileSource(const std::filesystem::path& file, const SourceOptions& options)
      : options_(options), decoder_(file) {
    // Pulled now, so that cameras() knows the size; handed out by the first next().
    first_ = decoder_.next();
    if (!first_) throw Error(ExitCode::source, decoder_.fault());
    cameras_.push_back({"video", intrinsics_of(*first_)});
  }

  [[nodiscard]] const std::vector<CameraInfo>& cameras() const override { return cameras_; }

  [[nodiscard]] std::optional<Frame> next() override {
    const std::int64_t asked_ns = steady_now_ns();
    while (auto picture = pull()) {
      const auto stream_ns = clock_.place(picture->time_ns, picture->duration_ns);
      if (!stream_ns) continue;
      Frame frame;
      frame.stamp = {0, sequence_, asked_ns, *stream_ns};
      if (options_.realtime) {
        if (sequence_ == 0) origin_ns_ = asked_ns;
        frame.stamp.capture_ns = origin_ns_ + *stream_ns;
        if (!wait_until(frame.stamp.capture_ns)) return std::nullopt;
      }
      ++sequence_;
      frame.intrinsics = intrinsics_of(*picture);
      frame.width = picture->width;
      frame.height = picture->height;
      frame.stride_bytes = picture->stride_bytes;
      frame.pixels = std::move(picture->pixels);
      return frame;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string fault() const override { return decoder_.fault(); }

  [[nodiscard]] std::optional<std::int64_t> duration_ns() const override {
    return decoder_.duration_ns();
  }

  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    stop_asked_.notify_all();
    decoder_.stop();
  }

 private:
  [[nodiscard]] Intrinsics intrinsics_of(const DecodedPicture& picture) const {
    return Intrinsics::from_hfov(options_.hfov_deg, picture.width, picture.height,
                                 options_.hfov_assumed);
  }

  std::optional<DecodedPicture> pull() {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return std::nullopt;
    }
    return first_ ? std::exchange(first_, std::nullopt) : decoder_.next();
  }

  /// False when stop() came first.
  bool wait_until(std::int64_t due_ns) {
    const std::chrono::steady_clock::time_point due{std::chrono::nanoseconds(due_ns)};
    std::unique_lock lock(mutex_);
    return !stop_asked_.wait_until(lock, due, [this] { return stopped_; });
  }

  const SourceOptions options_;
  PictureDecoder decoder_;
  std::optional<DecodedPicture> first_;
  std::vector<CameraInfo> cameras_;
  StreamClock clock_;
  std::uint64_t sequence_ = 0;
  std::int64_t origin_ns_ = 0;

  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Source> open_source(const std::string& uri, const SourceOptions& options) {
  // A wrong field of view is refused before any file is touched.
  (void)Intrinsics::from_hfov(options.hfov_deg, 2, 2);
  return std::make_unique<FileSource>(local_path(uri), options);
}

}  // namespace lazarillo
