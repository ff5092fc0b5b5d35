#include "run/pipeline.h"

#include <gmock/gmock.h>
#include <malloc.h>
#include <stdlib.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "../infer/tiny_network.h"
#include "../see/frames.h"
#include "clock.h"
#include "fake_source.h"
#include "run/foresight_board.h"
#include "source/frame_copies.h"
#include "source/rig.h"

namespace lazarillo {
namespace {

using test::FakeSource;
using testing::ElementsAre;
using Json = nlohmann::json;

constexpr std::int64_t kNsPerS = 1'000'000'000;
constexpr int kSize = 64;

/// A run over made-up frames, with a network that always finds one person in the middle.
class PipelineTest : public testing::Test {
 protected:
  PipelineTest() {
    ::setenv("LAZARILLO_HOME", LZ_SOURCE_DIR, 1);
    test::write_tiny_network(folder.path() / "tiny.xml", {1, 3, 32, 32},
                             {{"boxes", {1, 1, 4}, {12, 4, 20, 28}},
                              {"scores", {1, 1, 1}, {0.9F}},
                              {"depth", {1, 1, 8, 8}, {6}}});
    options.config.models =
        folder
            .write("tiny.toml",
                   "[joint]\nfile = \"tiny.xml\"\ninput = { width = 32, height = 32 }\n"
                   "labels = [\"person\"]\ncanonical_focal_px = 32\n")
            .string();
    options.source = "made up";
    options.sound = false;
    options.video = false;
    options.show_progress = false;
    options.out_directory = folder.path() / "out";
  }

  /// Frame `k` of a stream at `fps`, taken `age_ns` ago.
  Frame frame(std::uint64_t k, double fps, std::int64_t age_ns = 0) const {
    Frame f = picture;
    f.stamp = {0, k, steady_now_ns() - age_ns, std::llround(static_cast<double>(k) / fps * 1e9)};
    return f;
  }

  std::unique_ptr<Source> source(FakeSource::Make make) const {
    return std::make_unique<FakeSource>(picture.intrinsics, std::move(make));
  }
  /// `count` frames as fast as they are taken.
  std::unique_ptr<Source> frames(std::uint64_t count, double fps = 30) const {
    return source([this, count, fps](std::uint64_t k) {
      return k < count ? std::optional(frame(k, fps)) : std::nullopt;
    });
  }

  /// Lines of events.jsonl of one type, or of all.
  std::vector<Json> events(const std::string& type = "") const {
    std::ifstream file(options.out_directory / "events.jsonl");
    std::vector<Json> found;
    for (std::string line; std::getline(file, line);) {
      Json event = Json::parse(line);
      if (type.empty() || event["type"] == type) found.push_back(std::move(event));
    }
    return found;
  }
  /// The same without what is wall-clock time.
  std::vector<Json> timeless_events() const {
    std::vector<Json> found = events();
    for (Json& event : found) {
      event.erase("capture_ns");
      event.erase("decision_ns");
    }
    return found;
  }

  std::uint64_t dropped(const Report& report, const std::string& reason) const {
    const auto found = report.drops.find(reason);
    return found == report.drops.end() ? 0 : found->second;
  }

  test::TempDir folder;
  const Frame picture =
      test::make_frame(kSize, kSize, [](int x, int y, int) { return (x * 37 + y * 91) % 200; });
  RunOptions options;
};

TEST_F(PipelineTest, AReplayGivesEveryFrameOutOnceInOrder) {
  const RunResult result = Pipeline(options, frames(300)).run();
  EXPECT_EQ(result.code, ExitCode::ok);
  EXPECT_EQ(result.report.frames, 300U);
  EXPECT_EQ(result.report.detected, 300U);
  const std::vector<Json> lines = events("frame");
  ASSERT_EQ(lines.size(), 300U);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["sequence"], i);
    EXPECT_TRUE(lines[i]["looked_at"]);
    EXPECT_EQ(lines[i]["detections"].size(), 1U);
  }
}

TEST_F(PipelineTest, StreamsBatchesAndLockstepChangeNothingOfAReplay) {
  std::vector<std::vector<Json>> seen;
  const auto run = [&](int streams, int batch, bool lockstep) {
    options.config.running.streams = streams;
    options.config.seeing.batch = batch;
    options.config.running.lockstep = lockstep;
    EXPECT_EQ(Pipeline(options, frames(101)).run().code, ExitCode::ok);
    seen.push_back(timeless_events());
  };
  run(1, 1, false);
  run(3, 1, false);
  run(2, 4, false);
  run(1, 1, true);
  EXPECT_GT(seen[0].size(), 101U);
  for (const std::vector<Json>& other : seen) EXPECT_EQ(other, seen[0]);
}

