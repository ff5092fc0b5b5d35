#include "source/decode_chain.h"

#include <gst/pbutils/pbutils.h>
#include <gst/video/video.h>

#include <algorithm>
#include <utility>

#include "clock.h"
#include "error.h"
#include "source/card.h"
#include "source/picture_caps.h"
#include "source/picture_decoder.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;

constexpr int kLargestSide = PictureDecoder::kLargestSide;
/// Pictures in memory from the start: those ahead, three on their way, and as many as the stages
/// behind hold at most. They come round in turn, so a hiccup later takes no new memory. Fewer,
/// where they are so large that they would need more than kPictures_bytes.
constexpr guint kPictures = 12;
constexpr gsize kPictures_bytes = 64 << 20;

/// Whether a pad of decodebin's passes on what a demuxer gives.
bool is_of_container(GstPad* pad) {
  const Ptr<GstPad> inner(GST_IS_GHOST_PAD(pad)
                              ? gst_ghost_pad_get_target(reinterpret_cast<GstGhostPad*>(pad))
                              : nullptr);
  const Ptr<GstElement> element(inner ? gst_pad_get_parent_element(inner.get()) : nullptr);
  return element && gstreamer::is_demuxer(element.get());
}

bool is_turned(GstEvent* event) {
  GstTagList* tags = nullptr;
  gst_event_parse_tag(event, &tags);
  gchar* raw = nullptr;
  gst_tag_list_get_string(tags, GST_TAG_IMAGE_ORIENTATION, &raw);
  const Ptr<char> orientation(raw);
  return orientation && std::string_view(orientation.get()) != "rotate-0";
}

}  // namespace

