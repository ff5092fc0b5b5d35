#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "error.h"
#include "media.h"
#include "source/source.h"

namespace lazarillo {
namespace {

using test::GreyPicture;
using test::TempDir;
using testing::HasSubstr;
constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;
constexpr const char* kMjpegMkv = "jpegenc quality=95 ! matroskamux";

std::int64_t now_ns() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int left_of(const Frame& frame) { return frame.pixels.get()[3 * 8]; }

/// Picture k has brightness 10 + 20 k and is shown at 40 k ms.
std::filesystem::path write_steps(const TempDir& dir, int count) {
  std::vector<GreyPicture> pictures;
  for (int i = 0; i < count; ++i) {
    pictures.push_back({i * 40, static_cast<std::uint8_t>(10 + 20 * i), 0});
  }
  test::write_pictures(dir / "steps.mkv", kMjpegMkv, 64, 64, pictures);
  return dir / "steps.mkv";
}

/// FNV-1a over the rows.
std::uint64_t fingerprint(const Frame& frame) {
  std::uint64_t hash = 1469598103934665603U;
  for (int y = 0; y < frame.height; ++y) {
    for (int x = 0; x < 3 * frame.width; ++x) {
      hash = (hash ^ frame.pixels.get()[y * frame.stride_bytes + x]) * 1099511628211U;
    }
  }
  return hash;
}

struct Seen {
  FrameStamp stamp;
  std::uint64_t pixels = 0;
};

std::vector<Seen> watch(Source& source, std::size_t most = 100'000) {
  std::vector<Seen> seen;
  while (seen.size() < most) {
    const auto frame = source.next();
    if (!frame) break;
    seen.push_back({frame->stamp, fingerprint(*frame)});
  }
  return seen;
}

TEST(Feeding, TheRateReplacesTheTimesOfTheFile) {
  const TempDir dir;
  // The third repeats a time and the fourth goes back: fed, every picture counts.
  test::write_pictures(
      dir / "a.mkv", kMjpegMkv, 64, 64,
      {{0, 10, 0}, {900, 20, 0}, {901, 30, 0}, {902, 40, 0}, {5000, 50, 0}, {5040, 60, 0}});
  for (const double fps : {7.0, 60.0, 240.0, 29.97}) {
    for (const bool realtime : {false, true}) {
      const auto source =
          open_source((dir / "a.mkv").string(), {.realtime = realtime, .feed_fps = fps});
      std::int64_t origin_ns = 0;
      int k = 0;
      for (; const auto frame = source->next(); ++k) {
        // Nearest nanosecond, by extended precision.
        const auto due = static_cast<std::int64_t>(
            std::llroundl(1e9L * static_cast<long double>(k) / static_cast<long double>(fps)));
        EXPECT_EQ(frame->stamp.stream_ns, due) << fps;
        EXPECT_EQ(frame->stamp.sequence, static_cast<std::uint64_t>(k));
        EXPECT_NEAR(left_of(*frame), 10 + 10 * k, 3);
        if (k == 0) origin_ns = frame->stamp.capture_ns;
        if (realtime) {
          EXPECT_EQ(frame->stamp.capture_ns, origin_ns + due);
        }
      }
      EXPECT_EQ(k, 6);
    }
  }
}

TEST(Feeding, ALoopGoesOnWithoutASeam) {
  const TempDir dir;
  const auto file = write_steps(dir, 7);
  for (const double fps : {0.0, 240.0}) {
    const auto source = open_source(file.string(), {.feed_fps = fps, .loop = true});
    EXPECT_FALSE(source->duration_ns());
    const double step_ms = fps > 0 ? 1000 / fps : 40;
    for (int k = 0; k < 100; ++k) {
      const auto frame = source->next();
      ASSERT_TRUE(frame);
      EXPECT_EQ(frame->stamp.sequence, static_cast<std::uint64_t>(k));
      EXPECT_EQ(frame->stamp.stream_ns, std::llround(step_ms * k * 1e6));
      EXPECT_NEAR(left_of(*frame), 10 + 20 * (k % 7), 3) << k;
    }
  }
}

TEST(Feeding, APictureFollowsALoopsLastAfterItsDuration) {
  const TempDir dir;
  test::write_pictures(dir / "a.mkv", kMjpegMkv, 64, 64,
                       {{500, 10, 0}, {530, 20, 0}, {630, 30, 0}});
  const auto source = open_source((dir / "a.mkv").string(), {.loop = true});
  std::vector<std::int64_t> times_ms;
  for (int k = 0; k < 9; ++k) times_ms.push_back(source->next()->stamp.stream_ns / kMs);
  // The last one's duration is not told: it is taken to be as long as the one before.
  EXPECT_THAT(times_ms, testing::ElementsAre(0, 30, 130, 230, 260, 360, 460, 490, 590));
}

TEST(Feeding, ALoopOverACutFileEndsWithItsFault) {
  if (!test::have({"x264enc", "avenc_aac"})) GTEST_SKIP() << "no encoders";
  const TempDir dir;
  test::write_clip(dir / "whole", "avimux", 6);
  const std::string bytes = test::read_file(dir / "whole");
  test::write_file(dir / "cut", bytes.substr(0, bytes.size() / 2));
  for (const std::int64_t start_ns : {0 * kSecond, 1 * kSecond, 100 * kSecond}) {
    const auto source = open_source((dir / "cut").string(), {.loop = true, .start_ns = start_ns});
    EXPECT_LT(watch(*source, 1000).size(), 120U);
    EXPECT_THAT(source->fault(), HasSubstr("cut short"));
    EXPECT_FALSE(source->next());
  }
}

TEST(Feeding, ALoopEndsWithAFaultWhenTheFileIsGone) {
  const TempDir dir;
  const auto file = write_steps(dir, 3);
  const auto source = open_source(file.string(), {.loop = true});
  std::filesystem::remove(file);
  // What is open already may still be played.
  EXPECT_LE(watch(*source, 1000).size(), 6U);
  EXPECT_THAT(source->fault(), HasSubstr("steps.mkv"));
}

struct Container {
  const char* name;
  const char* encoder_and_muxer;
};

class Starting : public testing::TestWithParam<Container> {};

TEST_P(Starting, GivesTheFramesOfAnUninterruptedRun) {
  if (!test::have({"x264enc", "avenc_mpeg4"})) GTEST_SKIP() << "no encoders";
  const TempDir dir;
  const auto file = dir / "clip";
  test::run_pipeline(
      "videotestsrc pattern=ball num-buffers=150 ! video/x-raw,width=160,height=120,framerate=30/1 "
      "! " +
      std::string(GetParam().encoder_and_muxer) + " ! filesink location=" + file.string());
  for (const double fps : {0.0, 240.0}) {
    const auto whole = watch(*open_source(file.string(), {.feed_fps = fps}));
    ASSERT_EQ(whole.size(), 150U);
    const std::int64_t end_ns = whole.back().stamp.stream_ns;
    for (const std::int64_t start_ns :
         {std::int64_t{1}, end_ns / 7, end_ns / 2, whole[75].stamp.stream_ns,
          whole[60].stamp.stream_ns + 1, end_ns * 9 / 10, end_ns}) {
      SCOPED_TRACE(std::to_string(fps) + " from " + std::to_string(start_ns));
      const auto source = open_source(file.string(), {.feed_fps = fps, .start_ns = start_ns});
      EXPECT_EQ(source->cameras()[0].intrinsics.width, 160);
      const auto late = watch(*source);
      EXPECT_EQ(source->fault(), "");
      const auto from = std::find_if(whole.begin(), whole.end(), [&](const Seen& seen) {
        return seen.stamp.stream_ns >= start_ns;
      });
      ASSERT_EQ(late.size(), static_cast<std::size_t>(whole.end() - from));
      for (std::size_t i = 0; i < late.size(); ++i) {
        EXPECT_EQ(late[i].stamp.stream_ns, from[static_cast<std::ptrdiff_t>(i)].stamp.stream_ns);
        EXPECT_EQ(late[i].stamp.sequence, from[static_cast<std::ptrdiff_t>(i)].stamp.sequence);
        EXPECT_EQ(late[i].pixels, from[static_cast<std::ptrdiff_t>(i)].pixels) << i;
      }
    }
    const auto beyond = open_source(file.string(), {.feed_fps = fps, .start_ns = end_ns + kSecond});
    EXPECT_EQ(beyond->cameras()[0].intrinsics.width, 160);
    EXPECT_FALSE(beyond->next());
    EXPECT_EQ(beyond->fault(), "");
  }
}

TEST_P(Starting, GoesOnInALaterPassOfALoop) {
  if (!test::have({"x264enc", "avenc_mpeg4"})) GTEST_SKIP() << "no encoders";
  const TempDir dir;
  const auto file = dir / "clip";
  test::run_pipeline(
      "videotestsrc pattern=ball num-buffers=50 ! video/x-raw,width=160,height=120,framerate=25/1 "
      "! " +
      std::string(GetParam().encoder_and_muxer) + " ! filesink location=" + file.string());
  for (const double fps : {0.0, 60.0}) {
    const auto whole = watch(*open_source(file.string(), {.feed_fps = fps, .loop = true}), 230);
    ASSERT_EQ(whole.size(), 230U);
    for (std::size_t i = 50; i < whole.size(); ++i) {
      EXPECT_EQ(whole[i].pixels, whole[i % 50].pixels) << i;
      const double due_ns = static_cast<double>(i) * 1e9 / (fps > 0 ? fps : 25);
      EXPECT_NEAR(static_cast<double>(whole[i].stamp.stream_ns), due_ns, 2e6) << i;
    }
    for (const std::size_t first : {10, 49, 99, 100, 163}) {
      SCOPED_TRACE(std::to_string(fps) + " from " + std::to_string(first));
      const auto late = watch(
          *open_source(file.string(),
                       {.feed_fps = fps, .loop = true, .start_ns = whole[first].stamp.stream_ns}),
          230 - first);
      ASSERT_EQ(late.size(), 230 - first);
      for (std::size_t i = 0; i < late.size(); ++i) {
        EXPECT_EQ(late[i].stamp.stream_ns, whole[first + i].stamp.stream_ns);
        EXPECT_EQ(late[i].stamp.sequence, whole[first + i].stamp.sequence);
        EXPECT_EQ(late[i].pixels, whole[first + i].pixels) << i;
      }
    }
  }
}

// The last has no index.
INSTANTIATE_TEST_SUITE_P(
    Containers, Starting,
    testing::Values(Container{"avi", "avenc_mpeg4 gop-size=20 ! avimux"},
                    Container{"mp4", "x264enc key-int-max=40 bframes=3 ! mp4mux"},
                    Container{"mkv", "x264enc key-int-max=40 bframes=3 ! matroskamux"},
                    Container{"mkvAllKey", "jpegenc ! matroskamux"},
                    Container{"ts", "x264enc key-int-max=40 bframes=0 ! mpegtsmux"},
                    Container{"h264",
                              "x264enc key-int-max=40 bframes=0 ! "
                              "video/x-h264,stream-format=byte-stream"}),
    [](const auto& container) { return std::string(container.param.name); });

TEST(Feeding, VariableTimesAreFoundByASeekToo) {
  const TempDir dir;
  test::write_pictures(dir / "vfr.mkv", kMjpegMkv, 64, 64,
                       {{500, 10, 0}, {533, 40, 0}, {700, 70, 0}, {20'000, 130, 0}});
  const std::pair<std::int64_t, int> expected[] = {{33, 40}, {34, 70}, {200, 70}, {201, 130}};
  for (const auto& [start_ms, grey] : expected) {
    const auto frame =
        open_source((dir / "vfr.mkv").string(), {.start_ns = start_ms * kMs})->next();
    ASSERT_TRUE(frame);
    EXPECT_NEAR(left_of(*frame), grey, 3) << start_ms;
  }
}

TEST(Feeding, TheOriginIsTheMomentOfStreamTimeZero) {
  const TempDir dir;
  const auto file = write_steps(dir, 5);
  // As after a crash: 80 ms of the stream have passed.
  const std::int64_t origin_ns = now_ns() - 80 * kMs;
  const auto source =
      open_source(file.string(), {.realtime = true, .start_ns = 80 * kMs, .origin_ns = origin_ns});
  for (int k = 2; k < 5; ++k) {
    const auto frame = source->next();
    ASSERT_TRUE(frame);
    EXPECT_NEAR(left_of(*frame), 10 + 20 * k, 3);
    EXPECT_EQ(frame->stamp.stream_ns, 40 * k * kMs);
    EXPECT_EQ(frame->stamp.capture_ns, origin_ns + 40 * k * kMs);
    EXPECT_GE(now_ns(), frame->stamp.capture_ns);
  }
  EXPECT_EQ(source->skipped(), 0U);
}

TEST(Feeding, WithoutAnOriginTheFirstFrameIsDueWhenAskedFor) {
  const TempDir dir;
  const auto file = write_steps(dir, 5);
  const auto source = open_source(file.string(), {.realtime = true, .start_ns = 100 * kMs});
  const auto asked_ns = now_ns();
  const auto frame = source->next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->stamp.stream_ns, 120 * kMs);
  EXPECT_GE(frame->stamp.capture_ns, asked_ns + 20 * kMs);
}

TEST(Feeding, LateFramesKeepTheirDueTime) {
  const TempDir dir;
  const auto file = write_steps(dir, 5);
  const std::int64_t origin_ns = now_ns() - 3600 * kSecond;
  const auto source = open_source(file.string(), {.realtime = true, .origin_ns = origin_ns});
  const auto seen = watch(*source);
  ASSERT_EQ(seen.size(), 5U);
  for (std::size_t k = 0; k < 5; ++k) {
    EXPECT_EQ(seen[k].stamp.capture_ns, origin_ns + static_cast<std::int64_t>(k) * 40 * kMs);
  }
  EXPECT_EQ(source->skipped(), 0U);
}

TEST(Feeding, FramesThatAreTooLateArePassedOverAndCounted) {
  const TempDir dir;
  // Five frames are 50 s late; the sixth is due now.
  std::vector<GreyPicture> pictures;
  for (int i = 0; i < 5; ++i) pictures.push_back({i * 40, 10, 0});
  pictures.push_back({50'000, 200, 0});
  test::write_pictures(dir / "a.mkv", kMjpegMkv, 64, 64, pictures);
  const auto source = open_source(
      (dir / "a.mkv").string(),
      {.realtime = true, .origin_ns = now_ns() - 50 * kSecond, .late_drop_ns = 20 * kSecond});
  const auto frame = source->next();
  ASSERT_TRUE(frame);
  EXPECT_NEAR(left_of(*frame), 200, 3);
  EXPECT_EQ(frame->stamp.sequence, 5U);
  EXPECT_EQ(source->skipped(), 5U);
  EXPECT_FALSE(source->next());
  EXPECT_EQ(source->skipped(), 5U);
  EXPECT_EQ(source->fault(), "");
}

TEST(Feeding, PlayedFastNothingIsEverLate) {
  const TempDir dir;
  const auto file = write_steps(dir, 5);
  const auto source =
      open_source(file.string(), {.origin_ns = now_ns() - 3600 * kSecond, .late_drop_ns = kMs});
  EXPECT_EQ(watch(*source).size(), 5U);
  EXPECT_EQ(source->skipped(), 0U);
}

TEST(Feeding, StopEndsALoopAtAnyMoment) {
  const TempDir dir;
  const auto file = write_steps(dir, 3);
  for (int taken = 0; taken < 12; ++taken) {
    const auto source = open_source(file.string(), {.loop = true});
    for (int i = 0; i < taken; ++i) ASSERT_TRUE(source->next());
    std::thread stopper([&] { source->stop(); });
    while (source->next()) {
    }
    stopper.join();
    EXPECT_EQ(source->fault(), "");
  }
  // Nor does one have to be stopped.
  for (int taken = 0; taken < 12; ++taken) {
    const auto source = open_source(file.string(), {.loop = true});
    for (int i = 0; i < taken; ++i) ASSERT_TRUE(source->next());
  }
}

TEST(Feeding, OptionsOutOfRangeAreRefused) {
  const auto code = [](const SourceOptions& options) {
    try {
      (void)open_source("/nowhere", options);
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::ok;
  };
  EXPECT_EQ(code({.feed_fps = -1}), ExitCode::usage);
  EXPECT_EQ(code({.feed_fps = std::numeric_limits<double>::quiet_NaN()}), ExitCode::usage);
  EXPECT_EQ(code({.feed_fps = std::numeric_limits<double>::infinity()}), ExitCode::usage);
  EXPECT_EQ(code({.start_ns = -1}), ExitCode::usage);
  EXPECT_EQ(code({.late_drop_ns = -1}), ExitCode::usage);
}

}  // namespace
}  // namespace lazarillo
