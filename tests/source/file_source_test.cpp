#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <thread>

#include "media.h"
#include "source/lens.h"
#include "source/media_capabilities.h"
#include "source/source.h"

namespace lazarillo {
namespace {

using test::GreyPicture;
using test::TempDir;
constexpr std::int64_t kMs = 1'000'000;
constexpr const char* kMjpegMkv = "jpegenc quality=95 ! matroskamux";

int value_at(const Frame& frame, int x, int y) {
  return frame.pixels.get()[y * frame.stride_bytes + std::ptrdiff_t{3} * x + 1];
}

std::vector<Frame> all_frames(Source& source) {
  std::vector<Frame> frames;
  while (auto frame = source.next()) frames.push_back(*frame);
  return frames;
}

std::int64_t now_ns() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

TEST(FileSource, KeepsVariableTimesAndPictures) {
  const TempDir dir;
  const std::vector<GreyPicture> made = {
      {500, 10, 200}, {533, 40, 180}, {700, 70, 160}, {701, 100, 140}, {2000, 130, 120}};
  test::write_pictures(dir / "vfr.mkv", kMjpegMkv, 96, 64, made);
  const auto source = open_source((dir / "vfr.mkv").string(), {.hfov_deg = 80});
  ASSERT_EQ(source->cameras().size(), 1U);
  EXPECT_EQ(source->cameras()[0].intrinsics.width, 96);
  EXPECT_NEAR(source->cameras()[0].intrinsics.bearing_deg(95.5), 40, 1e-9);

  // All frames are held at once: each must keep its own pixels.
  const auto frames = all_frames(*source);
  EXPECT_EQ(source->fault(), "");
  ASSERT_EQ(frames.size(), made.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ(frames[i].stamp.sequence, i);
    EXPECT_EQ(frames[i].stamp.stream_ns, (made[i].time_ms - 500) * kMs);
    EXPECT_EQ(frames[i].format, PixelFormat::bgr8);
    EXPECT_NEAR(value_at(frames[i], 8, 32), made[i].left, 3);
    EXPECT_NEAR(value_at(frames[i], 88, 32), made[i].right, 3);
  }
  EXPECT_FALSE(source->next());
}

TEST(FileSource, FramesOfALensHaveOneForAll) {
  const TempDir dir;
  test::write_pictures(dir / "bent.mkv", kMjpegMkv, 96, 64, {{0, 10, 200}, {33, 40, 180}});
  SourceOptions options;
  options.hfov_deg = 100;
  options.lens = std::make_shared<const Lens>(Intrinsics{60, 60, 95.5, 63.5, 192, 128, false},
                                              KannalaBrandt{{0.1, 0, 0, 0}});
  const auto frames = all_frames(*open_source((dir / "bent.mkv").string(), options));
  ASSERT_EQ(frames.size(), 2U);
  ASSERT_TRUE(frames[0].lens);
  EXPECT_EQ(frames[0].lens, frames[1].lens);
  EXPECT_EQ(frames[0].lens->camera(), options.lens->camera().resized(96, 64));
  // The straight picture is as large, and shows what was asked for.
  EXPECT_EQ(frames[0].intrinsics.width, 96);
  EXPECT_NEAR(frames[0].intrinsics.bearing_deg(95.5), 50, 1e-9);
  EXPECT_FALSE(frames[0].intrinsics.assumed);
}

TEST(FileSource, FramesOutliveTheirSource) {
  const TempDir dir;
  test::write_pictures(dir / "a.mkv", kMjpegMkv, 64, 64, {{0, 50, 200}, {40, 60, 210}});
  auto source = open_source((dir / "a.mkv").string(), {});
  const auto frame = source->next();
  source.reset();
  ASSERT_TRUE(frame);
  EXPECT_NEAR(value_at(*frame, 5, 60), 50, 3);
}

TEST(FileSource, OddSizesKeepTheirRowsApart) {
  const TempDir dir;
  test::write_pictures(dir / "odd.mkv", kMjpegMkv, 101, 57, {{0, 20, 220}});
  const auto frame = open_source((dir / "odd.mkv").string(), {})->next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->width, 101);
  EXPECT_EQ(frame->height, 57);
  EXPECT_GE(frame->stride_bytes, 303);
  for (const int y : {0, 28, 56}) {
    EXPECT_NEAR(value_at(*frame, 10, y), 20, 4) << y;
    // The encoder fills its last block, from x = 96, with whatever lies behind the picture.
    EXPECT_NEAR(value_at(*frame, 95, y), 220, 4) << y;
  }
}

TEST(FileSource, PortraitPhoneVideoStandsUpright) {
  if (!test::have({"x264enc", "mp4mux"})) GTEST_SKIP() << "no H.264 encoder";
  const TempDir dir;
  test::write_pictures(dir / "phone.mp4", "x264enc ! mp4mux", 320, 240,
                       {{0, 20, 220}, {40, 20, 220}});
  test::turn_clockwise(dir / "phone.mp4", 240);

  const auto source = open_source((dir / "phone.mp4").string(), {.hfov_deg = 60});
  const auto frame = source->next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->width, 240);
  EXPECT_EQ(frame->height, 320);
  EXPECT_EQ(frame->intrinsics.width, 240);
  // Turned clockwise, what was left is on top.
  EXPECT_NEAR(value_at(*frame, 120, 10), 20, 4);
  EXPECT_NEAR(value_at(*frame, 120, 310), 220, 4);
}

