#include "eval/told.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "error.h"
#include "show/events.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kPeriod_ns = 100'000'000;

/// What the program's own writer makes of ten frames and three cues.
void write_run(const std::filesystem::path& file) {
  EventsWriter events(file, {"0.1", "walk.mp4", "lznet", "en"});
  for (int i = 0; i < 10; ++i) {
    Tracks tracks;
    tracks.stamp.sequence = static_cast<std::uint64_t>(i);
    tracks.stamp.stream_ns = i * kPeriod_ns;
    Detections detections;
    detections.stamp = tracks.stamp;
    events.frame(detections, tracks, "", 64, 48, 0);
    Cue cue;
    cue.stamp = tracks.stamp;
    if (i == 3) {
      cue.kind = CueKind::approaching;
      cue.priority = Priority::critical;
      cue.track = 4;
      cue.label = "person";
      cue.side = Side::left;
      events.cue(cue, "person on your left", 0);
    }
    if (i == 5) {
      cue.kind = CueKind::drop;
      cue.priority = Priority::warning;
      events.cue(cue, "drop", 0);
    }
    if (i == 7) {
      cue.kind = CueKind::vision_lost;
      events.cue(cue, "I cannot see", 0);
    }
  }
}

class ReadTold : public testing::Test {
 protected:
  [[nodiscard]] std::string refused() const {
    try {
      static_cast<void>(read_told(file_));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::source);
      return error.what();
    }
    return "not refused";
  }

  test::TempDir folder_;
  std::filesystem::path file_ = folder_.path() / "events.jsonl";
};

TEST_F(ReadTold, WhatARunWrote) {
  write_run(file_);
  const Told told = read_told(file_);
  EXPECT_EQ(told.models, "lznet");
  EXPECT_NEAR(told.seconds, 1.0, 1e-9) << "the last frame lasts, too";
  ASSERT_EQ(told.cues.size(), 3U);
  const ToldCue& first = told.cues[0];
  EXPECT_NEAR(first.at_s, 0.3, 1e-9);
  EXPECT_EQ(first.kind, CueKind::approaching);
  EXPECT_EQ(first.priority, Priority::critical);
  EXPECT_EQ(first.side, Side::left);
  EXPECT_EQ(first.track, 4);
  EXPECT_EQ(first.label, "person");
  EXPECT_EQ(first.text, "person on your left");
  EXPECT_EQ(told.cues[1].kind, CueKind::drop);
  EXPECT_EQ(told.cues[1].track, 0);
  EXPECT_EQ(told.cues[2].label, "");
}

TEST_F(ReadTold, ALastLineThatIsCutShortIsLeftOut) {
  write_run(file_);
  std::filesystem::resize_file(file_, std::filesystem::file_size(file_) - 20);
  const Told told = read_told(file_);
  EXPECT_NEAR(told.seconds, 0.9, 1e-9);
  EXPECT_EQ(told.cues.size(), 3U);
}

TEST_F(ReadTold, WhatIsNoneIsRefused) {
  EXPECT_THAT(refused(), HasSubstr("events.jsonl"));
  std::ofstream(file_) << R"({"type": "run", "schema": 1, "models": "lznet"})" << '\n';
  EXPECT_THAT(refused(), HasSubstr("no frame"));
  std::ofstream(file_, std::ios::app) << "a line\n";
  EXPECT_THAT(refused(), HasSubstr("line 2"));
  std::ofstream(file_) << R"({"type": "run", "schema": 2, "models": "lznet"})" << '\n';
  EXPECT_THAT(refused(), HasSubstr("line 1"));
  const std::string cue = R"({"type": "cue", "stream_ns": 1, "priority": "info", "side": null, )"
                          R"("track": null, "label": null, "text": "wolf", "kind": )";
  std::ofstream(file_) << cue << "\"drop\"}\n";
  EXPECT_THAT(refused(), HasSubstr("no frame"));
  std::ofstream(file_) << cue << "\"wolf\"}\n";
  EXPECT_THAT(refused(), HasSubstr("line 1"));
}

TEST_F(ReadTold, EveryKindOfCueIsRead) {
  std::ofstream out(file_);
  out << R"({"type": "run", "schema": 1, "models": "lznet"})" << '\n'
      << R"({"type": "frame", "stream_ns": 0})" << '\n';
  for (const char* kind : {"too_dark", "view_blocked", "vision_slow", "around", "muted"}) {
    out << R"({"type": "cue", "stream_ns": 1, "priority": "info", "side": null, "track": null, )"
        << R"("label": null, "text": "x", "kind": ")" << kind << "\"}\n";
  }
  out.close();
  const Told told = read_told(file_);
  ASSERT_EQ(told.cues.size(), 3U) << "what somebody asked for is no guidance";
  EXPECT_EQ(told.cues[0].kind, CueKind::too_dark);
  EXPECT_EQ(told.cues[2].kind, CueKind::vision_slow);
}

}  // namespace
}  // namespace lazarillo