DecodeChain::DecodeChain(GstElement* pipeline, PictureTaker& taker, const DecodeOptions& options)
    : pipeline_(pipeline), taker_(taker), options_(options) {
  // Hands what is written here over to GStreamer's threads, which lock before they look.
  const std::lock_guard lock(mutex_);
  if (options_.on_card) card_context_.reset(card::make_context());
  if (options_.tap != nullptr) tap_.emplace(pipeline, *options_.tap, options_.live);
  const auto add = [this](const char* factory) {
    GstElement* element = gstreamer::make_element(factory);
    gst_bin_add(reinterpret_cast<GstBin*>(pipeline_), element);
    return element;
  };
  decoder_ = add("decodebin");
  sink_ = entry_ = add("appsink");
  if (!options_.on_card) {
    entry_ = add("videoconvert");
    GstElement* scale = add("videoscale");
    GstElement* flip = add("videoflip");
    gst_util_set_object_arg(reinterpret_cast<GObject*>(flip), "video-direction", "auto");
    gst_element_link_many(entry_, scale, flip, sink_, nullptr);
  }
  const Ptr<GstCaps> caps(gst_caps_from_string(
      options_.on_card ? std::string(card::kCaps).append(";").append(kJpeg).c_str()
                       : "video/x-raw,format=BGR,pixel-aspect-ratio=1/1"));
  // sync=false: the pace is the taker's. One picture here, the rest is the taker's.
  g_object_set(sink_, "caps", caps.get(), "sync", FALSE, "max-buffers", 1U, "enable-last-sample",
               FALSE, nullptr);

  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = &DecodeChain::on_sample;
  callbacks.eos = &DecodeChain::on_end;
  gst_app_sink_set_callbacks(reinterpret_cast<GstAppSink*>(sink_), &callbacks, this, nullptr);
  if (options_.on_card)
    connect("autoplug-select", reinterpret_cast<GCallback>(&DecodeChain::on_select));
  connect("autoplug-continue", reinterpret_cast<GCallback>(&DecodeChain::on_plug));
  connect("element-added", reinterpret_cast<GCallback>(&DecodeChain::on_element));
  connect("pad-added", reinterpret_cast<GCallback>(&DecodeChain::on_pad));
  connect("no-more-pads", reinterpret_cast<GCallback>(&DecodeChain::on_all_pads));
  const Ptr<GstPad> pad(gst_element_get_static_pad(entry_, "sink"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, &DecodeChain::on_event, this,
                    nullptr);
  if (!options_.on_card) {
    const Ptr<GstPad> end(gst_element_get_static_pad(sink_, "sink"));
    gst_pad_add_probe(end.get(), GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, &DecodeChain::on_query,
                      nullptr, nullptr);
  }
}

void DecodeChain::connect(const char* signal, GCallback callback) {
  g_signal_connect_data(decoder_, signal, callback, this, nullptr, GConnectFlags{});
}

std::string DecodeChain::missing_plugin() const {
  const std::lock_guard lock(mutex_);
  return missing_plugin_;
}

void DecodeChain::hear(GstMessage* message) {
  if (gst_is_missing_plugin_message(message) != FALSE) {
    on_missing_plugin(message);
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_NEED_CONTEXT && card_context_) {
    const gchar* type = nullptr;
    gst_message_parse_context_type(message, &type);
    if (std::string_view(type) == card::kContextType) {
      gst_element_set_context(reinterpret_cast<GstElement*>(GST_MESSAGE_SRC(message)),
                              card_context_.get());
    }
  }
}

// What GStreamer calls, in its threads.

GstFlowReturn DecodeChain::on_sample(GstAppSink* sink, void* self_pointer) {
  auto* self = static_cast<DecodeChain*>(self_pointer);
  const Ptr<GstSample> pulled(gst_app_sink_pull_sample(sink));
  if (!pulled) return GST_FLOW_EOS;
  // The sink writes into its sample again: it complains when somebody still holds it at a seek.
  PipelinePicture picture{Ptr<GstSample>(gst_sample_copy(pulled.get())), {}};
  try {
    if (!self->finish(picture)) {
      self->taker_.damaged();
      return GST_FLOW_OK;
    }
  } catch (const Error& error) {
    self->taker_.fail(error.what());
    self->taker_.end();
    return GST_FLOW_EOS;
  }
  return self->taker_.arrived(std::move(picture));
}

void DecodeChain::on_end(GstAppSink*, void* self_pointer) {
  static_cast<DecodeChain*>(self_pointer)->taker_.end();
}

/// Leaves out decoders that do not decode on the card: 0 tries an element, 2 passes it over
/// (GstAutoplugSelectResult, which no header declares).
int DecodeChain::on_select(GstElement*, GstPad*, GstCaps*, GstElementFactory* factory,
                           DecodeChain*) {
  constexpr GstElementFactoryListType kVideoDecoder =
      GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO;
  if (gst_element_factory_list_is_type(factory, GST_ELEMENT_FACTORY_TYPE_DECODER) == FALSE ||
      gst_element_factory_list_is_type(factory, kVideoDecoder) == FALSE) {
    return 0;
  }
  const std::string_view name = gst_plugin_feature_get_name(GST_PLUGIN_FEATURE(factory));
  return name.starts_with("nv") ? 0 : 2;
}

/// Whether decodebin shall look further into a stream.
gboolean DecodeChain::on_plug(GstElement*, GstPad* pad, GstCaps* caps, DecodeChain* self) {
  if (is_bystander(name_of(caps))) return FALSE;
  const std::string complaint = size_complaint(caps, kLargestSide);
  if (!complaint.empty()) {
    self->taker_.fail(complaint);
    return FALSE;
  }
  // What the constructor wrote was handed over under this lock (it counts for on_pad, too).
  const std::lock_guard lock(self->mutex_);
  // JPEGs that are kept apart are decoded here.
  const bool jpegs = self->options_.on_card && name_of(caps) == kJpeg;
  return jpegs && (self->options_.live || is_of_container(pad)) ? FALSE : TRUE;
}

void DecodeChain::on_pad(GstElement*, GstPad* pad, DecodeChain* self) {
  const Ptr<GstCaps> caps(gst_pad_get_current_caps(pad));
  Ptr<GstPad> target;
  const bool jpegs = self->options_.on_card && name_of(caps.get()) == kJpeg;
  if (jpegs || name_of(caps.get()) == "video/x-raw") {
    target.reset(gst_element_get_static_pad(self->entry_, "sink"));
    if (gst_pad_is_linked(target.get()) != FALSE) target.reset();
  }
  if (target) {
    if (jpegs) {
      try {
        self->jpegs_ = std::make_unique<JpegStream>();
      } catch (const Error& error) {
        self->taker_.fail(error.what());
        return;
      }
    }
    if (self->tap_) self->tap_->choose(pad);
    if (GST_PAD_LINK_FAILED(gst_pad_link(pad, target.get()))) {
      self->taker_.fail(
          self->options_.on_card
              ? "is not decoded by the card: use source.decoder = \"processor\" for it"
              : "holds pictures in a form that cannot be converted");
      return;
    }
    {
      const std::lock_guard lock(self->mutex_);
      self->linked_ = true;
    }
    self->taker_.found();
    return;
  }
  // The rest flows away unread: a stream that nobody takes would stall the one that is wanted.
  GstElement* drain = gst_element_factory_make("fakesink", nullptr);
  g_object_set(drain, "sync", FALSE, "async", FALSE, nullptr);
  gst_bin_add(reinterpret_cast<GstBin*>(self->pipeline_), drain);
  gst_element_sync_state_with_parent(drain);
  target.reset(gst_element_get_static_pad(drain, "sink"));
  gst_pad_link(pad, target.get());
}

void DecodeChain::on_all_pads(GstElement*, DecodeChain* self) {
  std::string why;
  {
    const std::lock_guard lock(self->mutex_);
    if (self->linked_) return;
    why = self->missing_plugin_.empty() ? "holds no picture stream" : self->missing_plugin_;
  }
  self->taker_.fail(why);
}

/// Refuses a size before anything is allocated for it; also one that changes in the middle.
GstPadProbeReturn DecodeChain::on_event(GstPad*, GstPadProbeInfo* info, void* self_pointer) {
  GstEvent* event = gst_pad_probe_info_get_event(info);
  auto* self = static_cast<DecodeChain*>(self_pointer);
  // The processor's pictures are turned by videoflip.
  if (self->options_.on_card && GST_EVENT_TYPE(event) == GST_EVENT_TAG) {
    const std::lock_guard lock(self->mutex_);
    self->turned_ = self->turned_ || is_turned(event);
  }
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  const std::string complaint = size_complaint(caps, kLargestSide);
  if (complaint.empty()) return GST_PAD_PROBE_OK;
  self->taker_.fail(complaint);
  return GST_PAD_PROBE_DROP;
}

/// Answers in the sink's place how many pictures it wants allocated.
GstPadProbeReturn DecodeChain::on_query(GstPad*, GstPadProbeInfo* info, void*) {
  GstQuery* query = gst_pad_probe_info_get_query(info);
  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) return GST_PAD_PROBE_OK;
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  GstVideoInfo video;
  if (caps == nullptr || gst_video_info_from_caps(&video, caps) == FALSE) return GST_PAD_PROBE_OK;
  const gsize size = GST_VIDEO_INFO_SIZE(&video);
  const auto pictures = static_cast<guint>(std::min<gsize>(kPictures, kPictures_bytes / size));
  gst_query_add_allocation_pool(query, nullptr, static_cast<guint>(size), pictures, 0);
  return GST_PAD_PROBE_HANDLED;
}