TEST_F(PipelineTest, LiveEveryFrameIsGivenOutSeenOrPredicted) {
  options.realtime = true;
  const RunResult result = Pipeline(options, frames(2000, 240)).run();
  const Report& report = result.report;
  EXPECT_EQ(report.frames, 2000U);
  // A frame is looked at or left out for a reason that is counted.
  EXPECT_EQ(report.detected + dropped(report, "detector_busy") + dropped(report, "frame_too_late"),
            2000U);
  const std::vector<Json> lines = events("frame");
  ASSERT_EQ(lines.size(), 2000U);
  std::size_t looked_at = events("sighting").size();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["sequence"], i);
    if (lines[i]["looked_at"]) ++looked_at;
  }
  EXPECT_EQ(looked_at, report.detected);
}

TEST_F(PipelineTest, LiveOldFramesAreNotLookedAt) {
  options.realtime = true;
  options.config.pace.deadline_ms = 100;
  auto old = source([this](std::uint64_t k) {
    return k < 50 ? std::optional(frame(k, 30, kNsPerS)) : std::nullopt;
  });
  const Report report = Pipeline(options, std::move(old)).run().report;
  EXPECT_EQ(report.frames, 50U);
  EXPECT_EQ(report.detected, 0U);
  EXPECT_EQ(dropped(report, "frame_too_late") + dropped(report, "detector_busy"), 50U);
}

TEST_F(PipelineTest, FramesWhoseTimeGoesBackAreLeftOut) {
  // Counts up to 40, jumps back to 20 and goes on to 59.
  auto jumps = source([this](std::uint64_t k) {
    return k < 80 ? std::optional(frame(k < 40 ? k : k - 20, 30)) : std::nullopt;
  });
  const RunResult result = Pipeline(options, std::move(jumps)).run();
  EXPECT_EQ(result.code, ExitCode::ok);
  EXPECT_EQ(result.report.frames, 60U);
  EXPECT_EQ(dropped(result.report, "time_went_back"), 20U);
}

