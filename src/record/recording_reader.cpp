#include "record/recording_reader.h"

#include <gst/app/gstappsink.h>

#include <array>
#include <atomic>
#include <string_view>
#include <utility>

#include "error.h"
#include "source/gstreamer_support.h"
#include "source/media_file.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;

/// A file that gives nothing for so long will give nothing more.
constexpr GstClockTime kStalled = 20 * GST_SECOND;
constexpr GstClockTime kLook = 50 * GST_MSECOND;

/// The demuxer takes text for plain and makes markup of it. Written without '&' (RecordingWriter),
/// it is made plain again without doubt.
std::string without_entities(std::string_view text) {
  using namespace std::string_view_literals;
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities{
      {{"&quot;"sv, '"'}, {"&apos;"sv, '\''}, {"&#39;"sv, '\''}, {"&lt;"sv, '<'}, {"&gt;"sv, '>'}}};
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const auto mark = text.find('&');
    plain += text.substr(0, mark);
    if (mark == std::string_view::npos) break;
    text.remove_prefix(mark);
    bool found = false;
    for (const auto& [entity, character] : kEntities) {
      if (!text.starts_with(entity)) continue;
      plain += character;
      text.remove_prefix(entity.size());
      found = true;
      break;
    }
    if (found) continue;
    plain += '&';
    text.remove_prefix(1);
  }
  while (!plain.empty() && (plain.back() == '\n' || plain.back() == '\0')) plain.pop_back();
  return plain;
}

}  // namespace

struct RecordingReader::Impl {
  Ptr<GstElement> pipeline;
  Ptr<GstElement> sink;
  Ptr<GstSample> first;
  std::atomic<bool> linked = false;
  std::atomic<bool> failed = false;

  explicit Impl(const std::filesystem::path& file) {
    check_readable(file);
    pipeline.reset(gst_pipeline_new(nullptr));
    gst_object_ref_sink(pipeline.get());
    GstElement* reader = gstreamer::make_element("filesrc");
    GstElement* demuxer = gstreamer::make_element("matroskademux");
    GstElement* end = gstreamer::make_element("appsink");
    gst_bin_add_many(reinterpret_cast<GstBin*>(pipeline.get()), reader, demuxer, end, nullptr);
    g_object_set(reader, "location", file.c_str(), nullptr);
    g_object_set(end, "sync", FALSE, "async", FALSE, "max-buffers", 64U, "enable-last-sample",
                 FALSE, nullptr);
    sink.reset(static_cast<GstElement*>(gst_object_ref(end)));
    gst_element_link(reader, demuxer);
    g_signal_connect_data(demuxer, "pad-added", reinterpret_cast<GCallback>(&Impl::on_pad), this,
                          nullptr, GConnectFlags{});
    const Ptr<GstBus> bus(gst_element_get_bus(pipeline.get()));
    gst_bus_set_sync_handler(bus.get(), &Impl::on_message, this, nullptr);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    first.reset(pull());
    if (!first) {
      gst_element_set_state(pipeline.get(), GST_STATE_NULL);
      throw Error(ExitCode::source, quoted(file) +
                                        " is no recording: `lazarillo record SOURCE FILE.mkv` "
                                        "makes one");
    }
  }

  ~Impl() { gst_element_set_state(pipeline.get(), GST_STATE_NULL); }

  GstSample* pull() const {
    auto* source = reinterpret_cast<GstAppSink*>(sink.get());
    for (GstClockTime waited = 0; waited < kStalled; waited += kLook) {
      // Asked before: after it nothing more comes.
      const bool last = failed;
      if (GstSample* sample = gst_app_sink_try_pull_sample(source, last ? 0 : kLook)) return sample;
      if (last || gst_app_sink_is_eos(source) != FALSE) return nullptr;
    }
    return nullptr;
  }

  std::optional<std::string> next() {
    const Ptr<GstSample> sample(first ? first.release() : pull());
    if (!sample) return std::nullopt;
    GstMapInfo map;
    GstBuffer* buffer = gst_sample_get_buffer(sample.get());
    if (buffer == nullptr || gst_buffer_map(buffer, &map, GST_MAP_READ) == FALSE) {
      return std::nullopt;
    }
    std::string line = without_entities({reinterpret_cast<const char*>(map.data), map.size});
    gst_buffer_unmap(buffer, &map);
    return line;
  }

  /// Lines to the reader, everything else away.
  static void on_pad(GstElement*, GstPad* pad, Impl* self) {
    const Ptr<GstCaps> caps(gst_pad_get_current_caps(pad));
    const bool text =
        caps && std::string_view(gst_structure_get_name(gst_caps_get_structure(caps.get(), 0))) ==
                    "text/x-raw";
    GstElement* end = self->sink.get();
    if (!text || self->linked.exchange(true)) {
      end = gst_element_factory_make("fakesink", nullptr);
      g_object_set(end, "sync", FALSE, "async", FALSE, nullptr);
      gst_bin_add(reinterpret_cast<GstBin*>(self->pipeline.get()), end);
      gst_element_sync_state_with_parent(end);
    }
    const Ptr<GstPad> target(gst_element_get_static_pad(end, "sink"));
    gst_pad_link(pad, target.get());
  }

  /// What cannot be read ends the lines.
  static GstBusSyncReply on_message(GstBus*, GstMessage* message, void* self_pointer) {
    auto* self = static_cast<Impl*>(self_pointer);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      self->failed = true;
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
  }
};

RecordingReader::RecordingReader(const std::filesystem::path& file) {
  gstreamer::init();
  impl_ = std::make_unique<Impl>(file);
}

RecordingReader::~RecordingReader() = default;

std::optional<std::string> RecordingReader::next() { return impl_->next(); }

}  // namespace lazarillo