TEST(FileSource, WidePixelsAreMadeSquare) {
  if (!test::have({"x264enc", "mp4mux"})) GTEST_SKIP() << "no H.264 encoder";
  const TempDir dir;
  test::run_pipeline(
      "videotestsrc num-buffers=3 ! video/x-raw,width=720,height=576,pixel-aspect-ratio=16/15 ! "
      "x264enc ! mp4mux ! filesink location=" +
      (dir / "pal.mp4").string());
  const auto frame = open_source((dir / "pal.mp4").string(), {})->next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->width, 768);  // 720 * 16 / 15
  EXPECT_EQ(frame->height, 576);
  EXPECT_EQ(frame->intrinsics.fx, frame->intrinsics.fy);
}

TEST(FileSource, TheSizeMayChangeInTheMiddle) {
  if (!test::have({"x264enc", "h264parse"})) GTEST_SKIP() << "no H.264 encoder";
  const TempDir dir;
  const auto part = [&](const std::string& name, int width, int height) {
    test::run_pipeline("videotestsrc num-buffers=10 ! video/x-raw,framerate=30/1,width=" +
                       std::to_string(width) + ",height=" + std::to_string(height) +
                       " ! x264enc bframes=0 ! video/x-h264,stream-format=byte-stream ! "
                       "filesink location=" +
                       (dir / name).string());
    return test::read_file(dir / name);
  };
  test::write_file(dir / "two.h264", part("a", 320, 240) + part("b", 480, 640));
  const auto frames = all_frames(*open_source((dir / "two.h264").string(), {.hfov_deg = 70}));
  ASSERT_EQ(frames.size(), 20U);
  EXPECT_EQ(frames[9].width, 320);
  EXPECT_EQ(frames[10].width, 480);
  EXPECT_EQ(frames[10].height, 640);
  EXPECT_EQ(frames[10].intrinsics.width, 480);
  EXPECT_NEAR(frames[10].intrinsics.bearing_deg(479.5), 35, 1e-9);
  for (std::size_t i = 1; i < frames.size(); ++i) {
    EXPECT_GT(frames[i].stamp.stream_ns, frames[i - 1].stamp.stream_ns);
  }
}

