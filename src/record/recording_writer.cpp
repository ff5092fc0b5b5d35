#include "record/recording_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "error.h"
#include "source/gstreamer_support.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;

constexpr std::chrono::seconds kFinishing{120};
constexpr std::int64_t kStep_ns = 1'000'000;  ///< Matroska's own
/// The muxer waits for whichever track is behind: pictures that are away for so long must not keep
/// the lines from the file.
constexpr std::int64_t kPicturesAway_ns = 3'000'000'000;

std::string_view name_of(const GstCaps* caps) {
  return gst_structure_get_name(gst_caps_get_structure(caps, 0));
}

/// What makes of a format what Matroska has of it.
std::string chain_of(const GstCaps* caps) {
  const std::string_view name = name_of(caps);
  if (name == "video/x-h264") return "h264parse ! video/x-h264,stream-format=avc,alignment=au";
  if (name == "video/x-h265") return "h265parse ! video/x-h265,stream-format=hvc1,alignment=au";
  if (name == "video/x-av1") {
    return "av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu";
  }
  if (name == "image/jpeg") return "jpegparse";
  if (name == "video/x-raw") {
    // In slices, each with a checksum: encoded side by side.
    return "videoconvert ! avenc_ffv1 slices=4 slicecrc=1";
  }
  return "identity";
}

/// What a chain needs and has not got, as an end of a line; empty: all is there.
std::string missing(const GstCaps* caps) {
  const std::string_view name = name_of(caps);
  if (name == "video/x-raw") {
    return gstreamer::has_element("avenc_ffv1")
               ? ""
               : "needs the codec FFV1: sudo apt install gstreamer1.0-libav";
  }
  const std::string chain = chain_of(caps);
  const std::string element = chain.substr(0, chain.find(' '));
  if (!gstreamer::has_element(element.c_str())) {
    return "needs '" + element + "': sudo apt install gstreamer1.0-plugins-bad";
  }
  const Ptr<GstElementFactory> muxer(gst_element_factory_find("matroskamux"));
  const Ptr<GstCaps> plain(gst_caps_new_empty_simple(std::string(name).c_str()));
  bool known = false;
  for (const GList* at = gst_element_factory_get_static_pad_templates(muxer.get()); at != nullptr;
       at = at->next) {
    auto* pad = static_cast<GstStaticPadTemplate*>(at->data);
    const Ptr<GstCaps> taken(gst_static_pad_template_get_caps(pad));
    known = known || gst_caps_can_intersect(taken.get(), plain.get()) != FALSE;
  }
  return known ? "" : "cannot hold pictures of the kind " + std::string(name);
}

/// Players take the text for markup: what would be some is written as JSON may write it, too.
std::string without_markup(const std::string& text) {
  std::string plain;
  plain.reserve(text.size() + 1);
  for (const char c : text) {
    switch (c) {
      case '<':
        plain += "\\u003c";
        break;
      case '>':
        plain += "\\u003e";
        break;
      case '&':
        plain += "\\u0026";
        break;
      default:
        plain += c;
    }
  }
  plain += '\n';
  return plain;
}

Ptr<GstCaps> caps_of(const Frame& frame) {
  return Ptr<GstCaps>(gst_caps_new_simple(
      "video/x-raw", "format", G_TYPE_STRING, frame.format == PixelFormat::gray8 ? "GRAY8" : "BGR",
      "width", G_TYPE_INT, frame.width, "height", G_TYPE_INT, frame.height, "framerate",
      GST_TYPE_FRACTION, 0, 1, nullptr));
}

GstBuffer* buffer_of(const Frame& frame) {
  const bool grey = frame.format == PixelFormat::gray8;
  GstVideoInfo info;
  gst_video_info_set_format(&info, grey ? GST_VIDEO_FORMAT_GRAY8 : GST_VIDEO_FORMAT_BGR,
                            static_cast<guint>(frame.width), static_cast<guint>(frame.height));
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr);
  const std::size_t row = static_cast<std::size_t>(frame.width) * (grey ? 1 : 3);
  for (int y = 0; y < frame.height; ++y) {
    gst_buffer_fill(
        buffer, static_cast<gsize>(y) * static_cast<gsize>(GST_VIDEO_INFO_PLANE_STRIDE(&info, 0)),
        frame.pixels.get() + y * frame.stride_bytes, row);
  }
  return buffer;
}

}  // namespace

/// pictures ! what suits them ! queue ! muxer ! file, and lines ! queue ! muxer. Nothing in it has
/// a bound: who fills it looks at waiting_bytes().
struct RecordingWriter::Impl {
  std::filesystem::path file;
  std::string name;  // as it stands in messages
  Ptr<GstElement> pipeline;
  Ptr<GstElement> pictures;
  Ptr<GstElement> lines;
  std::vector<Ptr<GstElement>> queues;
  Ptr<GstCaps> format;

  mutable std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  std::string failure;
  std::string complaint;
  bool finished = false;

