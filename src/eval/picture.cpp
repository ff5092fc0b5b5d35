#include "eval/picture.h"

#include <fmt/format.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

#include <memory>

#include "error.h"
#include "source/gstreamer_support.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;

/// Stops and frees a pipeline.
struct Halt {
  void operator()(GstElement* pipeline) const {
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
  }
};

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw Error(ExitCode::source, "'" + name + "' cannot be decoded: " + why);
}

/// The first picture that comes out of `chain`, a part of a pipeline.
Ptr<GstSample> decode(const std::string& bytes, const std::string& name, const char* chain) {
  gstreamer::init();
  const std::string line = std::string("appsrc name=in ! ") + chain + " ! appsink name=out";
  GError* raw_error = nullptr;
  const std::unique_ptr<GstElement, Halt> pipeline(gst_parse_launch(line.c_str(), &raw_error));
  const Ptr<GError> error(raw_error);
  if (!pipeline || error) {
    throw Error(ExitCode::internal, std::string("GStreamer's elements for pictures are missing (") +
                                        (error ? error->message : "no reason given") +
                                        "): install gstreamer1.0-plugins-good and -bad");
  }
  const Ptr<GstElement> in(gst_bin_get_by_name(GST_BIN(pipeline.get()), "in"));
  const Ptr<GstElement> out(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  gst_app_src_push_buffer(GST_APP_SRC(in.get()), gst_buffer_new_memdup(bytes.data(), bytes.size()));
  gst_app_src_end_of_stream(GST_APP_SRC(in.get()));
  gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);

  const Ptr<GstBus> bus(gst_element_get_bus(pipeline.get()));
  constexpr auto kEnds =
      static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_ASYNC_DONE);
  GstMessage* message = gst_bus_timed_pop_filtered(bus.get(), 30 * GST_SECOND, kEnds);
  if (message == nullptr) refuse(name, "nothing came out of it within 30 s");
  const bool failed = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
  const std::string why = failed ? gstreamer::reason(message) : "it holds no picture";
  gst_message_unref(message);
  Ptr<GstSample> sample(failed ? nullptr : gst_app_sink_pull_preroll(GST_APP_SINK(out.get())));
  if (!sample) refuse(name, why);
  return sample;
}

/// Rows of a decoded picture, for as long as this lives.
class Rows {
 public:
  Rows(const GstSample* sample, const std::string& name) {
    auto* s = const_cast<GstSample*>(sample);  // NOLINT: GStreamer's getters take no const
    if (gst_video_info_from_caps(&info_, gst_sample_get_caps(s)) == FALSE ||
        gst_video_frame_map(&frame_, &info_, gst_sample_get_buffer(s), GST_MAP_READ) == FALSE) {
      refuse(name, "its pixels cannot be read");
    }
  }
  ~Rows() { gst_video_frame_unmap(&frame_); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  [[nodiscard]] int width() const { return GST_VIDEO_FRAME_WIDTH(&frame_); }
  [[nodiscard]] int height() const { return GST_VIDEO_FRAME_HEIGHT(&frame_); }
  [[nodiscard]] const std::uint8_t* row(int y) const {
    const auto* first = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame_, 0));
    return first + static_cast<std::ptrdiff_t>(y) * GST_VIDEO_FRAME_PLANE_STRIDE(&frame_, 0);
  }

 private:
  GstVideoInfo info_{};
  GstVideoFrame frame_{};
};

}  // namespace

Frame decode_picture(const std::string& bytes, const std::string& name, double focal_px) {
  const auto sample = decode(bytes, name, "decodebin ! videoconvert ! video/x-raw,format=BGR");
  // The pixels stay where the decoder put them.
  const auto rows = std::make_shared<const Rows>(sample.get(), name);
  Frame frame;
  frame.width = rows->width();
  frame.height = rows->height();
  frame.stride_bytes = rows->row(1) - rows->row(0);
  frame.intrinsics = {
      focal_px,     focal_px, (frame.width - 1) / 2.0, (frame.height - 1) / 2.0, frame.width,
      frame.height, false};
  frame.pixels = {rows, rows->row(0)};
  return frame;
}

MetricDepth decode_depth(const std::string& bytes, const std::string& name, int picture_width) {
  const auto sample = decode(bytes, name, "pngdec ! video/x-raw,format=GRAY16_BE");
  const Rows rows(sample.get(), name);
  MetricDepth depth;
  DepthGrid& grid = depth.depth_m;
  grid.width = rows.width();
  grid.height = rows.height();
  grid.scale = double(grid.width) / picture_width;
  // Both cover the same view: edge lies on edge, and cells count from their centres.
  grid.offset_x = grid.offset_y = 0.5 * grid.scale - 0.5;
  grid.values.reserve(static_cast<std::size_t>(grid.width) * static_cast<std::size_t>(grid.height));
  for (int y = 0; y < grid.height; ++y) {
    const std::uint8_t* row = rows.row(y);
    for (int x = 0; x < grid.width; ++x, row += 2) {
      const int millimetres = row[0] * 256 + row[1];
      grid.values.push_back(static_cast<float>(millimetres) / 1000.0F);
    }
  }
  return depth;
}

Frame read_picture(const DataFiles& files, const std::string& name, int width, int height,
                   double focal_px) {
  Frame frame = decode_picture(files.read(name), name, focal_px);
  if (frame.width != width || frame.height != height) {
    throw Error(ExitCode::source,
                fmt::format("'{}' is {}x{}, the data set says {}x{}: its boxes would lie elsewhere",
                            name, frame.width, frame.height, width, height));
  }
  return frame;
}

Sighting look(Perception& perception, const Frame& frame, const std::string& name) {
  Sighting sighting = perception.see(frame);
  std::string fault = sighting.fault.empty() ? sighting.depth_fault : sighting.fault;
  if (fault.empty() && perception.has_depth_network()) {
    DepthSighting depth = perception.measure_depth(frame);
    fault = std::move(depth.fault);
    sighting.depth = std::move(depth.depth);
  }
  if (!fault.empty()) throw Error(ExitCode::vision, "'" + name + "': " + fault);
  return sighting;
}

std::shared_ptr<const MetricDepth> metric_depth(const Sighting& sighting) {
  const auto* depth = std::get_if<std::shared_ptr<const MetricDepth>>(&sighting.depth);
  if (depth == nullptr || !*depth) {
    throw Error(ExitCode::usage,
                "these networks give no depth in metres: name others with --models");
  }
  return *depth;
}

}  // namespace lazarillo
