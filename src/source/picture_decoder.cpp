#include "source/picture_decoder.h"

#include <gst/app/gstappsink.h>
#include <gst/pbutils/pbutils.h>
#include <gst/video/video.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <utility>

#include "error.h"
#include "source/gstreamer_support.h"
#include "source/media_file.h"
#include "source/picture_caps.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;
using std::chrono::seconds;

constexpr std::size_t kAhead = 4;  ///< pictures decoded ahead of next()
/// A local file that yields nothing for so long will yield nothing more.
constexpr seconds kStalled{60};
constexpr const char* kUnreadable = "cannot be read";
/// After an error the elements behind it still empty what they hold; they need not say when done.
constexpr seconds kDraining{2};

std::string seconds_text(std::int64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(ns) / 1e9);
  return text;
}

/// Keeps a decoded sample mapped as long as anybody holds its pixels.
struct MappedSample {
  explicit MappedSample(Ptr<GstSample> s) : sample(std::move(s)) {
    GstVideoInfo info;
    GstCaps* caps = gst_sample_get_caps(sample.get());
    GstBuffer* buffer = gst_sample_get_buffer(sample.get());
    mapped = caps != nullptr && buffer != nullptr &&
             gst_video_info_from_caps(&info, caps) != FALSE &&
             gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ) != FALSE;
  }
  ~MappedSample() {
    if (mapped) gst_video_frame_unmap(&frame);
  }
  MappedSample(const MappedSample&) = delete;
  MappedSample& operator=(const MappedSample&) = delete;

  Ptr<GstSample> sample;
  GstVideoFrame frame{};
  bool mapped = false;
};

}  // namespace

/// filesrc ! decodebin ! videoconvert ! videoscale ! videoflip ! BGR, square pixels ! appsink.
/// GStreamer's threads fill `ready`; everything below `mutex` is shared with them.
struct PictureDecoder::Impl {
  std::string name;
  Ptr<GstElement> pipeline;
  GstElement* convert = nullptr;  // these two are the pipeline's
  GstElement* sink = nullptr;
  std::optional<std::int64_t> duration_ns;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Ptr<GstSample>> ready;
  bool linked = false;  // to a picture stream
  bool ended = false;
  bool stopped = false;
  std::string failure;          // the first thing that went wrong
  std::string missing_plugin;   // the decoder that was wanted
  std::int64_t reached_ns = 0;  // end of the furthest data of any stream
  bool over = false;            // next() has given nullopt

  explicit Impl(const std::filesystem::path& file) : name(quoted(file)) {
    check_readable(file);
    build(file);
    if (gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
      fail("cannot be opened");
    }
    std::unique_lock lock(mutex);
    await_first(lock);
    // An error that overtakes the first picture on its way through the decoder does not hide it.
    if (linked && ready.empty() && !ended) await(lock, [this] { return !ready.empty() || ended; });
    if (ready.empty()) {
      std::string line =
          name + " " + (failure.empty() ? "holds no picture that can be decoded" : failure);
      if (line.find(kUnreadable) != std::string::npos) line += ": is the file complete?";
      lock.unlock();
      shut_down();
      throw Error(ExitCode::source, line);
    }
    lock.unlock();
    gint64 length = 0;
    if (gst_element_query_duration(sink, GST_FORMAT_TIME, &length) != FALSE && length > 0) {
      duration_ns = length;
    }
    const auto before_cut = length_of_cut_avi_ns(file);
    if (before_cut) duration_ns = std::max(*before_cut, duration_ns.value_or(0));
  }

  ~Impl() { shut_down(); }

