#include "source/picture_decoder.h"

#include <gst/video/video.h>

#include <utility>

#include "error.h"
#include "source/decoding_pipeline.h"
#include "source/gstreamer_support.h"
#include "source/media_file.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;

using ToTime = guint64 (*)(const GstSegment*, GstFormat, guint64);

std::optional<std::int64_t> time_of(GstSample* sample, ToTime to_time) {
  const GstBuffer* buffer = gst_sample_get_buffer(sample);
  if (!GST_BUFFER_PTS_IS_VALID(buffer)) return std::nullopt;
  const guint64 time =
      to_time(gst_sample_get_segment(sample), GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (time == GST_CLOCK_TIME_NONE) return std::nullopt;
  return static_cast<std::int64_t>(time);
}

/// Running time: it goes on evenly where an edit list cuts the file into pieces.
PictureTime running_time_of(GstSample* sample) {
  PictureTime time{time_of(sample, &gst_segment_to_running_time), std::nullopt};
  const GstBuffer* buffer = gst_sample_get_buffer(sample);
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) {
    time.duration_ns = static_cast<std::int64_t>(GST_BUFFER_DURATION(buffer));
  }
  return time;
}

}  // namespace

struct PictureDecoder::Sample {
  PipelinePicture picture;
};

PictureDecoder::PictureDecoder(const std::filesystem::path& file, const std::stop_token& stop,
                               bool on_card, SourceTap* tap)
    : on_card_(on_card) {
  gstreamer::init();
  pipeline_ = std::make_unique<DecodingPipeline>(file, stop, on_card, tap);
  const PipelinePicture* peeked = pipeline_->peek();
  if (peeked == nullptr) throw Error(ExitCode::source, quoted(file) + " was stopped while opening");
  GstSample* first = peeked->sample.get();
  GstVideoInfo info;
  GstCaps* caps = gst_sample_get_caps(first);
  if (caps == nullptr || gst_video_info_from_caps(&info, caps) == FALSE) {
    throw Error(ExitCode::source, quoted(file) + " gives a picture that cannot be read");
  }
  const DecodedJpeg& jpeg = peeked->jpeg;
  width_ = jpeg.picture ? jpeg.width : GST_VIDEO_INFO_WIDTH(&info);
  height_ = jpeg.picture ? jpeg.height : GST_VIDEO_INFO_HEIGHT(&info);
  first_time_ = running_time_of(first);
  first_stream_time_ns_ = time_of(first, &gst_segment_to_stream_time);
  if (GST_VIDEO_INFO_FPS_N(&info) > 0) {
    step_ns_ = 1e9 * GST_VIDEO_INFO_FPS_D(&info) / GST_VIDEO_INFO_FPS_N(&info);
  } else if (first_time_.duration_ns.value_or(0) > 0) {
    step_ns_ = static_cast<double>(*first_time_.duration_ns);
  }
}

PictureDecoder::~PictureDecoder() = default;

std::optional<std::int64_t> PictureDecoder::duration_ns() const { return pipeline_->duration_ns(); }

std::optional<PictureTime> PictureDecoder::advance() {
  current_.reset();
  PipelinePicture picture = pipeline_->take();
  if (!picture.sample) return std::nullopt;
  PictureTime time = running_time_of(picture.sample.get());
  stream_time_ns_ = time_of(picture.sample.get(), &gst_segment_to_stream_time);
  if (sought_) {
    // A seek begins running time anew; stream time stays.
    time.time_ns.reset();
    if (stream_time_ns_) {
      time.time_ns = *stream_time_ns_ - *first_stream_time_ns_ + *first_time_.time_ns;
    }
  }
  current_ = std::make_unique<Sample>(Sample{std::move(picture)});
  return time;
}

std::optional<DecodedPicture> PictureDecoder::picture() {
  if (!current_) return std::nullopt;
  auto picture = decoded_picture(std::move(std::exchange(current_, {})->picture), on_card_);
  if (!picture) pipeline_->give_up("gave a picture that cannot be read");
  return picture;
}

bool PictureDecoder::seek(std::int64_t offset_ns) {
  if (!first_stream_time_ns_ || !first_time_.time_ns || !pipeline_->has_index()) return false;
  current_.reset();
  sought_ = true;
  return pipeline_->seek(*first_stream_time_ns_ + offset_ns);
}

bool PictureDecoder::rewind() {
  // A demuxer ends what follows a seek at the end the file declares: it must not cost a picture.
  const bool whole =
      stream_time_ns_ && pipeline_->duration_ns() && *stream_time_ns_ < *pipeline_->duration_ns();
  if (!whole || !seek(0)) return false;
  const PipelinePicture* first = pipeline_->peek();
  return first != nullptr &&
         time_of(first->sample.get(), &gst_segment_to_stream_time) == first_stream_time_ns_;
}

std::string PictureDecoder::fault() const { return pipeline_->fault(); }

}  // namespace lazarillo
