#include "show/mp4_finish.h"

#include <cstdint>
#include <string>
#include <system_error>

#include "source/gstreamer_support.h"

namespace lazarillo {
namespace {

// Where the sound ends before the picture, the muxer waits with the rest of the file in memory.
constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 30;

}  // namespace

bool make_ordinary_mp4(const std::filesystem::path& file, bool sound) {
  using gstreamer::Ptr;
  std::error_code unknown;
  if (std::filesystem::file_size(file, unknown) > kMostBytes || unknown) return false;
  std::filesystem::path copy = file;
  copy += ".part";

  // A timescale that suits both: one guessed from a varying frame rate would round the timestamps.
  // Queues without bound: the streams are read in the order of time, but where one ends before the
  // other the muxer must wait for the end of the file.
  const std::string queue = "queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! mux.";
  std::string description =
      "filesrc name=from ! qtdemux name=streams  mp4mux name=mux trak-timescale=90000 ! "
      "filesink name=to  streams.video_0 ! " +
      queue + "video_0";
  if (sound) description += "  streams.audio_0 ! " + queue + "audio_0";
  GError* raw = nullptr;
  const Ptr<GstElement> pipeline(gst_parse_launch(description.c_str(), &raw));
  const Ptr<GError> error(raw);
  if (!pipeline || error) return false;
  gst_object_ref_sink(pipeline.get());
  auto* bin = reinterpret_cast<GstBin*>(pipeline.get());
  const Ptr<GstElement> from(gst_bin_get_by_name(bin, "from"));
  const Ptr<GstElement> to(gst_bin_get_by_name(bin, "to"));
  g_object_set(from.get(), "location", file.c_str(), nullptr);
  g_object_set(to.get(), "location", copy.c_str(), nullptr);

  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const Ptr<GstBus> bus(gst_element_get_bus(pipeline.get()));
  // Hours of video are copied in a minute or two; a disk that takes ten is lost.
  GstMessage* message =
      gst_bus_timed_pop_filtered(bus.get(), 600 * GST_SECOND,
                                 static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  bool done = message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
  if (message != nullptr) gst_message_unref(message);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);

  std::error_code failed;
  if (done) {
    std::filesystem::rename(copy, file, failed);
    done = !failed;
  }
  if (!done) std::filesystem::remove(copy, failed);
  return done;
}

}  // namespace lazarillo
