#include "show/recorder.h"

#include <fcntl.h>
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
#include <vector>

#include "error.h"
#include "show/mp4_finish.h"
#include "source/gstreamer_support.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;

constexpr int kRate = 48'000;
constexpr int kChannels = 2;
constexpr int kBehind = 8;  ///< pictures that may wait for the encoder
constexpr std::int64_t kKeyFrames_ns = 2'000'000'000;
constexpr int kLargestSide = 16384;
/// Emptying the encoders takes well under a second; a disk that takes longer than this is lost.
constexpr std::chrono::seconds kFinishing{120};

struct Encoder {
  const char* element;
  const char* chain;      ///< in GStreamer's launch syntax, after raw I420 pictures or raw sound
  int delay_samples = 0;  ///< silence the encoder puts before the sound, which .mp4 does not tell
};

// No B-frames: pictures leave the encoder in the order of their time, so the track starts at 0. Key
// frames are asked for by time, as the frame rate varies. openh264enc is no second choice: it loses
// its references in the middle of a video of varying frame rate.
constexpr Encoder kH264[] = {
    {"x264enc",
     "x264enc name=encoder speed-preset=veryfast pass=qual quantizer=23 bframes=0 "
     "key-int-max=1000 ! video/x-h264,stream-format=avc"},
};
constexpr Encoder kAac[] = {
    {"avenc_aac", "avenc_aac bitrate=160000", 1024},
    {"fdkaacenc", "fdkaacenc bitrate=160000", 2048},
    {"voaacenc", "voaacenc bitrate=160000", 1600},
};
constexpr Encoder kOtherVideo[] = {
    {"vp8enc",
     "vp8enc name=encoder deadline=1 cpu-used=8 threads=2 end-usage=cq cq-level=16 "
     "target-bitrate=4000000 keyframe-max-dist=1000"},
    {"jpegenc", "jpegenc name=encoder quality=85"},
};
constexpr Encoder kOtherSound[] = {
    {"opusenc", "audioresample ! opusenc bitrate=128000"},
    {"vorbisenc", "vorbisenc quality=0.5"},
};

template <std::size_t N>
std::optional<Encoder> installed(const Encoder (&choices)[N]) {
  const auto* const found =
      std::find_if(std::begin(choices), std::end(choices),
                   [](const Encoder& e) { return gstreamer::has_element(e.element); });
  return found == std::end(choices) ? std::nullopt : std::optional(*found);
}

struct Format {
  std::string extension;
  std::string muxer;
  Encoder video;
  std::optional<Encoder> sound;
};

Format best_format(bool with_sound) {
  const auto h264 = installed(kH264);
  const auto aac = with_sound ? installed(kAac) : std::nullopt;
  if (h264 && (aac || !with_sound) && gstreamer::has_element("mp4mux")) {
    return {".mp4", "mp4mux name=mux fragment-duration=500 trak-timescale=90000", *h264, aac};
  }
  const auto video = h264 ? h264 : installed(kOtherVideo);
  auto sound = with_sound ? installed(kOtherSound) : std::nullopt;
  if (!sound) sound = aac;
  if (!video || (with_sound && !sound) || !gstreamer::has_element("matroskamux")) {
    throw Error(ExitCode::output,
                "no encoder for the overlay video is installed: sudo apt install "
                "gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-plugins-good");
  }
  return {".mkv", "matroskamux name=mux", *video, sound};
}

void check_writable(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) {
    throw Error(ExitCode::output, "cannot write '" + file.string() + "': " + std::strerror(errno));
  }
  ::close(fd);
}

}  // namespace

/// pictures ! encoder ! queue ! muxer ! file, and sound ! encoder ! queue ! muxer. The queues have
/// no bound: the muxer waits for whichever is behind, and the encoders must not wait with it.
struct Recorder::Impl {
  std::filesystem::path file;
  std::string name;  // as it stands in messages
  int width;
  int height;
  Ptr<GstElement> pipeline;
  Ptr<GstElement> pictures;
  Ptr<GstElement> samples;  // none in a silent video
  Ptr<GstElement> encoder;

  mutable std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;  // pictures on their way to the encoder
  bool ended = false;
  std::string failure;
  bool finished = false;

  // picture()'s thread only
  bool any_picture = false;
  std::int64_t last_ns = 0;
  std::int64_t step_ns = 40'000'000;
  std::int64_t next_key_ns = 0;

  std::mutex sound_mutex;
  bool sound_open = false;
  std::size_t skip_samples = 0;  // to be left out at the start, frames
  std::uint64_t sent_samples = 0;

