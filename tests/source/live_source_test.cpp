// Cameras and streams: against real servers on this machine, and a camera that is made up.

#include "source/live_source.h"

#include <gmock/gmock.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "clock.h"
#include "error.h"
#include "source/fake_camera.h"
#include "source/media.h"
#include "source/rtsp_server.h"
#include "source/stamp.h"

namespace lazarillo {
namespace {

using test::RtspServer;
using test::test_pictures;
using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// What was told, from whichever thread.
class Told {
 public:
  void operator()(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

SourceOptions live() {
  SourceOptions options;
  options.realtime = true;
  return options;
}

SourceOptions live(Told& told) {
  SourceOptions options = live();
  options.tell = [&told](const std::string& line) { told(line); };
  return options;
}

std::string error_of(const std::string& uri, const SourceOptions& options = live(),
                     ExitCode code = ExitCode::source) {
  try {
    (void)open_source(uri, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

std::optional<std::int64_t> stamp_of(const Frame& frame) {
  return test::read_stamp(steady_now_ns(), [&](int x, int y) {
    return int{frame.pixels.get()[y * frame.stride_bytes + 3 * x + 1]};
  });
}

// ---- RTSP

TEST(Rtsp, GivesPicturesWithTheirTimes) {
  const RtspServer server({test_pictures(320, 240, 30)});
  const auto source = open_source(server.uri(), live());
  ASSERT_EQ(source->cameras().size(), 1U);
  EXPECT_EQ(source->cameras()[0].name, server.uri());
  EXPECT_EQ(source->cameras()[0].intrinsics.width, 320);
  std::optional<FrameStamp> before;
  for (int i = 0; i < 30; ++i) {
    const auto frame = source->next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->width, 320);
    EXPECT_EQ(frame->height, 240);
    EXPECT_LE(frame->stamp.capture_ns, steady_now_ns());
    // The picture itself says when it was taken, by the same clock.
    const auto shown = stamp_of(*frame);
    ASSERT_TRUE(shown) << i;
    // What RTP's times tell of it is off by its clock's and the network's jitter.
    EXPECT_GT(frame->stamp.capture_ns, *shown - 500'000'000);
    if (before) {
      EXPECT_GT(frame->stamp.sequence, before->sequence);
      EXPECT_GT(frame->stamp.stream_ns, before->stream_ns);
      EXPECT_EQ(frame->stamp.stream_ns - before->stream_ns,
                frame->stamp.capture_ns - before->capture_ns);
    } else {
      EXPECT_EQ(frame->stamp.stream_ns, 0);
    }
    before = frame->stamp;
  }
  EXPECT_EQ(source->fault(), "");
  EXPECT_FALSE(source->duration_ns());
}

TEST(Rtsp, TheNewestPictureWins) {
  const RtspServer server({test_pictures(320, 240, 60)});
  const auto source = open_source(server.uri(), live());
  const std::uint64_t first = source->next()->stamp.sequence;
  // Nobody asks for a picture while 30 are shown.
  const std::uint64_t shown = server.stamped() + 30;
  while (server.stamped() < shown) std::this_thread::yield();
  const auto late = source->next();
  EXPECT_GT(late->stamp.sequence, first + 15);
  EXPECT_EQ(source->skipped(), late->stamp.sequence - first - 1);
}

TEST(Rtsp, IsLookedForAgainWhenItBreaks) {
  Told told;
  std::optional<RtspServer> server;
  server.emplace(test::RtspServerOptions{test_pictures(320, 240, 30)});
  const int port = server->port();
  const auto source = open_source(server->uri(), live(told));
  FrameStamp before{};
  const auto look = [&](int times) {
    for (int i = 0; i < times; ++i) {
      const auto frame = source->next();
      ASSERT_TRUE(frame);
      if (before.capture_ns > 0) {
        EXPECT_GT(frame->stamp.sequence, before.sequence);
        EXPECT_GT(frame->stamp.stream_ns, before.stream_ns);
      }
      before = frame->stamp;
    }
  };
  look(10);
  server.reset();
  std::jthread back([&] {
    while (told.lines().empty()) std::this_thread::yield();
    // Another size: the camera was set up anew.
    server.emplace(test::RtspServerOptions{.pipeline = test_pictures(640, 480, 30), .port = port});
  });
  look(10);
  while (const auto frame = source->next()) {
    if (frame->width == 640) {
      EXPECT_EQ(frame->intrinsics.width, 640);
      break;
    }
  }
  back.join();
  const auto lines = told.lines();
  ASSERT_GE(lines.size(), 2U);
  EXPECT_THAT(lines.front(), AllOf(HasSubstr(server->uri()), HasSubstr("trying again")));
  EXPECT_THAT(lines.back(), HasSubstr("is back after"));
  EXPECT_EQ(source->fault(), "");
}

/// Entries of a folder of /proc/self: open files, threads.
std::ptrdiff_t entries(const char* folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

TEST(Rtsp, ReconnectsLeakNothing) {
  const char* wanted = std::getenv("LZ_RECONNECTS");  // for a long run
  const int times = wanted != nullptr ? std::atoi(wanted) : 20;
  Told told;
  RtspServer server({test_pictures(160, 120, 60, 1)});
  const auto source = open_source(server.uri(), live(told));
  std::ptrdiff_t files = 0;
  std::ptrdiff_t threads = 0;
  for (int i = 0; i < times; ++i) {
    ASSERT_TRUE(source->next());
    // What is made once and kept is there after some.
    if (i == 10) {
      files = entries("/proc/self/fd");
      threads = entries("/proc/self/task");
    }
    const std::size_t before = told.lines().size();
    server.drop_clients();
    while (told.lines().size() < before + 2) ASSERT_TRUE(source->next());
  }
  // The server's own are among them, which it may still be closing.
  EXPECT_LE(entries("/proc/self/fd"), files + 12);
  EXPECT_LE(entries("/proc/self/task"), threads + 12);
}

TEST(Rtsp, StopsWhileItIsLookedFor) {
  Told told;
  std::optional<RtspServer> server(std::in_place,
                                   test::RtspServerOptions{test_pictures(320, 240, 30)});
  const auto source = open_source(server->uri(), live(told));
  ASSERT_TRUE(source->next());
  server.reset();
  std::jthread stopper([&] {
    while (told.lines().empty()) std::this_thread::yield();
    source->stop();
  });
  while (source->next()) {
  }
  EXPECT_EQ(source->fault(), "");
}

TEST(Rtsp, WantsTheRightPassword) {
  test::RtspServerOptions options{test_pictures(320, 240, 30)};
  options.user = "ana";
  options.password = "p@ss";
  const RtspServer server(options);
  const std::string rest = server.uri().substr(7);
  EXPECT_THAT(error_of(server.uri()), HasSubstr("password"));
  EXPECT_THAT(error_of("rtsp://ana:wrong@" + rest),
              AllOf(HasSubstr("password"), Not(HasSubstr("wrong@"))));
  const auto source = open_source("rtsp://ana:p%40ss@" + rest, live());
  EXPECT_TRUE(source->next());
  EXPECT_THAT(source->cameras()[0].name, Not(HasSubstr("ss@")));
}

TEST(Rtsp, NotThere) {
  const RtspServer server({test_pictures(320, 240, 30)});
  EXPECT_THAT(error_of(server.uri() + "/other"), HasSubstr("is not there"));
  int port = 0;
  {
    const RtspServer gone({test_pictures(320, 240, 30)});
    port = gone.port();
  }
  EXPECT_THAT(error_of("rtsp://127.0.0.1:" + std::to_string(port) + "/video"),
              HasSubstr("does not work"));
  EXPECT_THAT(error_of("rtsp://there-is-no-such-machine.invalid/video"),
              HasSubstr("does not work"));
}

TEST(Rtsp, IsWaitedForAtTheStart) {
  int port = 0;
  {
    const RtspServer gone({test_pictures(320, 240, 30)});
    port = gone.port();
  }
  Told told;
  SourceOptions options = live(told);
  options.wait_s = 60;
  std::optional<RtspServer> server;
  std::jthread later([&] {
    while (told.lines().empty()) std::this_thread::yield();
    server.emplace(test::RtspServerOptions{.pipeline = test_pictures(320, 240, 30), .port = port});
  });
  const auto source = open_source("rtsp://127.0.0.1:" + std::to_string(port) + "/video", options);
  EXPECT_EQ(source->next()->stamp.stream_ns, 0);
  EXPECT_THAT(told.lines(), ElementsAre(AllOf(HasSubstr("is not there yet"), HasSubstr("60 s")),
                                        HasSubstr("is there after")));
  // Until it is lost nothing more is told.
  ASSERT_TRUE(source->next());
  EXPECT_EQ(told.lines().size(), 2U);
}

TEST(Rtsp, IsNotWaitedForInVain) {
  Told told;
  SourceOptions options = live(told);
  options.wait_s = 0.5;
  // As without waiting: the same line.
  const std::string without = error_of("rtsp://127.0.0.1:1/video");
  EXPECT_EQ(error_of("rtsp://127.0.0.1:1/video", options), without);
  EXPECT_EQ(told.lines().size(), 1U);
  // It is there, and will not want another password later. The test would last for a day.
  options.wait_s = 86'400;
  test::RtspServerOptions locked{test_pictures(320, 240, 30)};
  locked.user = "ana";
  locked.password = "p@ss";
  const RtspServer server(locked);
  EXPECT_THAT(error_of(server.uri(), options), HasSubstr("password"));
  const RtspServer sound({"audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0 pt=8"});
  EXPECT_NE(error_of(sound.uri(), options), "no error");
}

/// Noise, which does not compress: eight packets a picture, 480 a second.
std::string many_packets() {
  return "videotestsrc is-live=true pattern=snow ! video/x-raw,width=320,height=240,framerate=60/1 "
         "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=2 bitrate=1500 ! "
         "rtph264pay name=pay0 pt=96 config-interval=-1 mtu=400";
}

TEST(Rtsp, ManyLostPacketsAreToldOnce) {
  Told told;
  test::RtspServerOptions options{many_packets()};
  options.lost = 0.05;
  const RtspServer server(options);
  const auto source = open_source(server.uri(), live(told));
  const auto advised = [&] {
    const auto lines = told.lines();
    return std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
      return line.find("of its packets") != std::string::npos;
    });
  };
  while (advised() == 0) ASSERT_TRUE(source->next());
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(source->next());
  EXPECT_EQ(advised(), 1);
  const std::string rest = server.uri().substr(4);
  // Of 1,000 packets 50 are lost, with a standard deviation of 7.
  EXPECT_THAT(told.lines(),
              Contains(AllOf(HasSubstr("'rtsp" + rest + "'"), HasSubstr("rtspt" + rest),
                             ContainsRegex("loses [3-7] % of its packets"))));
}

/// What a server does not send by TCP is not lost on the way; by UDP one in 500 is none too many.
TEST(Rtsp, FewLostPacketsAndTcpAreNotTold) {
  for (const auto& [scheme, lost] : {std::pair{"rtspt", 0.05}, {"rtsp", 0.002}}) {
    Told told;
    test::RtspServerOptions options{many_packets()};
    options.lost = lost;
    const RtspServer server(options);
    const auto source = open_source(scheme + server.uri().substr(4), live(told));
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(source->next());
    EXPECT_THAT(told.lines(), Not(Contains(HasSubstr("of its packets")))) << scheme;
  }
}

TEST(Rtsp, ByTcpAndByIpV6) {
  test::RtspServerOptions options{test_pictures(320, 240, 30)};
  options.tcp_only = true;
  const RtspServer tcp(options);
  EXPECT_TRUE(open_source("rtspt" + tcp.uri().substr(4), live())->next());
  EXPECT_TRUE(open_source(tcp.uri(), live())->next()) << "UDP is refused, TCP tried";
  options.tcp_only = false;
  options.address = "::1";
  std::optional<RtspServer> v6;
  try {
    v6.emplace(options);
  } catch (const std::runtime_error&) {
    GTEST_SKIP() << "no IPv6 here";
  }
  EXPECT_TRUE(open_source(v6->uri(), live())->next());
}

TEST(Rtsp, SendsNoPictures) {
  const RtspServer server({"audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0 pt=8"});
  EXPECT_NE(error_of(server.uri()), "no error");
}

// ---- other streams

class Sender {
 public:
  explicit Sender(const std::string& pipeline) {
    gst_init(nullptr, nullptr);
    GError* error = nullptr;
    pipeline_ = gst_parse_launch(pipeline.c_str(), &error);
    EXPECT_EQ(error, nullptr);
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
  }
  ~Sender() {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    gst_object_unref(pipeline_);
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

 private:
  GstElement* pipeline_ = nullptr;
};

const std::string kH264 =
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=30/1 ! "
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! ";

TEST(Streams, TransportStreamByUdp) {
  const Sender sender(kH264 + "mpegtsmux alignment=7 ! udpsink host=127.0.0.1 port=51763");
  const auto source = open_source("udp://127.0.0.1:51763", live());
  for (int i = 0; i < 5; ++i) {
    const auto frame = source->next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->width, 320);
  }
}

TEST(Streams, TransportStreamBySrt) {
  const Sender sender(kH264 +
                      "mpegtsmux alignment=7 ! srtsink uri=srt://127.0.0.1:51764?mode=listener");
  const auto source = open_source("srt://127.0.0.1:51764", live());
  EXPECT_TRUE(source->next());
}

TEST(Streams, RtpByUdp) {
  const Sender sender(kH264 + "rtph264pay config-interval=-1 ! udpsink host=127.0.0.1 port=51766");
  const auto source = open_source("rtp://127.0.0.1:51766?encoding-name=H264", live());
  EXPECT_TRUE(source->next());
}

/// A twentieth of the packets is lost: pictures that need them are left out, not shown half.
TEST(Streams, PacketsThatAreLost) {
  if (!test::have({"netsim"})) GTEST_SKIP() << "no netsim here";
  // A still picture, whatever is lost of it: grey in the place of what is missing would be seen.
  const Sender sender(
      "videotestsrc is-live=true pattern=checkers-8 ! "
      "video/x-raw,width=320,height=240,framerate=60/1 ! x264enc tune=zerolatency "
      "speed-preset=ultrafast key-int-max=5 bitrate=4000 ! rtph264pay config-interval=-1 mtu=400 ! "
      "netsim drop-probability=0.05 ! udpsink host=127.0.0.1 port=51768");
  const auto source = open_source("rtp://127.0.0.1:51768?encoding-name=H264", live());
  std::optional<Frame> whole;
  int pictures = 0;
  for (; pictures < 50; ++pictures) {
    const auto frame = source->next();
    ASSERT_TRUE(frame);
    if (!whole) whole = *frame;
    double apart = 0;
    for (int y = 0; y < frame->height; ++y) {
      for (int x = 0; x < 3 * frame->width; ++x) {
        apart += std::abs(int{frame->pixels.get()[y * frame->stride_bytes + x]} -
                          int{whole->pixels.get()[y * whole->stride_bytes + x]});
      }
    }
    EXPECT_LT(apart / (3 * frame->width * frame->height), 6) << "picture " << pictures;
  }
}

// ---- cameras

const char* const kOffers =
    "video/x-raw, format=(string)YUY2, width=(int)640, height=(int)480, framerate=(fraction)30/1; "
    "video/x-raw, format=(string)YUY2, width=(int)320, height=(int)240, framerate=(fraction)30/1";

TEST(LiveCamera, GivesItsBestMode) {
  test::install_fake_camera({.caps = kOffers});
  const auto source = open_source("camera:7", live());
  const auto frame = source->next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->width, 640);
  EXPECT_EQ(source->cameras()[0].name, "/dev/video7");
  SourceOptions options = live();
  options.camera_mode = "320x240";
  EXPECT_EQ(open_source("camera:7", options)->next()->width, 320);
  options.camera_mode = "800x600";
  EXPECT_THAT(error_of("camera:7", options, ExitCode::usage),
              AllOf(HasSubstr("640x480 YUY2, 30 a second"), HasSubstr("320x240")));
}

TEST(LiveCamera, SurvivesBeingUnplugged) {
  Told told;
  test::install_fake_camera({.caps = kOffers, .pictures_until_unplugged = 5});
  const int before = test::fake_camera_starts();
  const auto source = open_source("camera:7", live(told));
  while (source->next()) {
    if (test::fake_camera_starts() >= before + 3) break;
  }
  EXPECT_THAT(told.lines(), Contains(AllOf(HasSubstr("/dev/video7"), HasSubstr("trying again"))));
  EXPECT_THAT(told.lines(), Contains(HasSubstr("is back after")));
}

TEST(LiveCamera, IsWaitedForAtTheStart) {
  test::install_fake_camera({.device = "/dev/video70", .caps = kOffers});
  Told told;
  SourceOptions options = live(told);
  options.wait_s = 60;
  std::jthread plugged_in([&] {
    while (told.lines().empty()) std::this_thread::yield();
    test::install_fake_camera({.device = "/dev/video77", .caps = kOffers});
  });
  EXPECT_TRUE(open_source("/dev/video77", options)->next());
  EXPECT_THAT(told.lines(), ElementsAre(AllOf(HasSubstr("/dev/video77"), HasSubstr("not there")),
                                        HasSubstr("is there after")));
  // A mode that it has not is no reason to wait.
  options.camera_mode = "800x600";
  EXPECT_THAT(error_of("camera:77", options, ExitCode::usage), HasSubstr("640x480"));
}

TEST(LiveCamera, NotThere) {
  test::install_fake_camera({.caps = kOffers});
  EXPECT_THAT(error_of("camera:8"), HasSubstr("cannot be opened"));
  EXPECT_THAT(error_of("camera:no such name"), HasSubstr("there is no camera of the name"));
}

TEST(LiveSource, HasOnlyNow) {
  SourceOptions options;
  EXPECT_THAT(error_of("rtsp://127.0.0.1/x", options, ExitCode::usage), HasSubstr("--realtime"));
  options.realtime = options.loop = true;
  EXPECT_THAT(error_of("rtsp://127.0.0.1/x", options, ExitCode::usage), HasSubstr("own rate"));
  options = live();
  options.camera_mode = "fast!";
  EXPECT_THAT(error_of("camera:", options, ExitCode::usage), HasSubstr("source.mode"));
}

}  // namespace
}  // namespace lazarillo