void DecodeChain::on_element(GstBin*, GstElement* element, DecodeChain* self) {
  // libav's decoders keep the pictures others are predicted from. Rendered directly into a buffer,
  // such a picture is copied all the same, and into newly allocated memory each time; otherwise it
  // is copied into buffers that come round again.
  gstreamer::set_if_known(element, "direct-rendering", "false");
  // Motion JPEG by HTTP: else the demuxer would wait for streams that never come.
  gstreamer::set_if_known(element, "single-stream", "true");
  GstElementFactory* factory = gst_element_get_factory(element);
  const bool decodes =
      factory != nullptr &&
      gst_element_factory_list_is_type(factory, GST_ELEMENT_FACTORY_TYPE_DECODER) != FALSE;
  if (decodes && self->options_.live) {
    const Ptr<GstPad> pad(gst_element_get_static_pad(element, "sink"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, &DecodeChain::on_coded, self, nullptr);
  }
  // After that: what is left out is not recorded.
  if (decodes && self->tap_) self->tap_->watch(element);
  if (!self->options_.live) return;
  // Of one picture, not of several at a time: those would be so many pictures late.
  gstreamer::set_if_known(element, "thread-type", "slice");
  gstreamer::set_if_known(element, "output-corrupt", "false");
  gstreamer::set_if_known(element, "discard-corrupted-frames", "true");
  gstreamer::set_if_known(element, "automatic-request-sync-points", "true");
}

/// Leaves out coded pictures that something was lost of, and those made from them, until one stands
/// by itself: decoders put grey in the place of what is missing, and say nothing of the pictures
/// that inherit it. For kLongestGap_ns at most: some cameras send no picture that stands by itself.
GstPadProbeReturn DecodeChain::on_coded(GstPad*, GstPadProbeInfo* info, void* self_pointer) {
  constexpr std::int64_t kLongestGap_ns = 2'000'000'000;
  auto* self = static_cast<DecodeChain*>(self_pointer);
  const GstBuffer* buffer = gst_pad_probe_info_get_buffer(info);
  const bool discont = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  const bool whole = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT) &&
                     !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_CORRUPTED);
  const bool first = !std::exchange(self->fed_, true);
  if (first ? !whole || self->options_.joins : discont) {
    if (!self->gap_ns_) self->gap_ns_ = steady_now_ns();
  } else if (whole) {
    self->gap_ns_.reset();
  }
  if (!self->gap_ns_ || steady_now_ns() - *self->gap_ns_ > kLongestGap_ns) return GST_PAD_PROBE_OK;
  self->taker_.damaged();
  return GST_PAD_PROBE_DROP;
}