  std::vector<std::pair<std::string, std::int64_t>> early;  // lines before the first picture
  std::int64_t last_line_ns = 0;
  std::int64_t last_picture_ns = 0;
  Ptr<GstSample> last_whole;  // live only
  bool pictures_ended = false;

  explicit Impl(std::filesystem::path path) : file(std::move(path)) {
    name = std::string("'").append(file.string()).append("'");
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) {
      throw Error(ExitCode::output,
                  name + " is there already: give the recording another name, or remove that file");
    }
    if (fd < 0) throw Error(ExitCode::output, "cannot write " + name + ": " + std::strerror(errno));
    ::close(fd);
  }

  ~Impl() { finish(); }

  [[nodiscard]] bool broken() const {
    const std::lock_guard lock(mutex);
    return !failure.empty() || finished;
  }

  void fail(const std::string& why) {
    {
      const std::lock_guard lock(mutex);
      if (failure.empty()) failure = why;
    }
    changed.notify_all();
  }

  void build(GstCaps* caps) {
    if (const std::string lacking = missing(caps); !lacking.empty()) {
      fail("a recording " + lacking);
      return;
    }
    constexpr std::string_view kQueue = "queue max-size-buffers=0 max-size-bytes=0 max-size-time=0";
    const std::string description = fmt::format(
        "matroskamux name=mux ! filesink name=file buffer-mode=unbuffered async=false "
        "appsrc name=pictures ! {0} ! {1} name=q1 ! mux.video_0 "
        "appsrc name=lines ! {1} name=q2 ! mux.subtitle_0",
        chain_of(caps), kQueue);
    GError* raw = nullptr;
    pipeline.reset(gst_parse_launch(description.c_str(), &raw));
    const Ptr<GError> error(raw);
    if (error || !pipeline) {
      fail(fmt::format("{} cannot be recorded: {}", name, error ? error->message : "no reason"));
      return;
    }
    gst_object_ref_sink(pipeline.get());
    auto* bin = reinterpret_cast<GstBin*>(pipeline.get());
    pictures.reset(gst_bin_get_by_name(bin, "pictures"));
    lines.reset(gst_bin_get_by_name(bin, "lines"));
    for (const char* queue : {"q1", "q2"}) queues.emplace_back(gst_bin_get_by_name(bin, queue));
    const Ptr<GstElement> sink(gst_bin_get_by_name(bin, "file"));
    g_object_set(sink.get(), "location", file.c_str(), nullptr);
    format.reset(gst_caps_ref(caps));
    g_object_set(pictures.get(), "caps", caps, "format", GST_FORMAT_TIME, "max-bytes", guint64{0},
                 nullptr);
    const Ptr<GstCaps> text(gst_caps_from_string("text/x-raw,format=utf8"));
    g_object_set(lines.get(), "caps", text.get(), "format", GST_FORMAT_TIME, "max-bytes",
                 guint64{0}, nullptr);
    const Ptr<GstBus> bus(gst_element_get_bus(pipeline.get()));
    gst_bus_set_sync_handler(bus.get(), &Impl::on_message, this, nullptr);
    if (gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
      fail("cannot write " + name);
      return;
    }
    for (const auto& [line, ns] : std::exchange(early, {})) push_line(line, ns);
  }

  /// Takes the buffer.
  void push_picture(GstBuffer* buffer, GstCaps* caps, std::int64_t stream_ns) {
    if (!pipeline && !broken()) build(caps);
    if (broken() || pictures_ended) {
      gst_buffer_unref(buffer);
      return;
    }
    if (caps != format.get() && gst_caps_is_equal(caps, format.get()) == FALSE) {
      const Ptr<GstCaps> now(gst_caps_ref(caps));
      if (!same_pictures(now.get(), format.get())) {
        gst_buffer_unref(buffer);
        end_pictures();
        return;
      }
    }
    GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(stream_ns);
    last_picture_ns = std::max(last_picture_ns, stream_ns);
    gst_app_src_push_buffer(reinterpret_cast<GstAppSrc*>(pictures.get()), buffer);
  }

  /// A Matroska track has one form.
  void end_pictures() {
    pictures_ended = true;
    last_whole.reset();
    gst_app_src_end_of_stream(reinterpret_cast<GstAppSrc*>(pictures.get()));
    const std::lock_guard lock(mutex);
    complaint = "the pictures have changed their form: those after it are not in " + name;
  }

  /// Codec, size and what the decoder must know; the rest comes and goes with connections.
  static bool same_pictures(const GstCaps* a, const GstCaps* b) {
    const GstStructure* one = gst_caps_get_structure(a, 0);
    const GstStructure* other = gst_caps_get_structure(b, 0);
    if (gst_structure_get_name_id(one) != gst_structure_get_name_id(other)) return false;
    for (const char* field : {"width", "height", "format", "stream-format", "codec_data"}) {
      const GValue* x = gst_structure_get_value(one, field);
      const GValue* y = gst_structure_get_value(other, field);
      if ((x == nullptr) != (y == nullptr)) return false;
      if (x != nullptr && gst_value_compare(x, y) != GST_VALUE_EQUAL) return false;
    }
    return true;
  }

  void coded(const CodedPicture& picture, std::int64_t stream_ns) {
    auto* sample = static_cast<GstSample*>(const_cast<void*>(picture.sample.get()));
    GstBuffer* buffer = gst_buffer_copy(gst_sample_get_buffer(sample));
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    if (picture.decode_ns && picture.time_ns) {
      const std::int64_t decode_ns = stream_ns - (*picture.time_ns - *picture.decode_ns);
      if (decode_ns >= 0) GST_BUFFER_DTS(buffer) = static_cast<GstClockTime>(decode_ns);
    }
    push_picture(buffer, gst_sample_get_caps(sample), std::max<std::int64_t>(stream_ns, 0));
    if (picture.live && picture.whole && !pictures_ended) last_whole.reset(gst_sample_ref(sample));
  }

  void line(const std::string& text, std::int64_t stream_ns) {
    stream_ns = last_line_ns = std::max(stream_ns, last_line_ns);
    if (broken()) return;
    if (!pipeline) {
      early.emplace_back(text, stream_ns);
      return;
    }
    if (last_whole && stream_ns - last_picture_ns > kPicturesAway_ns) {
      push_picture(gst_buffer_copy(gst_sample_get_buffer(last_whole.get())),
                   gst_sample_get_caps(last_whole.get()), stream_ns);
    }
    push_line(text, stream_ns);
  }

  void push_line(const std::string& text, std::int64_t stream_ns) {
    const std::string plain = without_markup(text);
    GstBuffer* buffer = gst_buffer_new_memdup(plain.data(), plain.size());
    GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(stream_ns);
    GST_BUFFER_DURATION(buffer) = static_cast<GstClockTime>(kStep_ns);
    gst_app_src_push_buffer(reinterpret_cast<GstAppSrc*>(lines.get()), buffer);
  }

  [[nodiscard]] std::size_t waiting() const {
    if (!pipeline) return 0;
    std::size_t bytes =
        gst_app_src_get_current_level_bytes(reinterpret_cast<GstAppSrc*>(pictures.get())) +
        gst_app_src_get_current_level_bytes(reinterpret_cast<GstAppSrc*>(lines.get()));
    for (const auto& queue : queues) {
      guint level = 0;
      g_object_get(queue.get(), "current-level-bytes", &level, nullptr);
      bytes += level;
    }
    return bytes;
  }

  void finish() {
    {
      const std::lock_guard lock(mutex);
      if (std::exchange(finished, true)) return;
    }
    if (!pipeline) {
      std::error_code ignored;
      std::filesystem::remove(file, ignored);
      return;
    }
    gst_app_src_end_of_stream(reinterpret_cast<GstAppSrc*>(pictures.get()));
    gst_app_src_end_of_stream(reinterpret_cast<GstAppSrc*>(lines.get()));
    {
      std::unique_lock lock(mutex);
      const bool heard =
          changed.wait_for(lock, kFinishing, [this] { return ended || !failure.empty(); });
      if (!heard) failure = "cannot finish " + name + ": the disk does not answer";
    }
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }

  static GstBusSyncReply on_message(GstBus*, GstMessage* message, void* self_pointer) {
    auto* self = static_cast<Impl*>(self_pointer);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      GError* raw = nullptr;
      gst_message_parse_error(message, &raw, nullptr);
      const Ptr<GError> error(raw);
      const bool full =
          g_error_matches(raw, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT) != FALSE;
      self->fail("cannot write " + self->name + ": " +
                 (full ? "the disk is full" : gstreamer::reason(message)));
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
      {
        const std::lock_guard lock(self->mutex);
        self->ended = true;
      }
      self->changed.notify_all();
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
  }
};

RecordingWriter::RecordingWriter(const std::filesystem::path& file) {
  gstreamer::init();
  impl_ = std::make_unique<Impl>(file);
}

RecordingWriter::~RecordingWriter() = default;

void RecordingWriter::coded(const CodedPicture& picture, std::int64_t stream_ns) {
  impl_->coded(picture, stream_ns);
}

void RecordingWriter::picture(const Frame& frame, std::int64_t stream_ns) {
  const Ptr<GstCaps> caps = caps_of(frame);
  impl_->push_picture(buffer_of(frame), caps.get(), stream_ns);
}

void RecordingWriter::line(const std::string& text, std::int64_t stream_ns) {
  impl_->line(text, stream_ns);
}

std::size_t RecordingWriter::waiting_bytes() const { return impl_->waiting(); }

std::string RecordingWriter::fault() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->failure.empty() ? impl_->complaint : impl_->failure;
}

void RecordingWriter::finish() { impl_->finish(); }

}  // namespace lazarillo
