// What is told to a DecodingPipeline, in GStreamer's threads.

#include <algorithm>
#include <utility>

#include "source/decoding_pipeline.h"

namespace lazarillo {

using gstreamer::Ptr;

void DecodingPipeline::fail(const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) failure_ = why;
  }
  changed_.notify_all();
}

void DecodingPipeline::found() {
  const std::lock_guard lock(mutex_);
  linked_ = true;
}

GstFlowReturn DecodingPipeline::arrived(PipelinePicture picture) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ready_.size() < kAhead || stopped_ || flushing_; });
  if (stopped_ || flushing_) return GST_FLOW_FLUSHING;
  ready_.push_back(std::move(picture));
  lock.unlock();
  changed_.notify_all();
  return GST_FLOW_OK;
}

void DecodingPipeline::damaged() {
  const std::lock_guard lock(mutex_);
  ++damaged_;
}

void DecodingPipeline::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

void DecodingPipeline::on_pad(GstElement*, GstPad* pad, DecodingPipeline* self) {
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, &DecodingPipeline::on_buffer, self, nullptr);
}

/// Between the end of a flush and the first picture after it, nothing else is under way.
GstPadProbeReturn DecodingPipeline::on_flush(GstPad*, GstPadProbeInfo* info, void* self_pointer) {
  if (GST_EVENT_TYPE(gst_pad_probe_info_get_event(info)) == GST_EVENT_FLUSH_STOP) {
    auto* self = static_cast<DecodingPipeline*>(self_pointer);
    const std::lock_guard lock(self->mutex_);
    self->ready_.clear();
    self->reached_ns_ = 0;
    self->damaged_ = 0;
    self->ended_ = false;
    self->flushing_ = false;
  }
  return GST_PAD_PROBE_OK;
}

/// Notes how far the streams of the file really reach.
GstPadProbeReturn DecodingPipeline::on_buffer(GstPad* pad, GstPadProbeInfo* info,
                                              void* self_pointer) {
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
  auto* self = static_cast<DecodingPipeline*>(self_pointer);
  const std::lock_guard lock(self->mutex_);
  self->reached_ns_ = std::max(self->reached_ns_, static_cast<std::int64_t>(at));
  return GST_PAD_PROBE_OK;
}

GstBusSyncReply DecodingPipeline::on_message(GstBus*, GstMessage* message, void* self_pointer) {
  auto* self = static_cast<DecodingPipeline*>(self_pointer);
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    self->on_error(message);
  } else {
    self->chain_->hear(message);
  }
  gst_message_unref(message);
  return GST_BUS_DROP;
}

void DecodingPipeline::on_error(GstMessage* message) {
  GError* raw = nullptr;
  gst_message_parse_error(message, &raw, nullptr);
  const Ptr<GError> error(raw);
  const bool unknown = g_error_matches(raw, GST_STREAM_ERROR, GST_STREAM_ERROR_TYPE_NOT_FOUND) ||
                       g_error_matches(raw, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE);
  std::string why = unknown ? "is not a video file"
                            : std::string(kUnreadable) + ": " + gstreamer::reason(message);
  if (const std::string missing = chain_->missing_plugin(); !missing.empty()) why = missing;
  fail(why);
}

}  // namespace lazarillo