  void build(const std::filesystem::path& file) {
    pipeline.reset(gst_pipeline_new(nullptr));
    gst_object_ref_sink(pipeline.get());
    const auto add = [this](const char* factory) {
      GstElement* element = gstreamer::make_element(factory);
      gst_bin_add(reinterpret_cast<GstBin*>(pipeline.get()), element);
      return element;
    };
    GstElement* reader = add("filesrc");
    GstElement* decoder = add("decodebin");
    convert = add("videoconvert");
    GstElement* scale = add("videoscale");
    GstElement* flip = add("videoflip");
    sink = add("appsink");
    g_object_set(reader, "location", file.c_str(), nullptr);
    gst_util_set_object_arg(reinterpret_cast<GObject*>(flip), "video-direction", "auto");
    const Ptr<GstCaps> caps(gst_caps_from_string("video/x-raw,format=BGR,pixel-aspect-ratio=1/1"));
    // sync=false: the pace is the caller's. One picture here, the rest in `ready`.
    g_object_set(sink, "caps", caps.get(), "sync", FALSE, "max-buffers", 1U, "enable-last-sample",
                 FALSE, nullptr);
    gst_element_link(reader, decoder);
    gst_element_link_many(convert, scale, flip, sink, nullptr);

    GstAppSinkCallbacks callbacks{};
    callbacks.new_sample = &Impl::on_sample;
    callbacks.eos = &Impl::on_end;
    gst_app_sink_set_callbacks(reinterpret_cast<GstAppSink*>(sink), &callbacks, this, nullptr);
    connect(decoder, "autoplug-continue", reinterpret_cast<GCallback>(&Impl::on_plug));
    connect(decoder, "pad-added", reinterpret_cast<GCallback>(&Impl::on_pad));
    connect(decoder, "no-more-pads", reinterpret_cast<GCallback>(&Impl::on_all_pads));
    const Ptr<GstPad> pad(gst_element_get_static_pad(convert, "sink"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, &Impl::on_event, this,
                      nullptr);
    const Ptr<GstBus> bus(gst_element_get_bus(pipeline.get()));
    gst_bus_set_sync_handler(bus.get(), &Impl::on_message, this, nullptr);
  }

  void connect(GstElement* element, const char* signal, GCallback callback) {
    g_signal_connect_data(element, signal, callback, this, nullptr, GConnectFlags{});
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopped = true;
    }
    changed.notify_all();
  }

  /// Ends GStreamer's threads; none of the callbacks runs any more after it.
  void shut_down() {
    stop();
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }

  /// Waits for the condition or stop(), but never for ever.
  template <typename Condition>
  void await(std::unique_lock<std::mutex>& lock, Condition condition) {
    const bool draining = !failure.empty();
    const bool heard = changed.wait_for(lock, draining ? kDraining : kStalled,
                                        [&] { return condition() || stopped; });
    if (heard) return;
    ended = true;
    if (!draining) failure = "gave no picture for " + std::to_string(kStalled.count()) + " s";
  }

  /// Waits for the first picture or the end of hope. decodebin loses an error that an element posts
  /// while it is being added: a demuxer that ended its reading without giving any stream is taken
  /// for one.
  void await_first(std::unique_lock<std::mutex>& lock) {
    const auto heard = [this] { return !ready.empty() || ended || !failure.empty(); };
    const auto slice = std::chrono::milliseconds(50);
    const auto deadline = std::chrono::steady_clock::now() + kStalled;
    int idle = 0;
    while (!linked && std::chrono::steady_clock::now() < deadline) {
      if (changed.wait_for(lock, slice, [&] { return heard() || linked; })) break;
      lock.unlock();
      idle = nobody_reads() ? idle + 1 : 0;
      lock.lock();
      if (idle == 5) {
        failure = kUnreadable;
        return;
      }
    }
    await(lock, heard);
  }

  /// No element pulls data from the file any more.
  [[nodiscard]] bool nobody_reads() const {
    int reading = 0;
    int done = 0;
    const auto look = [&](GstElement* element) {
      const Ptr<GstPad> pad(gst_element_get_static_pad(element, "sink"));
      if (!pad) return;
      const GstTaskState state = gst_pad_get_task_state(pad.get());
      if (state == GST_TASK_STARTED) ++reading;
      if (state == GST_TASK_PAUSED) ++done;
    };
    GstIterator* elements = gst_bin_iterate_recurse(reinterpret_cast<GstBin*>(pipeline.get()));
    GValue item = G_VALUE_INIT;
    while (gst_iterator_next(elements, &item) == GST_ITERATOR_OK) {
      look(static_cast<GstElement*>(g_value_get_object(&item)));
      g_value_reset(&item);
    }
    g_value_unset(&item);
    gst_iterator_free(elements);
    return reading == 0 && done > 0;
  }

  void fail(const std::string& why) {
    {
      const std::lock_guard lock(mutex);
      if (failure.empty()) failure = why;
    }
    changed.notify_all();
  }

  Ptr<GstSample> take() {
    std::unique_lock lock(mutex);
    const auto arrived = [this] { return !ready.empty() || ended; };
    await(lock, [&] { return arrived() || !failure.empty(); });
    if (!stopped && !arrived()) await(lock, arrived);
    if (stopped || ready.empty()) {
      over = true;
      return nullptr;
    }
    Ptr<GstSample> sample = std::move(ready.front());
    ready.pop_front();
    lock.unlock();
    changed.notify_all();
    return sample;
  }