/// Waits until a condition on the growing events file holds; false after 20 s.
template <class Condition>
bool eventually(const Condition& holds) {
  for (int i = 0; i < 2000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST_F(PipelineTest, LiveASourceThatStallsIsSaidAndSoIsItsReturn) {
  options.realtime = true;
  const auto said = [this](const char* kind) {
    const std::vector<Json> cues = events("cue");
    return std::any_of(cues.begin(), cues.end(), [&](const Json& c) { return c["kind"] == kind; });
  };
  bool lost = false;
  bool back = false;
  const std::int64_t begin_ns = steady_now_ns();
  const Frame other =
      test::make_frame(kSize, kSize, [](int x, int y, int) { return (x * 37 + y * 91) % 200 + 1; });
  auto stalls = source([&](std::uint64_t k) -> std::optional<Frame> {
    // Ten frames, then nothing until the walker was told, then more until told again.
    if (k == 10) lost = eventually([&] { return said("vision_lost"); });
    if (k > 10 && k % 10 == 0) back = said("vision_back");
    if (back || k > 1000) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    Frame f = frame(k, 100);
    // A camera that goes on gives no picture twice.
    if (k % 2 != 0) f.pixels = other.pixels;
    f.stamp.stream_ns = steady_now_ns() - begin_ns;
    return f;
  });
  EXPECT_EQ(Pipeline(options, std::move(stalls)).run().code, ExitCode::ok);
  EXPECT_TRUE(lost);
  EXPECT_TRUE(back);
}

TEST_F(PipelineTest, LiveACameraThatHangsIsNoCamera) {
  options.realtime = true;
  const auto said = [this](const char* kind) {
    const std::vector<Json> cues = events("cue");
    return std::any_of(cues.begin(), cues.end(), [&](const Json& c) { return c["kind"] == kind; });
  };
  const std::int64_t begin_ns = steady_now_ns();
  bool lost = false;
  auto hangs = source([&](std::uint64_t k) -> std::optional<Frame> {
    if (k % 10 == 0) lost = said("vision_lost");
    if (lost || k > 1000) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    Frame f = frame(k, 100);
    f.stamp.stream_ns = steady_now_ns() - begin_ns;
    return f;
  });
  EXPECT_EQ(Pipeline(options, std::move(hangs)).run().code, ExitCode::ok);
  EXPECT_TRUE(lost);
}

TEST_F(PipelineTest, TenThousandFramesCopyNothingAndLeaveNothingBehind) {
  options.out_directory.clear();
  options.realtime = true;
  std::uint64_t copies = 0;
  std::size_t used = 0;
  auto counted = source([&](std::uint64_t k) -> std::optional<Frame> {
    if (k == 1000) {
      copies = FrameCopies::count();
      used = mallinfo2().uordblks;
    }
    return k < 11'000 ? std::optional(frame(k, 1000)) : std::nullopt;
  });
  Pipeline pipeline(options, std::move(counted));
  const Report report = pipeline.run().report;
  EXPECT_EQ(report.frames, 11'000U);
  EXPECT_EQ(FrameCopies::count() - copies, 0U);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // What is in use at the end: histograms have their size from the beginning.
  EXPECT_LT(static_cast<double>(mallinfo2().uordblks) - static_cast<double>(used), 256.0 * 1024);
#endif
}

TEST_F(PipelineTest, TheDetectorRestsWhereNothingChanges) {
  options.config.skipping.enabled = true;
  const Report report = Pipeline(options, frames(600, 60)).run().report;
  EXPECT_EQ(report.frames, 600U);
  EXPECT_LT(report.detected, 200U);
  EXPECT_EQ(report.detected + dropped(report, "detector_skipped"), 600U);
  // The one person is in every frame all the same, once it is confirmed; unseen never for longer
  // than the longest rest.
  const std::vector<Json> lines = events("frame");
  int unseen = 0;
  for (std::size_t i = 10; i < lines.size(); ++i) {
    ASSERT_EQ(lines[i]["tracks"].size(), 1U) << "frame " << i;
    unseen = lines[i]["looked_at"] ? 0 : unseen + 1;
    EXPECT_LE(unseen, 30);
  }
}

TEST_F(PipelineTest, TheDetectorWakesForWhatComesIntoView) {
  options.config.skipping.enabled = true;
  const Frame other = test::make_frame(kSize, kSize, [](int x, int y, int) {
    return x < 20 && y > 30 ? 250 : (x * 37 + y * 91) % 200;
  });
  auto enters = source([&](std::uint64_t k) -> std::optional<Frame> {
    if (k >= 200) return std::nullopt;
    Frame f = frame(k, 60);
    if (k >= 157) f.pixels = other.pixels;
    return f;
  });
  ASSERT_EQ(Pipeline(options, std::move(enters)).run().code, ExitCode::ok);
  EXPECT_TRUE(events("frame").at(157)["looked_at"]);
}

/// Moments of three cameras, 60 a second, every second one of the first camera alone; at the number
/// `other` and after, the last camera shows another picture.
class ThreeCameras : public PipelineTest {
 protected:
  std::unique_ptr<Source> moments(std::uint64_t count, std::uint64_t other = UINT64_MAX) const {
    auto rig = std::make_shared<Rig>();
    for (const double yaw : {0.0, -1.2, 1.2}) {
      const double c = std::cos(yaw);
      const double s = std::sin(yaw);
      rig->cameras.push_back({"camera", {{c, 0, s, 0, 1, 0, -s, 0, c}, {}}});
    }
    const Frame changed = test::make_frame(
        kSize, kSize, [](int x, int y, int) { return y > 30 ? 250 : (x * 37 + y * 91) % 200; });
    return source([=, this](std::uint64_t k) -> std::optional<Frame> {
      if (k >= count) return std::nullopt;
      auto set = std::make_shared<FrameSet>();
      set->rig = rig;
      for (int camera = 1; camera < 3 && k % 2 == 0; ++camera) {
        Frame beside = frame(k, 60);
        beside.stamp.camera = camera;
        beside.stamp.sequence = k / 2;
        if (camera == 2 && k >= other) beside.pixels = changed.pixels;
        set->others.push_back(std::move(beside));
      }
      Frame lead = frame(k, 60);
      lead.set = std::move(set);
      return lead;
    });
  }
};

TEST_F(ThreeCameras, TheDetectorRestsWhereNoneSeesAChange) {
  options.config.skipping.enabled = true;
  const Report report = Pipeline(options, moments(600)).run().report;
  EXPECT_EQ(report.frames, 600U);
  EXPECT_LT(report.detected, 200U);
  EXPECT_EQ(report.detected + dropped(report, "detector_skipped"), 600U);
  const std::vector<Json> lines = events("frame");
  ASSERT_EQ(lines.size(), 600U);
  int unseen = 0;
  for (std::size_t i = 20; i < lines.size(); ++i) {
    // A person before each camera, whether it gave a picture and was looked at or not.
    ASSERT_EQ(lines[i]["tracks"].size(), 3U) << "moment " << i;
    unseen = lines[i]["looked_at"] ? 0 : unseen + 1;
    EXPECT_LE(unseen, 30);
  }
}

TEST_F(ThreeCameras, OneThatSeesAChangeWakesTheDetectorForAll) {
  options.config.skipping.enabled = true;
  ASSERT_EQ(Pipeline(options, moments(200, 158)).run().code, ExitCode::ok);
  const std::vector<Json> lines = events("frame");
  for (std::size_t i = 152; i < 158; ++i) EXPECT_FALSE(lines.at(i)["looked_at"]) << i;
  const Json& moment = lines.at(158);
  EXPECT_TRUE(moment["looked_at"]);
  EXPECT_EQ(moment["beside"].size(), 2U);
}

TEST(ForesightBoardTest, WaitsForTheFrameAskedForAndEndsWhenClosed) {
  ForesightBoard board;
  std::jthread giver([&] {
    board.push({3, 30, {}});
    board.push({7, 70, {}});
    board.close();
  });
  EXPECT_EQ(board.await(7).holds_until_ns, 70);
  EXPECT_EQ(board.await(1'000).sequence, 7U);
}

}  // namespace
}  // namespace lazarillo