/// What GStreamer left to do. False when the picture is to be left out.
bool DecodeChain::finish(PipelinePicture& picture) {
  {
    const std::lock_guard lock(mutex_);
    if (turned_) {
      throw Error(ExitCode::source,
                  "is to be shown turned, which the card does not do: use source.decoder = "
                  "\"processor\" for it");
    }
  }
  if (!jpegs_) return true;
  auto decoded = jpegs_->decode(picture.sample.get());
  if (decoded) {
    picture.jpeg = std::move(*decoded);
    return true;
  }
  return false;
}

void DecodeChain::on_missing_plugin(GstMessage* message) {
  const GstStructure* s = gst_message_get_structure(message);
  GstCaps* raw = nullptr;
  gst_structure_get(s, "detail", GST_TYPE_CAPS, &raw, nullptr);
  const Ptr<GstCaps> caps(raw);
  if (!caps || is_bystander(name_of(caps.get()))) return;
  const Ptr<char> codec(gst_pb_utils_get_codec_description(caps.get()));
  const std::lock_guard lock(mutex_);
  if (options_.on_card) {
    missing_plugin_ =
        std::string("holds ") + (codec ? codec.get() : "pictures") +
        ", which this NVIDIA card does not decode: use source.decoder = \"processor\"";
    return;
  }
  missing_plugin_ = std::string("needs a decoder for ") + (codec ? codec.get() : "its pictures") +
                    ", which is not installed: sudo apt install " +
                    gstreamer::package_for(caps.get());
}

}  // namespace lazarillo