  Impl(const std::filesystem::path& stem, int w, int h, bool with_sound) : width(w), height(h) {
    if (w < 16 || h < 16 || w > kLargestSide || h > kLargestSide || w % 2 != 0 || h % 2 != 0) {
      throw Error(ExitCode::output, "a video of " + std::to_string(w) + " x " + std::to_string(h) +
                                        " pixels cannot be written: sides must be even, 16 to " +
                                        std::to_string(kLargestSide));
    }
    const Format format = best_format(with_sound);
    file = stem;
    file += format.extension;
    name = std::string("'").append(file.string()).append("'");
    check_writable(file);
    build(format);
    if (gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
      gst_element_set_state(pipeline.get(), GST_STATE_NULL);
      std::error_code ignored;
      std::filesystem::remove(file, ignored);
      throw Error(ExitCode::output,
                  failure.empty() ? "cannot start the encoder for " + name : failure);
    }
  }

  ~Impl() { finish(); }

  void build(const Format& format) {
    const std::string queue = " ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! mux.";
    // I420: left to itself the encoder would keep the full colour resolution, in a profile of H.264
    // that few players know.
    std::string description = format.muxer +
                              " ! filesink name=file buffer-mode=unbuffered async=false "
                              "appsrc name=pictures ! videoconvert ! video/x-raw,format=I420 ! " +
                              format.video.chain + queue + "video_0";
    if (format.sound) {
      description += std::string(" appsrc name=samples ! audioconvert ! ") + format.sound->chain +
                     queue + "audio_0";
      skip_samples = static_cast<std::size_t>(format.sound->delay_samples);
      sound_open = true;
    }
    GError* raw = nullptr;
    pipeline.reset(gst_parse_launch(description.c_str(), &raw));
    if (raw != nullptr) {
      const Ptr<GError> error(raw);
      throw Error(ExitCode::internal, std::string("the overlay's encoder: ") + error->message);
    }
    gst_object_ref_sink(pipeline.get());
    auto* bin = reinterpret_cast<GstBin*>(pipeline.get());
    pictures.reset(gst_bin_get_by_name(bin, "pictures"));
    encoder.reset(gst_bin_get_by_name(bin, "encoder"));
    const Ptr<GstElement> sink(gst_bin_get_by_name(bin, "file"));
    g_object_set(sink.get(), "location", file.c_str(), nullptr);

    // Frame rate 0/1: it varies, the timestamps count.
    set_caps(
        pictures.get(),
        gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "BGRx", "width", G_TYPE_INT,
                            width, "height", G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION, 0,
                            1, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, nullptr));
    if (format.sound) {
      samples.reset(gst_bin_get_by_name(bin, "samples"));
      set_caps(samples.get(),
               gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, "F32LE", "layout",
                                   G_TYPE_STRING, "interleaved", "rate", G_TYPE_INT, kRate,
                                   "channels", G_TYPE_INT, kChannels, nullptr));
    }
    const Ptr<GstBus> bus(gst_element_get_bus(pipeline.get()));
    gst_bus_set_sync_handler(bus.get(), &Impl::on_message, this, nullptr);
  }

  static void set_caps(GstElement* source, GstCaps* caps) {
    g_object_set(source, "caps", caps, "format", GST_FORMAT_TIME, nullptr);
    gst_caps_unref(caps);
  }

  static GstFlowReturn push(GstElement* source, GstBuffer* buffer) {
    return gst_app_src_push_buffer(reinterpret_cast<GstAppSrc*>(source), buffer);
  }

  void fail(const std::string& why) {
    {
      const std::lock_guard lock(mutex);
      if (failure.empty()) failure = why;
    }
    changed.notify_all();
  }

  /// Travels with a picture; gone when the encoder has taken it.
  struct Waiting {
    Impl* recorder;
    std::vector<std::uint8_t> bytes;
  };

  static void on_taken(void* pointer) {
    const std::unique_ptr<Waiting> picture(static_cast<Waiting*>(pointer));
    {
      const std::lock_guard lock(picture->recorder->mutex);
      --picture->recorder->waiting;
    }
    picture->recorder->changed.notify_all();
  }

  void picture(const Canvas& canvas, std::int64_t stream_ns) {
    const std::size_t size = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4;
    if (canvas.width != width || canvas.height != height || canvas.bgrx.size() < size) {
      fail("the overlay of " + name + " changed its size");
    }
    if (stream_ns < 0 || (any_picture && stream_ns <= last_ns)) return;
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [this] { return waiting < kBehind || !failure.empty() || finished; });
      if (!failure.empty() || finished) return;
      ++waiting;
    }
    if (any_picture) step_ns = stream_ns - last_ns;
    any_picture = true;
    last_ns = stream_ns;
    if (stream_ns >= next_key_ns) {
      gst_element_send_event(encoder.get(), gst_video_event_new_upstream_force_key_unit(
                                                static_cast<GstClockTime>(stream_ns), FALSE, 0));
      next_key_ns = stream_ns + kKeyFrames_ns;
    }
    auto* waits = new Waiting{
        this, {canvas.bgrx.begin(), canvas.bgrx.begin() + static_cast<std::ptrdiff_t>(size)}};
    GstBuffer* buffer = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, waits->bytes.data(),
                                                    size, 0, size, waits, &Impl::on_taken);
    GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(stream_ns);
    // How long it will stand is not known yet; only that of the last picture is ever used.
    GST_BUFFER_DURATION(buffer) = static_cast<GstClockTime>(step_ns);
    push(pictures.get(), buffer);
  }

  void sound(std::span<const float> block) {
    const std::lock_guard lock(sound_mutex);
    if (!sound_open) return;
    // What is left out makes room for the encoder's own silence at the start, so that the rest
    // stands in step with the pictures.
    const std::size_t skipped = std::min(skip_samples, block.size() / kChannels);
    skip_samples -= skipped;
    push_sound(block.subspan(skipped * kChannels));
  }

  void push_sound(std::span<const float> block) {
    const std::size_t count = block.size() / kChannels;
    if (count == 0) return;
    const std::size_t bytes = count * kChannels * sizeof(float);
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, bytes, nullptr);
    gst_buffer_fill(buffer, 0, block.data(), bytes);
    const auto time = [](std::uint64_t n) { return gst_util_uint64_scale(n, GST_SECOND, kRate); };
    GST_BUFFER_PTS(buffer) = time(sent_samples);
    sent_samples += count;
    GST_BUFFER_DURATION(buffer) = time(sent_samples) - GST_BUFFER_PTS(buffer);
    // Refused after an error; then there is nothing to be done about it.
    push(samples.get(), buffer);
  }

  /// Sound that ends before the pictures, or never came: an empty track would make the file
  /// unreadable.
  void fill_with_silence() {
    const auto end =
        gst_util_uint64_scale(static_cast<guint64>(last_ns + step_ns), kRate, GST_SECOND);
    const std::vector<float> second(std::size_t{kRate} * kChannels);
    while (sent_samples < end) {
      const std::size_t count = std::min<std::uint64_t>(kRate, end - sent_samples);
      push_sound(std::span(second).first(count * kChannels));
      // No faster than the encoder: an hour of silence would be a gigabyte.
      std::unique_lock lock(mutex);
      while (failure.empty() && gst_app_src_get_current_level_bytes(
                                    reinterpret_cast<GstAppSrc*>(samples.get())) > 4'000'000) {
        changed.wait_for(lock, std::chrono::milliseconds(5));
      }
      if (!failure.empty()) return;
    }
  }

  void finish() {
    {
      const std::lock_guard lock(mutex);
      if (finished) return;
      finished = true;
    }
    changed.notify_all();
    {
      const std::lock_guard lock(sound_mutex);
      sound_open = false;
      if (samples && any_picture) fill_with_silence();
      if (samples) gst_app_src_end_of_stream(reinterpret_cast<GstAppSrc*>(samples.get()));
    }
    gst_app_src_end_of_stream(reinterpret_cast<GstAppSrc*>(pictures.get()));
    if (any_picture) {
      std::unique_lock lock(mutex);
      const bool over =
          changed.wait_for(lock, kFinishing, [this] { return ended || !failure.empty(); });
      if (!over) failure = name + " could not be ended: the disk does not answer";
    }
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    if (any_picture && failure.empty() && file.extension() == ".mp4") {
      make_ordinary_mp4(file, samples != nullptr);
    }
    if (!any_picture) {
      std::error_code ignored;
      std::filesystem::remove(file, ignored);
    }
  }

  // Called by GStreamer, in its threads.

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

Recorder::Recorder(const std::filesystem::path& stem, int width, int height, bool sound) {
  gstreamer::init();
  impl_ = std::make_unique<Impl>(stem, width, height, sound);
}

Recorder::~Recorder() = default;

void Recorder::picture(const Canvas& canvas, std::int64_t stream_ns) {
  impl_->picture(canvas, stream_ns);
}

void Recorder::sound(std::span<const float> samples) { impl_->sound(samples); }

std::string Recorder::fault() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->failure;
}

void Recorder::finish() { impl_->finish(); }

const std::filesystem::path& Recorder::file() const { return impl_->file; }

}  // namespace lazarillo
