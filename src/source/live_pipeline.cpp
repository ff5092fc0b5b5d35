#include "source/live_pipeline.h"

#include <fmt/format.h>
#include <gst/app/gstappsink.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "clock.h"
#include "error.h"
#include "gpu/device.h"
#include "lower_case.h"
#include "source/dma_buf_picture.h"
#include "source/dma_buf_support.h"
#include "source/live_clock.h"
#include "source/picture_caps.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;

/// A machine that does not answer at all is away.
constexpr guint64 kConnect_us = 5'000'000;
/// UDP that brings nothing for so long does not get through: RTSP then tries TCP.
constexpr guint64 kUdpSilence_us = 2'000'000;

/// The camera that is meant: a device, or the first whose name contains the text.
std::string device_of(const LiveAddress& address) {
  if (address.location.starts_with("/")) return address.location;
  const std::vector<CameraSupport> cameras = cameras_here();
  for (const CameraSupport& camera : cameras) {
    if (lower_case(camera.name).find(lower_case(address.location)) != std::string::npos) {
      return camera.device.string();
    }
  }
  const std::string which =
      address.location.empty() ? "" : " of the name '" + address.location + "'";
  throw Error(ExitCode::source, "there is no camera" + which +
                                    " here: is it plugged in? (`lazarillo sources` lists them)");
}

/// What v4l2src would only say in passing, or not at all.
void check_dma_buf(const std::string& device) {
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

CameraMode mode_for(const std::string& device, const ModeWish& wish) {
  const std::vector<CameraMode> modes = modes_of(device);
  const auto best = best_mode(modes, wish);
  if (best) return *best;
  std::vector<std::string> offered;
  offered.reserve(modes.size());
  for (const CameraMode& mode : modes) offered.push_back(mode.text());
  const std::string card = wish.compressed_only ? ", of which the card decodes JPEG and H264" : "";
  throw Error(
      ExitCode::usage,
      fmt::format(
          "the camera '{}' has no mode as source.mode wants it; it has {}{}", device,
          offered.empty() ? "none that can be used" : fmt::format("{}", fmt::join(offered, "; ")),
          card));
}

void set_user(GstElement* source, const LiveAddress& address) {
  if (address.user.empty()) return;
  g_object_set(source, "user-id", address.user.c_str(), "user-pw", address.password.c_str(),
               nullptr);
}

}  // namespace

LivePipeline::LivePipeline(const LiveAddress& address, const LivePipelineOptions& options)
    : options_(options), may_be_recording_(address.kind == LiveAddress::Kind::http) {
  gstreamer::init();
  {
    // Hands what is written so far over to GStreamer's threads, which lock before they look.
    const std::lock_guard lock(mutex_);
    pipeline_.reset(gst_pipeline_new(nullptr));
    gst_object_ref_sink(pipeline_.get());
    // The system's monotonic clock, so that its times are those of everybody here; not a sender's.
    const Ptr<GstClock> clock(gst_system_clock_obtain());
    gst_pipeline_use_clock(reinterpret_cast<GstPipeline*>(pipeline_.get()), clock.get());
    const Ptr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    gst_bus_set_sync_handler(bus.get(), &LivePipeline::on_message, this, nullptr);
    switch (address.kind) {
      case LiveAddress::Kind::camera:
        if (options_.dma_buf) {
          build_dma_buf(address);
        } else {
          build_camera(address);
        }
        break;
      case LiveAddress::Kind::rtsp:
        build_rtsp(address);
        break;
      default:
        build_stream(address);
    }
  }
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
    give_up("cannot be started", false);
  }
}

LivePipeline::~LivePipeline() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

GstElement* LivePipeline::add(GstElement* element) {
  gst_bin_add(reinterpret_cast<GstBin*>(pipeline_.get()), element);
  return element;
}

DecodeChain& LivePipeline::add_chain(bool joins) {
  return chain_.emplace(
      pipeline_.get(), static_cast<PictureTaker&>(*this),
      DecodeOptions{
          .on_card = options_.on_card, .live = true, .joins = joins, .tap = options_.tap});
}

void LivePipeline::build_camera(const LiveAddress& address) {
  const std::string device = device_of(address);
  ModeWish wish = options_.mode;
  wish.compressed_only = options_.on_card;
  const CameraMode mode = mode_for(device, wish);
  GstElement* camera = add(gstreamer::make_element("v4l2src"));
  g_object_set(camera, "device", device.c_str(), nullptr);
  GstElement* filter = add(gstreamer::make_element("capsfilter"));
  const Ptr<GstCaps> caps(gst_caps_from_string(caps_of(mode).c_str()));
  g_object_set(filter, "caps", caps.get(), nullptr);
  gst_element_link_many(camera, filter, add_chain().decoder(), nullptr);
}

