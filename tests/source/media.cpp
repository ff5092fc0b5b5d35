#include "media.h"

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace lazarillo::test {
namespace {

/// Ends GStreamer's own threads: LeakSanitizer, which looks at the process while it ends, does not
/// bear that threads go at the same time.
class WithoutItsThreads : public testing::Environment {
 public:
  void TearDown() override {
    gst_deinit();
    g_thread_pool_stop_unused_threads();
  }
};

testing::Environment* const at_the_end = testing::AddGlobalTestEnvironment(new WithoutItsThreads);

GstElement* parse(const std::string& description) {
  gst_init(nullptr, nullptr);
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(description.c_str(), &error);
  if (error != nullptr) throw std::runtime_error(description + ": " + error->message);
  return pipeline;
}

void wait_for_end(GstElement* pipeline) {
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* message = gst_bus_timed_pop_filtered(
      bus, 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  std::string failure = message == nullptr ? "no end" : "";
  if (message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    GError* error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    failure = error->message;
    g_error_free(error);
  }
  if (message != nullptr) gst_message_unref(message);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  if (!failure.empty()) throw std::runtime_error(failure);
}

/// Bytes that flow through elements (launch syntax) into a file.
class Feed {
 public:
  Feed(const std::string& caps, const std::string& elements, const std::filesystem::path& file)
      : pipeline_(parse("appsrc name=in format=time caps=" + caps + " ! " + elements +
                        " ! filesink location=" + file.string())),
        in_(gst_bin_get_by_name(reinterpret_cast<GstBin*>(pipeline_), "in")) {
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
  }
  void push(const std::vector<std::uint8_t>& bytes, std::int64_t time_ms) {
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, bytes.size(), nullptr);
    gst_buffer_fill(buffer, 0, bytes.data(), bytes.size());
    GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(time_ms) * GST_MSECOND;
    gst_app_src_push_buffer(reinterpret_cast<GstAppSrc*>(in_), buffer);
  }
  void end() {
    gst_app_src_end_of_stream(reinterpret_cast<GstAppSrc*>(in_));
    gst_object_unref(in_);
    wait_for_end(pipeline_);
  }

 private:
  GstElement* pipeline_;
  GstElement* in_;
};

}  // namespace

void run_pipeline(const std::string& description) {
  GstElement* pipeline = parse(description);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  wait_for_end(pipeline);
}

bool have(const std::vector<std::string>& elements) {
  gst_init(nullptr, nullptr);
  for (const auto& name : elements) {
    GstElementFactory* factory = gst_element_factory_find(name.c_str());
    if (factory == nullptr) return false;
    gst_object_unref(factory);
  }
  return true;
}

void write_pictures(const std::filesystem::path& file, const std::string& encoder, int width,
                    int height, const std::vector<GreyPicture>& pictures) {
  Feed feed("video/x-raw,format=RGB,framerate=0/1,width=" + std::to_string(width) +
                ",height=" + std::to_string(height),
            "videoconvert ! " + encoder, file);
  // Rows of packed RGB are padded to 4 bytes, GStreamer's default layout.
  const std::size_t stride = (static_cast<std::size_t>(width) * 3 + 3) / 4 * 4;
  for (const auto& picture : pictures) {
    std::vector<std::uint8_t> bytes(stride * static_cast<std::size_t>(height));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] =
          i % stride / 3 < static_cast<std::size_t>(width / 2) ? picture.left : picture.right;
    }
    feed.push(bytes, picture.time_ms);
  }
  feed.end();
}

void write_packets(const std::filesystem::path& file, const std::string& caps,
                   const std::string& muxer, const std::vector<std::vector<std::uint8_t>>& packets,
                   std::int64_t step_ms) {
  Feed feed(caps, muxer, file);
  std::int64_t time_ms = 0;
  for (const auto& packet : packets) feed.push(packet, std::exchange(time_ms, time_ms + step_ms));
  feed.end();
}

void write_clip(const std::filesystem::path& file, const std::string& muxer, int seconds) {
  run_pipeline("videotestsrc pattern=ball num-buffers=" + std::to_string(seconds * 30) +
               " ! video/x-raw,width=320,height=240,framerate=30/1 ! x264enc "
               "speed-preset=ultrafast key-int-max=30 ! " +
               muxer + " name=mux ! filesink location=" + file.string() +
               " audiotestsrc samplesperbuffer=4800 num-buffers=" + std::to_string(seconds * 10) +
               " ! audio/x-raw,rate=48000,channels=1 ! avenc_aac ! mux.");
}

void turn_clockwise(const std::filesystem::path& file, std::uint32_t height) {
  // The matrix of the track header: turn by 90 degrees clockwise (ISO/IEC 14496-12, 8.3.2).
  std::string bytes = read_file(file);
  const auto track_header = bytes.find("tkhd");
  if (track_header == std::string::npos) throw std::runtime_error("no track header");
  const std::uint32_t turned[9] = {0, 0x10000, 0, 0xFFFF0000, 0, 0, height << 16, 0, 0x40000000};
  for (std::size_t entry = 0; entry < 9; ++entry) {
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[track_header + 44 + entry * 4 + i] = static_cast<char>(turned[entry] >> (24 - 8 * i));
    }
  }
  write_file(file, bytes);
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

}  // namespace lazarillo::test