  // From here on: called by GStreamer, in its threads.

  static GstFlowReturn on_sample(GstAppSink* sink, void* self_pointer) {
    auto* self = static_cast<Impl*>(self_pointer);
    Ptr<GstSample> sample(gst_app_sink_pull_sample(sink));
    if (!sample) return GST_FLOW_EOS;
    std::unique_lock lock(self->mutex);
    self->changed.wait(lock, [self] { return self->ready.size() < kAhead || self->stopped; });
    if (self->stopped) return GST_FLOW_FLUSHING;
    self->ready.push_back(std::move(sample));
    lock.unlock();
    self->changed.notify_all();
    return GST_FLOW_OK;
  }

  static void on_end(GstAppSink*, void* self_pointer) {
    auto* self = static_cast<Impl*>(self_pointer);
    {
      const std::lock_guard lock(self->mutex);
      self->ended = true;
    }
    self->changed.notify_all();
  }

  /// Whether decodebin shall look further into a stream.
  static gboolean on_plug(GstElement*, GstPad*, GstCaps* caps, Impl* self) {
    if (is_bystander(name_of(caps))) return FALSE;
    const std::string complaint = size_complaint(caps, kLargestSide);
    if (complaint.empty()) return TRUE;
    self->fail(complaint);
    return FALSE;
  }

  static void on_pad(GstElement*, GstPad* pad, Impl* self) {
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, &Impl::on_buffer, self, nullptr);
    const Ptr<GstCaps> caps(gst_pad_get_current_caps(pad));
    Ptr<GstPad> target;
    if (name_of(caps.get()) == "video/x-raw") {
      target.reset(gst_element_get_static_pad(self->convert, "sink"));
      if (gst_pad_is_linked(target.get()) != FALSE) target.reset();
    }
    if (target) {
      if (GST_PAD_LINK_FAILED(gst_pad_link(pad, target.get()))) {
        self->fail("holds pictures in a form that cannot be converted");
        return;
      }
      const std::lock_guard lock(self->mutex);
      self->linked = true;
      return;
    }
    // The rest flows away unread: a stream that nobody takes would stall the one that is wanted.
    GstElement* drain = gst_element_factory_make("fakesink", nullptr);
    g_object_set(drain, "sync", FALSE, "async", FALSE, nullptr);
    gst_bin_add(reinterpret_cast<GstBin*>(self->pipeline.get()), drain);
    gst_element_sync_state_with_parent(drain);
    target.reset(gst_element_get_static_pad(drain, "sink"));
    gst_pad_link(pad, target.get());
  }

  static void on_all_pads(GstElement*, Impl* self) {
    std::string why;
    {
      const std::lock_guard lock(self->mutex);
      if (self->linked) return;
      why = self->missing_plugin.empty() ? "holds no picture stream" : self->missing_plugin;
    }
    self->fail(why);
  }

  /// Refuses a size before anything is allocated for it; also one that changes in the middle.
  static GstPadProbeReturn on_event(GstPad*, GstPadProbeInfo* info, void* self_pointer) {
    GstEvent* event = gst_pad_probe_info_get_event(info);
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    const std::string complaint = size_complaint(caps, kLargestSide);
    if (complaint.empty()) return GST_PAD_PROBE_OK;
    static_cast<Impl*>(self_pointer)->fail(complaint);
    return GST_PAD_PROBE_DROP;
  }

  /// Notes how far the streams of the file really reach.
  static GstPadProbeReturn on_buffer(GstPad* pad, GstPadProbeInfo* info, void* self_pointer) {
    const GstBuffer* buffer = gst_pad_probe_info_get_buffer(info);
    const Ptr<GstEvent> event(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0));
    if (buffer == nullptr || !event || !GST_BUFFER_PTS_IS_VALID(buffer)) return GST_PAD_PROBE_OK;
    const GstSegment* segment = nullptr;
    gst_event_parse_segment(event.get(), &segment);
    GstClockTime end = GST_BUFFER_PTS(buffer);
    if (GST_BUFFER_DURATION_IS_VALID(buffer)) end += GST_BUFFER_DURATION(buffer);
    const guint64 at = segment->format == GST_FORMAT_TIME
                           ? gst_segment_to_stream_time(segment, GST_FORMAT_TIME, end)
                           : GST_CLOCK_TIME_NONE;
    if (at == GST_CLOCK_TIME_NONE) return GST_PAD_PROBE_OK;
    auto* self = static_cast<Impl*>(self_pointer);
    const std::lock_guard lock(self->mutex);
    self->reached_ns = std::max(self->reached_ns, static_cast<std::int64_t>(at));
    return GST_PAD_PROBE_OK;
  }

  static GstBusSyncReply on_message(GstBus*, GstMessage* message, void* self_pointer) {
    auto* self = static_cast<Impl*>(self_pointer);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      self->on_error(message);
    } else if (gst_is_missing_plugin_message(message) != FALSE) {
      self->on_missing_plugin(message);
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
  }

  void on_error(GstMessage* message) {
    GError* raw = nullptr;
    gst_message_parse_error(message, &raw, nullptr);
    const Ptr<GError> error(raw);
    const bool unknown = g_error_matches(raw, GST_STREAM_ERROR, GST_STREAM_ERROR_TYPE_NOT_FOUND) ||
                         g_error_matches(raw, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE);
    std::string why = unknown ? "is not a video file"
                              : std::string(kUnreadable) + ": " + gstreamer::reason(message);
    {
      const std::lock_guard lock(mutex);
      if (!missing_plugin.empty()) why = missing_plugin;
    }
    fail(why);
  }

  void on_missing_plugin(GstMessage* message) {
    const GstStructure* s = gst_message_get_structure(message);
    GstCaps* raw = nullptr;
    gst_structure_get(s, "detail", GST_TYPE_CAPS, &raw, nullptr);
    const Ptr<GstCaps> caps(raw);
    if (!caps || is_bystander(name_of(caps.get()))) return;
    const Ptr<char> codec(gst_pb_utils_get_codec_description(caps.get()));
    const std::lock_guard lock(mutex);
    missing_plugin = std::string("needs a decoder for ") + (codec ? codec.get() : "its pictures") +
                     ", which is not installed: sudo apt install " +
                     gstreamer::package_for(caps.get());
  }
};

