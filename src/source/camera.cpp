#include "source/camera.h"

#include <fmt/format.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <chrono>
#include <utility>

#include "clock.h"
#include "error.h"
#include "gpu/device.h"
#include "source/camera_view.h"
#include "source/dma_buf_picture.h"
#include "source/dma_buf_support.h"
#include "source/dma_buf_upload.h"
#include "source/gstreamer_support.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;
using std::chrono::seconds;

/// A camera adjusts its exposure before its first picture; then it is steady.
constexpr seconds kFirstPicture{10};
constexpr seconds kNextPicture{5};

/// What v4l2src would only say in passing, or not at all.
void check_camera(const std::string& device) {
  const CameraSupport camera = ask_camera(device);
  const std::string name = "the camera '" + device + "' ";
  if (!camera.exports) {
    throw Error(ExitCode::source,
                name + "cannot hand its buffers over (source.dma_buf): " + camera.how);
  }
  if (!camera.card_reads) throw Error(ExitCode::source, name + "cannot be used: " + camera.how);
  if (!camera.gives_plain_pictures()) {
    throw Error(ExitCode::source, fmt::format("{}gives {}: source.dma_buf needs NV12 or GREY", name,
                                              fmt::join(camera.formats, ", ")));
  }
}

class CameraSource final : public Source {
 public:
  CameraSource(std::string device, const SourceOptions& options)
      : device_(std::move(device)), views_(options) {
    gstreamer::init();
    (void)gpu_info();
    check_camera(device_);
    upload_ = std::make_unique<DmaBufUpload>();
    build();
    if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
      fault_ = "cannot be started";
    }
    if (fault_.empty()) first_ = take(kFirstPicture);
    if (!first_) {
      gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
      throw Error(ExitCode::source, fault());
    }
    cameras_.push_back({device_, first_->intrinsics});
  }

  ~CameraSource() override {
    first_.reset();
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  }

  /// Throws Error(usage) where the calibration is for pictures of another shape.
  void check_shape() const { views_.check_shape(first_->width, first_->height); }

  [[nodiscard]] const std::vector<CameraInfo>& cameras() const override { return cameras_; }

  [[nodiscard]] std::optional<Frame> next() override {
    if (first_) return std::exchange(first_, std::nullopt);
    return fault_.empty() ? take(kNextPicture) : std::nullopt;
  }

  [[nodiscard]] std::string fault() const override {
    return fault_.empty() ? "" : "the camera '" + device_ + "' " + fault_;
  }
  [[nodiscard]] std::optional<std::int64_t> duration_ns() const override { return std::nullopt; }
  void stop() override { stopped_ = true; }

 private:
  void build() {
    pipeline_.reset(gst_pipeline_new(nullptr));
    gst_object_ref_sink(pipeline_.get());
    GstElement* camera = gstreamer::make_element("v4l2src");
    sink_ = gstreamer::make_element("appsink");
    gst_bin_add_many(reinterpret_cast<GstBin*>(pipeline_.get()), camera, sink_, nullptr);
    g_object_set(camera, "device", device_.c_str(), nullptr);
    gst_util_set_object_arg(reinterpret_cast<GObject*>(camera), "io-mode", "dmabuf");
    const Ptr<GstCaps> caps(gst_caps_from_string("video/x-raw,format=(string){NV12,GRAY8}"));
    g_object_set(sink_, "caps", caps.get(), "sync", FALSE, "max-buffers", 1U, "drop", TRUE,
                 "enable-last-sample", FALSE, nullptr);
    gst_element_link(camera, sink_);
  }

  /// The next picture; nullopt after stop() and when the camera fails, which fault_ then says.
  std::optional<Frame> take(seconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!stopped_) {
      const Ptr<GstSample> sample(
          gst_app_sink_try_pull_sample(reinterpret_cast<GstAppSink*>(sink_), 50 * GST_MSECOND));
      try {
        if (sample) return frame_of(sample.get());
      } catch (const Error& error) {
        fault_ = std::string("cannot be used: ") + error.what();
        return std::nullopt;
      }
      if (failed()) return std::nullopt;
      if (std::chrono::steady_clock::now() > deadline) {
        fault_ = "gave no picture for " + std::to_string(patience.count()) + " s";
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

  /// Whether GStreamer has reported an error or the end.
  bool failed() {
    const Ptr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    GstMessage* message = gst_bus_pop_filtered(
        bus.get(), static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS));
    if (message == nullptr) return false;
    fault_ = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR
                 ? "stopped: " + gstreamer::reason(message)
                 : "stopped by itself";
    gst_message_unref(message);
    return true;
  }

  Frame frame_of(GstSample* sample) {
    const std::int64_t now_ns = steady_now_ns();
    const DmaBufPicture picture = dma_buf_picture(sample);
    Frame frame;
    {
      const DmaBufAccess access(picture.fd);
      frame.device = upload_->bring(picture);
    }
    // v4l2src stamps with the time the driver gives, as running time of the pipeline, whose clock
    // is the system's monotonic one: that of std::chrono::steady_clock.
    const GstClockTime pts = GST_BUFFER_PTS(gst_sample_get_buffer(sample));
    const GstClockTime base = gst_element_get_base_time(pipeline_.get());
    frame.stamp.capture_ns =
        GST_CLOCK_TIME_IS_VALID(pts) ? static_cast<std::int64_t>(base + pts) : now_ns;
    if (!began_ns_) began_ns_ = frame.stamp.capture_ns;
    frame.stamp.stream_ns = frame.stamp.capture_ns - *began_ns_;
    frame.stamp.sequence = sequence_++;
    frame.width = picture.width;
    frame.height = picture.height;
    frame.format = PixelFormat::nv12;
    const CameraView& view = views_.of(picture.width, picture.height);
    frame.intrinsics = view.intrinsics;
    frame.lens = view.lens;
    return frame;
  }

  const std::string device_;
  CameraViews views_;
  std::unique_ptr<DmaBufUpload> upload_;
  Ptr<GstElement> pipeline_;
  GstElement* sink_ = nullptr;  // the pipeline's
  std::vector<CameraInfo> cameras_;
  std::optional<Frame> first_;  ///< taken while opening
  std::optional<std::int64_t> began_ns_;
  std::uint64_t sequence_ = 0;
  std::string fault_;  // touched by the thread that calls next()
  std::atomic<bool> stopped_ = false;
};

}  // namespace

bool is_camera(const std::string& path) {
  constexpr unsigned kVideo4Linux = 81;  // the kernel's major number, devices.txt
  struct stat node {};
  return stat(path.c_str(), &node) == 0 && S_ISCHR(node.st_mode) &&
         major(node.st_rdev) == kVideo4Linux;
}

std::unique_ptr<Source> open_camera(const std::string& device, const SourceOptions& options) {
  if (!options.realtime) {
    throw Error(ExitCode::usage, "'" + device +
                                     "' is a camera, which only live runs see: add "
                                     "--realtime");
  }
  if (options.feed_fps > 0 || options.loop || options.start_ns > 0) {
    throw Error(ExitCode::usage, "'" + device +
                                     "' is a camera: it has its own rate, and neither a "
                                     "beginning nor an end");
  }
  auto camera = std::make_unique<CameraSource>(device, options);
  camera->check_shape();
  return camera;
}

}  // namespace lazarillo