void LivePipeline::build_dma_buf(const LiveAddress& address) {
  (void)gpu_info();
  const std::string device = device_of(address);
  check_dma_buf(device);
  upload_.emplace();
  GstElement* camera = add(gstreamer::make_element("v4l2src"));
  GstElement* sink = add(gstreamer::make_element("appsink"));
  g_object_set(camera, "device", device.c_str(), nullptr);
  gst_util_set_object_arg(reinterpret_cast<GObject*>(camera), "io-mode", "dmabuf");
  const Ptr<GstCaps> caps(gst_caps_from_string("video/x-raw,format=(string){NV12,GRAY8}"));
  g_object_set(sink, "caps", caps.get(), "sync", FALSE, "max-buffers", 1U, "enable-last-sample",
               FALSE, nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = [](GstAppSink* from, void* self) {
    Ptr<GstSample> sample(gst_app_sink_pull_sample(from));
    if (!sample) return GST_FLOW_EOS;
    return static_cast<LivePipeline*>(self)->arrived({std::move(sample), {}});
  };
  callbacks.eos = [](GstAppSink*, void* self) { static_cast<LivePipeline*>(self)->end(); };
  gst_app_sink_set_callbacks(reinterpret_cast<GstAppSink*>(sink), &callbacks, this, nullptr);
  gst_element_link(camera, sink);
}

void LivePipeline::build_rtsp(const LiveAddress& address) {
  GstElement* source = add(gstreamer::make_element("rtspsrc"));
  g_object_set(source, "location", address.location.c_str(), "latency",
               static_cast<guint>(options_.jitter_ms), "drop-on-latency", TRUE, "udp-reconnect",
               FALSE, "timeout", kUdpSilence_us, "tcp-timeout", kConnect_us, nullptr);
  set_user(source, address);
  // Encrypted there is no other way to advise.
  if (!address.location.starts_with("rtsps:")) packets_.emplace(source);
  g_signal_connect_data(source, "select-stream",
                        reinterpret_cast<GCallback>(&LivePipeline::on_select_stream), this, nullptr,
                        GConnectFlags{});
  g_signal_connect_data(source, "pad-added", reinterpret_cast<GCallback>(&LivePipeline::on_stream),
                        this, nullptr, GConnectFlags{});
  // By UDP its first packets may be lost before anybody counts them.
  add_chain(!address.location.starts_with("rtspt:"));
}

void LivePipeline::build_stream(const LiveAddress& address) {
  GError* raw = nullptr;
  GstElement* source =
      gst_element_make_from_uri(GST_URI_SRC, address.location.c_str(), nullptr, &raw);
  const Ptr<GError> error(raw);
  if (source == nullptr) {
    throw Error(ExitCode::source,
                fmt::format("'{}' cannot be opened: {}", without_secrets(address.location),
                            error ? error->message : "no reason given"));
  }
  add(source);
  if (address.kind == LiveAddress::Kind::http) {
    // Times of Motion JPEG are those of its arrival.
    g_object_set(source, "is-live", TRUE, "do-timestamp", TRUE, "timeout",
                 static_cast<guint>(kConnect_us / 1'000'000), "retries", 0, nullptr);
    set_user(source, address);
  } else if (address.location.find("latency=") == std::string::npos) {
    gstreamer::set_if_known(source, "latency",
                            std::to_string(options_.jitter_ms).c_str());  // srt, rtp
  }
  gstreamer::set_if_known(source, "auto-reconnect",
                          "false");  // srt: an end is an end; we connect again
  DecodeChain& chain = add_chain(address.location.starts_with("rtp:"));
  if (gst_element_link(source, chain.decoder()) != FALSE) return;
  // rtpsrc has its pads when something comes.
  g_signal_connect_data(source, "pad-added", reinterpret_cast<GCallback>(&LivePipeline::on_stream),
                        this, nullptr, GConnectFlags{});
}

std::optional<LivePipeline::Picture> LivePipeline::take(std::chrono::milliseconds patience,
                                                        const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, patience, [this] { return newest_.sample || !failure_.empty(); });
  if (stop.stop_requested() || !newest_.sample) return std::nullopt;
  PipelinePicture picture = std::move(newest_);
  newest_ = {};
  const std::uint64_t number = arrived_ - 1;
  const bool first = std::exchange(taken_, true) == false;
  lock.unlock();
  if (first && may_be_recording_) refuse_recording();
  return failure().empty() ? finish(std::move(picture), number) : std::nullopt;
}

/// It would come as fast as the network is, not as it was taken.
void LivePipeline::refuse_recording() {
  gint64 length = 0;
  if (gst_element_query_duration(chain_->sink(), GST_FORMAT_TIME, &length) == FALSE ||
      length <= 0) {
    return;
  }
  fail(fmt::format("is a recording of {:.1f} s, not live: save it and give the file",
                   static_cast<double>(length) / 1e9));
}