PictureDecoder::PictureDecoder(const std::filesystem::path& file) {
  gstreamer::init();
  impl_ = std::make_unique<Impl>(file);
}

PictureDecoder::~PictureDecoder() = default;

void PictureDecoder::stop() { impl_->stop(); }

std::optional<std::int64_t> PictureDecoder::duration_ns() const { return impl_->duration_ns; }

std::optional<DecodedPicture> PictureDecoder::next() {
  Ptr<GstSample> sample = impl_->take();
  if (!sample) return std::nullopt;
  const auto mapped = std::make_shared<MappedSample>(std::move(sample));
  if (!mapped->mapped) {
    impl_->fail("gave a picture that cannot be read");
    const std::lock_guard lock(impl_->mutex);
    impl_->over = true;
    return std::nullopt;
  }
  const GstVideoFrame& frame = mapped->frame;
  DecodedPicture picture;
  picture.width = GST_VIDEO_FRAME_WIDTH(&frame);
  picture.height = GST_VIDEO_FRAME_HEIGHT(&frame);
  picture.stride_bytes = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
  picture.pixels = {mapped,
                    static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0))};

  const GstBuffer* buffer = gst_sample_get_buffer(mapped->sample.get());
  const GstSegment* segment = gst_sample_get_segment(mapped->sample.get());
  if (GST_BUFFER_PTS_IS_VALID(buffer)) {
    // Running time: it goes on evenly where an edit list cuts the file into pieces.
    const guint64 time =
        gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    if (time != GST_CLOCK_TIME_NONE) picture.time_ns = static_cast<std::int64_t>(time);
  }
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) {
    picture.duration_ns = static_cast<std::int64_t>(GST_BUFFER_DURATION(buffer));
  }
  return picture;
}

std::string PictureDecoder::fault() const {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->over || impl_->stopped) return "";
  const std::string reached = seconds_text(impl_->reached_ns);
  if (!impl_->failure.empty()) {
    return impl_->name + " " + impl_->failure + " (after " + reached + ")";
  }
  // Headers round and estimate: only what is clearly missing counts.
  const std::int64_t declared = impl_->duration_ns.value_or(0);
  if (declared - impl_->reached_ns > std::max<std::int64_t>(1'000'000'000, declared / 50)) {
    return impl_->name + " ends at " + reached + " of " + seconds_text(declared) +
           " declared: is the file cut short or damaged?";
  }
  return "";
}

}  // namespace lazarillo
