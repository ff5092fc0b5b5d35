// What the guide stage makes of commands, between the frames of a stream.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "run/guide_stage.h"
#include "run/isolate/shared_state.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;

constexpr std::int64_t kFrameNs = 100'000'000;

template <class T>
class Kept final : public Sink<T> {
 public:
  bool push(T value) override {
    values.push_back(std::move(value));
    return true;
  }
  std::vector<T> values;
};

/// A replay in which a detector finds one person on the left in every frame, ten frames a second.
class CommandsTest : public testing::Test {
 protected:
  std::unique_ptr<GuideStage> stage(std::unique_ptr<Speaker> speaker = nullptr) {
    TrackerOptions tracking;
    tracking.high_score = 0.5;
    GuideStage::Parts parts{
        Tracker(tracking, ObjectCatalog::load(LZ_SOURCE_DIR "/data/objects.toml")),
        Guide(GuideOptions()),
        GroundFinder(GroundOptions()),
        MapScale(0),
        CorridorOptions(),
        true,
        GuideOptions(),
        Phrasebook::load(LZ_SOURCE_DIR "/data/lang", "en"),
        std::move(speaker),
        std::make_unique<EventsWriter>(folder / "events.jsonl", RunInfo{"0", "", "", "en"}),
        false,
        0,
        {},
        [this](const Manner& manner) { manners.push_back(manner); }};
    return std::make_unique<GuideStage>(std::move(parts), metrics, scenes, foresights);
  }

  void frame(GuideStage& stage, int k, bool person) {
    Seen seen;
    seen.frame.stamp = {0, static_cast<std::uint64_t>(k), k * kFrameNs, k * kFrameNs};
    seen.frame.width = 640;
    seen.frame.height = 480;
    seen.frame.intrinsics = {500, 500, 320, 240, 640, 480, false};
    seen.sighting.detections.stamp = seen.frame.stamp;
    seen.sighting.detections.labels = labels;
    // 1.7 m are 170 pixels at 5 m.
    if (person) seen.sighting.detections.items.push_back({{60, 160, 120, 330}, 0.9F, 0});
    stage.process(seen.frame);
    stage.process(std::move(seen));
  }

  /// The texts of events.jsonl: "> command" and sentences.
  std::vector<std::string> told() const {
    std::ifstream file(folder / "events.jsonl");
    std::vector<std::string> texts;
    for (std::string line; std::getline(file, line);) {
      const Json event = Json::parse(line);
      if (event["type"] == "command") {
        texts.push_back("> " + event["command"].get<std::string>());
      }
      if (event["type"] == "cue") texts.push_back(event["text"]);
    }
    return texts;
  }

  test::TempDir folder;
  Metrics metrics;
  Kept<Scene> scenes;
  Kept<Foresight> foresights;
  std::vector<Manner> manners;
  Labels labels =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"person"});
};

TEST_F(CommandsTest, EachIsAnsweredAtItsMomentOfTheStream) {
  const auto guide = stage();
  frame(*guide, 0, false);
  guide->process(Command::repeat);
  guide->process(Command::around);
  for (int k = 1; k < 100; ++k) {
    frame(*guide, k, k >= 10);
    if (k == 50) guide->process(Command::around);
    if (k == 60) guide->process(Command::calm);
    if (k == 70) guide->process(Command::repeat);
  }
  guide->finish();
  EXPECT_THAT(told(),
              ElementsAre("> repeat", "Nothing to repeat.", "> around", "I cannot see.",
                          "I can see again.", "Person left, eleven o'clock, 5 metres", "> around",
                          "Person left, 5 metres.", "> calm", "Calm.", "> repeat", "Calm."));
  ASSERT_FALSE(manners.empty());
  EXPECT_EQ(manners.back().words_per_minute, 30);
  // Shown with the next frame.
  std::vector<std::int64_t> shown;
  for (const Scene& scene : scenes.values) {
    for (const Cue& cue : scene.cues) {
      if (cue.kind == CueKind::around) shown.push_back(scene.tracks.stamp.stream_ns);
    }
  }
  EXPECT_THAT(shown, ElementsAre(5'100'000'000));
}

TEST_F(CommandsTest, WhatWasSaidLastIsSaidAgain) {
  SpeakerOptions speaking;
  speaking.voice = "en-us";
  std::int64_t samples = 0;
  auto speaker = std::make_unique<Speaker>(
      speaking, [&](std::span<const float> sound) { samples += std::ssize(sound) / 2; });
  const auto guide = stage(std::move(speaker));
  for (int k = 0; k < 80; ++k) {
    frame(*guide, k, true);
    // It is being said, and queued at least: only what was begun counts.
    if (k == 50) guide->process(Command::repeat);
  }
  guide->finish();
  EXPECT_THAT(told(), ElementsAre("Person left, eleven o'clock, 5 metres", "> repeat",
                                  "Person left, eleven o'clock, 5 metres"));
  EXPECT_GT(samples, 7 * kSampleRate);
}

TEST_F(CommandsTest, NothingIsRepeatedThatNobodyHeard) {
  SpeakerOptions speaking;
  speaking.voice = "en-us";
  const auto guide = stage(std::make_unique<Speaker>(speaking, [](std::span<const float>) {}));
  int k = 0;
  for (; k < 80 && told().empty(); ++k) frame(*guide, k, true);
  ASSERT_EQ(told().size(), 1U);
  guide->process(Command::repeat);  // its earcon has not even ended
  EXPECT_EQ(told().back(), "Nothing to repeat.");
  guide->finish();
}

TEST(SharedCommands, ReachTheGuideInOrderAndOnce) {
  const auto state = std::make_unique<SharedState>();
  const auto taken = [&] {
    std::vector<Command> commands;
    state->take_commands([&](Command command) { commands.push_back(command); });
    return commands;
  };
  EXPECT_THAT(taken(), ElementsAre());
  state->give(Command::around);
  state->give(Command::mute);
  EXPECT_THAT(taken(), ElementsAre(Command::around, Command::mute));
  EXPECT_THAT(taken(), ElementsAre());
  // More than it holds, while there is no guide: the newest.
  for (int i = 0; i < 20; ++i) state->give(Command::less);
  for (int i = 0; i < 16; ++i) state->give(i % 2 == 0 ? Command::more : Command::repeat);
  const auto newest = taken();
  EXPECT_EQ(newest.size(), 16U);
  EXPECT_EQ(std::count(newest.begin(), newest.end(), Command::less), 0);
  EXPECT_FALSE(state->manner());
  state->keep({30, true});
  ASSERT_TRUE(state->manner());
  EXPECT_EQ(state->manner()->words_per_minute, 30);
  EXPECT_TRUE(state->manner()->muted);
}

}  // namespace
}  // namespace lazarillo