TEST(FileSource, SoundBesideThePicturesNeitherStallsNorIsNeeded) {
  if (!test::have({"x264enc", "avenc_aac", "mp4mux"})) GTEST_SKIP() << "no encoders";
  const TempDir dir;
  test::write_clip(dir / "sound.mp4", "mp4mux", 6);
  const auto source = open_source("file://" + (dir / "sound%2Emp4").string(), {});
  EXPECT_NEAR(static_cast<double>(source->duration_ns().value_or(0)) / 1e9, 6, 0.1);
  EXPECT_EQ(all_frames(*source).size(), 180U);
  EXPECT_EQ(source->fault(), "");
}

TEST(FileSource, FastFramesAreStampedWhenAskedFor) {
  const TempDir dir;
  test::write_pictures(dir / "a.mkv", kMjpegMkv, 64, 64, {{0, 0, 0}, {40, 0, 0}, {5000, 0, 0}});
  const auto source = open_source((dir / "a.mkv").string(), {});
  for (int i = 0; i < 3; ++i) {
    const auto before = now_ns();
    const auto frame = source->next();
    ASSERT_TRUE(frame);
    EXPECT_GE(frame->stamp.capture_ns, before);
    EXPECT_LE(frame->stamp.capture_ns, now_ns());
  }
}

TEST(FileSource, RealtimeFramesComeWhenDueNotBefore) {
  const TempDir dir;
  test::write_pictures(dir / "a.mkv", kMjpegMkv, 64, 64,
                       {{0, 0, 0}, {30, 0, 0}, {130, 0, 0}, {200, 0, 0}});
  const auto source = open_source((dir / "a.mkv").string(), {.realtime = true});
  std::int64_t origin = 0;
  int count = 0;
  while (const auto frame = source->next()) {
    if (count++ == 0) origin = frame->stamp.capture_ns;
    EXPECT_EQ(frame->stamp.capture_ns, origin + frame->stamp.stream_ns);
    EXPECT_GE(now_ns(), frame->stamp.capture_ns);
  }
  EXPECT_EQ(count, 4);
}

TEST(FileSource, StopWakesAWaitingNext) {
  const TempDir dir;
  // The second frame is due in 50 s; the test would see it if stop() did not work.
  test::write_pictures(dir / "a.mkv", kMjpegMkv, 64, 64, {{0, 0, 0}, {50'000, 0, 0}});
  const auto source = open_source((dir / "a.mkv").string(), {.realtime = true});
  ASSERT_TRUE(source->next());
  std::thread stopper([&] { source->stop(); });
  EXPECT_FALSE(source->next());
  stopper.join();
  source->stop();
  EXPECT_FALSE(source->next());
  EXPECT_EQ(source->fault(), "");
}

TEST(FileSource, MayBeDroppedAtAnyMoment) {
  const TempDir dir;
  std::vector<GreyPicture> many;
  for (int i = 0; i < 60; ++i) many.push_back({i * 10, 0, 0});
  test::write_pictures(dir / "a.mkv", kMjpegMkv, 64, 64, many);
  for (int taken = 0; taken < 10; ++taken) {
    const auto source = open_source((dir / "a.mkv").string(), {});
    for (int i = 0; i < taken; ++i) ASSERT_TRUE(source->next());
  }
}

TEST(FileSource, TheSameFileGivesTheSameTimesEveryRun) {
  const TempDir dir;
  test::write_pictures(dir / "a.mkv", kMjpegMkv, 64, 64, {{3, 1, 2}, {40, 3, 4}, {99, 5, 6}});
  const auto first = all_frames(*open_source((dir / "a.mkv").string(), {}));
  const auto second = all_frames(*open_source((dir / "a.mkv").string(), {}));
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].stamp.stream_ns, second[i].stamp.stream_ns);
  }
}

TEST(MediaCapabilities, SayWhatIsThereAndWhatToInstall) {
  const auto list = media_capabilities();
  EXPECT_GE(list.size(), 12U);
  for (const auto& entry : list) {
    EXPECT_EQ(entry.present, test::have({entry.element})) << entry.element;
    EXPECT_FALSE(entry.purpose.empty());
    EXPECT_TRUE(entry.package.starts_with("gstreamer1.0-")) << entry.package;
  }
}

}  // namespace
}  // namespace lazarillo