std::optional<LivePipeline::Picture> LivePipeline::finish(PipelinePicture picture,
                                                          std::uint64_t number) {
  Picture taken;
  taken.capture_ns = taken_ns(picture.sample.get());
  taken.number = number;
  try {
    if (upload_) {
      const DmaBufPicture buffer = dma_buf_picture(picture.sample.get());
      const DmaBufAccess access(buffer.fd);
      taken.decoded.device = upload_->bring(buffer);
      taken.decoded.width = buffer.width;
      taken.decoded.height = buffer.height;
    } else {
      auto decoded = decoded_picture(std::move(picture), options_.on_card);
      if (!decoded) throw Error(ExitCode::source, "gave a picture that cannot be read");
      taken.decoded = std::move(*decoded);
    }
  } catch (const Error& error) {
    fail(error.what());
    return std::nullopt;
  }
  return taken;
}

std::int64_t LivePipeline::taken_ns(GstSample* sample) const {
  const GstClockTime pts = GST_BUFFER_PTS(gst_sample_get_buffer(sample));
  const guint64 running =
      GST_CLOCK_TIME_IS_VALID(pts)
          ? gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME, pts)
          : GST_CLOCK_TIME_NONE;
  const auto known = running == GST_CLOCK_TIME_NONE
                         ? std::nullopt
                         : std::optional(static_cast<std::int64_t>(running));
  return capture_ns_of(pipeline_.get(), known, steady_now_ns());
}

std::string LivePipeline::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

bool LivePipeline::lasting() const {
  const std::lock_guard lock(mutex_);
  return lasting_;
}

std::optional<Packets> LivePipeline::packets() const {
  return packets_ ? packets_->read() : std::nullopt;
}

// In GStreamer's threads.

void LivePipeline::give_up(const std::string& why, bool lasting) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) {
      failure_ = why;
      lasting_ = lasting;
    }
  }
  changed_.notify_all();
}

GstFlowReturn LivePipeline::arrived(PipelinePicture picture) {
  {
    const std::lock_guard lock(mutex_);
    std::swap(newest_, picture);  // the old one is let go of outside the lock
    ++arrived_;
  }
  changed_.notify_all();
  return GST_FLOW_OK;
}

void LivePipeline::end() { give_up("ended", false); }

void LivePipeline::on_error(GstMessage* message) {
  GError* raw = nullptr;
  gst_message_parse_error(message, &raw, nullptr);
  const Ptr<GError> error(raw);
  const auto is = [&](int code) { return g_error_matches(raw, GST_RESOURCE_ERROR, code) != FALSE; };
  std::string missing;
  if (chain_) missing = chain_->missing_plugin();
  const bool refused = is(GST_RESOURCE_ERROR_NOT_AUTHORIZED);
  const bool unknown = is(GST_RESOURCE_ERROR_NOT_FOUND);
  std::string why = gstreamer::reason(message);
  if (refused) why = "wants another user name or password (rtsp://USER:PASSWORD@...)";
  if (unknown) why = "is not there: " + why;
  if (!missing.empty()) why = missing;
  if (!refused && !unknown && missing.empty()) why = "does not work: " + why;
  const bool unusable =
      g_error_matches(raw, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND) != FALSE ||
      g_error_matches(raw, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE) != FALSE;
  give_up(why, refused || unusable || !missing.empty());
}

GstBusSyncReply LivePipeline::on_message(GstBus*, GstMessage* message, void* self_pointer) {
  auto* self = static_cast<LivePipeline*>(self_pointer);
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    self->on_error(message);
  } else if (self->chain_) {
    self->chain_->hear(message);
  }
  gst_message_unref(message);
  return GST_BUS_DROP;
}

/// Sound is not asked for.
gboolean LivePipeline::on_select_stream(GstElement*, guint, GstCaps* caps, LivePipeline*) {
  const char* media = gst_structure_get_string(gst_caps_get_structure(caps, 0), "media");
  return media == nullptr || std::string_view(media) == "video" ? TRUE : FALSE;
}

void LivePipeline::on_stream(GstElement*, GstPad* pad, LivePipeline* self) {
  GstElement* decoder = nullptr;
  {
    const std::lock_guard lock(self->mutex_);
    decoder = self->chain_->decoder();
  }
  const Ptr<GstPad> target(gst_element_get_static_pad(decoder, "sink"));
  if (gst_pad_is_linked(target.get()) != FALSE) return;
  if (GST_PAD_LINK_FAILED(gst_pad_link(pad, target.get()))) {
    self->fail("sends pictures in a form that cannot be read");
  }
}

}  // namespace lazarillo
