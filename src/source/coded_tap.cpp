#include "source/coded_tap.h"

#include <utility>

#include "clock.h"
#include "source/gstreamer_support.h"
#include "source/live_clock.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;

/// Elements that may stand between a decoder and the end of decodebin.
constexpr int kFarthest = 8;

/// Buffers of a camera's driver are few: whoever keeps one stops the camera.
GstBuffer* kept(GstBuffer* buffer) {
  for (guint i = 0; i < gst_buffer_n_memory(buffer); ++i) {
    if (gst_memory_is_type(gst_buffer_peek_memory(buffer, i), GST_ALLOCATOR_SYSMEM) == FALSE) {
      return gst_buffer_copy_deep(buffer);
    }
  }
  return gst_buffer_ref(buffer);
}

std::optional<std::int64_t> running_ns(const GstSegment* segment, GstClockTime time) {
  if (segment == nullptr || segment->format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID(time)) {
    return std::nullopt;
  }
  guint64 running = 0;
  const gint sign = gst_segment_to_running_time_full(segment, GST_FORMAT_TIME, time, &running);
  if (sign == 0) return std::nullopt;
  return sign * static_cast<std::int64_t>(running);
}

}  // namespace

void CodedTap::watch(GstElement* decoder) {
  const Ptr<GstPad> pad(gst_element_get_static_pad(decoder, "sink"));
  if (!pad) return;
  {
    const std::lock_guard lock(mutex_);
    early_[pad.get()];
  }
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, &CodedTap::on_buffer, this, nullptr);
}

/// The input of the decoder that a pad's pictures come from; null: they come undecoded.
GstPad* CodedTap::decoder_before(GstPad* pad) {
  Ptr<GstPad> at(static_cast<GstPad*>(gst_object_ref(pad)));
  for (int i = 0; i < kFarthest && at; ++i) {
    while (at && GST_IS_GHOST_PAD(at.get())) {
      at.reset(gst_ghost_pad_get_target(reinterpret_cast<GstGhostPad*>(at.get())));
    }
    const Ptr<GstElement> element(at ? gst_pad_get_parent_element(at.get()) : nullptr);
    const Ptr<GstPad> input(element ? gst_element_get_static_pad(element.get(), "sink") : nullptr);
    if (!input) return nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (early_.contains(input.get())) return input.get();
    }
    at.reset(gst_pad_get_peer(input.get()));
  }
  return nullptr;
}

void CodedTap::choose(GstPad* pad) {
  GstPad* decoder = decoder_before(pad);
  std::vector<CodedPicture> early;
  const std::lock_guard lock(mutex_);
  if (chosen_ != nullptr) return;
  chosen_ = decoder != nullptr ? decoder : pad;
  if (decoder == nullptr) {
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, &CodedTap::on_buffer, this, nullptr);
  } else {
    early = std::move(early_[decoder]);
  }
  for (auto& [input, pictures] : early_) pictures.clear();
  // Under the lock: what comes meanwhile comes after them.
  for (CodedPicture& picture : early) taker_.coded(std::move(picture));
}

CodedPicture CodedTap::picture_of(GstPad* pad, GstBuffer* buffer) {
  const Ptr<GstCaps> caps(gst_pad_get_current_caps(pad));
  const Ptr<GstEvent> event(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0));
  const GstSegment* segment = nullptr;
  if (event) gst_event_parse_segment(event.get(), &segment);
  GstBuffer* own = kept(buffer);
  CodedPicture picture;
  picture.bytes = gst_buffer_get_size(own);
  picture.whole = !GST_BUFFER_FLAG_IS_SET(own, GST_BUFFER_FLAG_DELTA_UNIT);
  picture.live = live_;
  picture.sample = std::shared_ptr<const void>(gst_sample_new(own, caps.get(), nullptr, nullptr),
                                               [](GstSample* sample) { gst_sample_unref(sample); });
  const GstClockTime pts = GST_BUFFER_PTS_IS_VALID(own) ? GST_BUFFER_PTS(own) : GST_BUFFER_DTS(own);
  const auto time_ns = running_ns(segment, pts);
  const auto decode_ns = running_ns(segment, GST_BUFFER_DTS(own));
  gst_buffer_unref(own);
  if (live_) {
    picture.time_ns = capture_ns_of(pipeline_, time_ns, steady_now_ns());
    return picture;
  }
  if (!time_ns) return picture;
  if (!first_ns_) first_ns_ = time_ns;
  picture.time_ns = *time_ns - *first_ns_;
  if (decode_ns) picture.decode_ns = *decode_ns - *first_ns_;
  return picture;
}

void CodedTap::take(GstPad* pad, GstBuffer* buffer) {
  const std::lock_guard lock(mutex_);
  if (chosen_ != nullptr && chosen_ != pad) return;
  CodedPicture picture = picture_of(pad, buffer);
  if (chosen_ == pad) {
    taker_.coded(std::move(picture));
  } else {
    early_[pad].push_back(std::move(picture));
  }
}

GstPadProbeReturn CodedTap::on_buffer(GstPad* pad, GstPadProbeInfo* info, void* self) {
  static_cast<CodedTap*>(self)->take(pad, gst_pad_probe_info_get_buffer(info));
  return GST_PAD_PROBE_OK;
}

}  // namespace lazarillo
