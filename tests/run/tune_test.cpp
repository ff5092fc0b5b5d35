#include "run/tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <utility>

#include "../infer/tiny_network.h"
#include "error.h"
#include "run/machine_profile.h"
#include "run/parts.h"
#include "run/processor.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

using ::testing::HasSubstr;

// ---- the choice, on made-up numbers

TEST(TuneChoice, FewestThreadsWithin5PercentOfTheFastestFrame) {
  TuneTable table;
  table.detector = {{1, 1, 60}, {2, 1, 31}, {2, 4, 20}, {3, 1, 30}};
  EXPECT_EQ(choose(table, 3).threads, 2);
  table.detector[1].call_ms = 31.6;  // 5.3 % more than 30
  EXPECT_EQ(choose(table, 3).threads, 3);
}

TEST(TuneChoice, From4CoresOnOneStaysFree) {
  TuneTable table;
  table.detector = {{1, 1, 80}, {2, 1, 40}, {3, 1, 30}, {4, 1, 20}};
  EXPECT_EQ(choose(table, 4).threads, 3);
}

TEST(TuneChoice, APairIsSplitForMostDetectionsWhileDepthKeepsUp) {
  TuneTable table;
  table.detector = {{1, 1, 80}, {2, 1, 40}};
  table.beside = {{1, 1, 12, 0.95}, {2, 1, 18, 0.5}, {1, 2, 10, 1}};
  const TuneChoice choice = choose(table, 2);
  EXPECT_EQ(choice.threads, 1);
  EXPECT_EQ(choice.depth_threads, 1);
}

TEST(TuneChoice, WhereDepthNeverKeepsUpItGetsTheMostOfWhatIsMeantForIt) {
  TuneTable table;
  table.detector = {{1, 1, 80}};
  table.beside = {{2, 1, 30, 0.3}, {1, 2, 10, 0.8}, {1, 1, 20, 0.6}};
  const TuneChoice choice = choose(table, 2);
  EXPECT_EQ(choice.threads, 1);
  EXPECT_EQ(choice.depth_threads, 2);
}

TEST(TuneChoice, ABatchMustBring5Percent) {
  TuneTable table;
  table.detector = {{1, 1, 40}};
  table.replay = {{1, 2, 1, 30}, {2, 1, 1, 40}, {2, 1, 2, 41.9}, {2, 1, 4, 41}};
  TuneChoice choice = choose(table, 2);
  EXPECT_EQ(choice.batch, 1);
  EXPECT_EQ(choice.streams, 2);
  EXPECT_EQ(choice.stream_threads, 1);
  table.replay[2].frames_per_s = 42.1;
  EXPECT_EQ(choose(table, 2).batch, 2);
}

TEST(TuneChoice, TheBestStepWithAFifthOfTheTimeToSpareElseTheQuickest) {
  const std::vector<Step> steps{{"best", 20}, {"good", 13.4}, {"fair", 6}};
  EXPECT_EQ(choose_step(steps, 30), 0U);
  EXPECT_EQ(choose_step(steps, 60), 2U);  // 13.3 ms
  EXPECT_EQ(choose_step(steps, 59), 1U);
  EXPECT_EQ(choose_step(steps, 500), 2U);
  EXPECT_EQ(choose_step({{"a", 5}, {"b", 9}}, 500), 0U);
}

// ---- measuring, on networks that cost nothing

class TunePair : public testing::Test {
 protected:
  /// Both networks take batches.
  ModelSet pair(float score) {
    test::write_tiny_network(folder.path() / "d.xml", {1, 3, 32, 32},
                             {{"out", {1, 6, 1}, {16, 16, 8, 8, score, 0}, 0.001F}});
    test::write_tiny_network(folder.path() / "z.xml", {1, 3, 14, 14},
                             {{"depth", {1, 14, 14}, {5}, 0.001F}});
    return load_model_set(
        folder
            .write("pair.toml",
                   "[detector]\nfile = 'd.xml'\ninput = { width = 32, height = 32 }\n"
                   "labels = ['person', 'car']\ncontract = 'ultralytics'\n"
                   "[depth]\nfile = 'z.xml'\ninput = { width = 14, height = 14 }\n"
                   "contract = 'relative_inverse'\n")
            .string(),
        {});
  }

  test::TempDir folder;
  TuneOptions quick{.cores = 2, .depth_interval = 2, .seconds = 0.005};
};

TEST_F(TunePair, MeasuresEverySettingOnce) {
  const TuneTable table = measure(pair(0.8F), quick);
  std::vector<std::pair<int, int>> calls;
  for (const CallTime& call : table.detector) {
    calls.emplace_back(call.threads, call.batch);
    EXPECT_GT(call.call_ms, 0);
  }
  using Pairs = std::vector<std::pair<int, int>>;
  EXPECT_EQ(calls, (Pairs{{1, 1}, {1, 2}, {1, 4}, {2, 1}, {2, 2}, {2, 4}}));
  Pairs splits;
  for (const SideBySide& each : table.beside) {
    splits.emplace_back(each.threads, each.depth_threads);
    EXPECT_GT(each.detections_per_s, 0);
    EXPECT_GT(each.depth_share, 0);
    EXPECT_LE(each.depth_share, 1);
  }
  EXPECT_EQ(splits, (Pairs{{1, 1}, {2, 1}}));
  Pairs streams;
  for (const ReplayRate& each : table.replay) {
    EXPECT_GT(each.frames_per_s, 0);
    if (each.batch == 1) streams.emplace_back(each.streams, each.threads);
  }
  EXPECT_EQ(streams, (Pairs{{1, 2}, {2, 1}}));
  EXPECT_EQ(table.replay.size(), 4U) << "batches of 2 and 4 for one of them";
  EXPECT_EQ(table.no_batch, "");
}

TEST_F(TunePair, TheQuickestCallIsOneOfThoseMeasured) {
  const CallTime call = quickest_call(pair(0.8F), quick);
  EXPECT_EQ(call.batch, 1);
  EXPECT_GE(call.threads, 1);
  EXPECT_LE(call.threads, 2);
  EXPECT_GT(call.call_ms, 0);
}

TEST_F(TunePair, ANetworkThatFailsIsNoMeasurement) {
  const ModelSet broken = pair(std::numeric_limits<float>::quiet_NaN());
  try {
    (void)measure(broken, quick);
    FAIL() << "measured";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    EXPECT_THAT(error.what(), HasSubstr("finite"));
  }
}

TEST(Tune, ANetworkOfOneFrameOnlyIsAFinding) {
  // Its output keeps its batch of 1 in a constant shape, as many exports do.
  const test::TempDir folder;
  test::write_tiny_network(folder.path() / "any.xml", {1, 3, 32, 32},
                           {{"out", {1, 6, 1}, {16, 16, 8, 8, 0.8F, 0}}});
  const auto any = ov::Core().read_model((folder.path() / "any.xml").string());
  const auto shape = ov::opset13::Constant::create(ov::element::i64, {3}, {1, 6, 1});
  const auto fixed = std::make_shared<ov::opset13::Reshape>(
      any->output(0).get_node()->input_value(0), shape, false);
  ov::serialize(std::make_shared<ov::Model>(ov::OutputVector{fixed}, any->get_parameters()),
                (folder.path() / "one.xml").string());
  const auto set = folder.write("one.toml",
                                "[detector]\nfile = 'one.xml'\ninput = { width = 32, height = 32 "
                                "}\nlabels = ['person', 'car']\ncontract = 'ultralytics'\n");
  const TuneTable table =
      measure(load_model_set(set.string(), {}), {.cores = 1, .seconds = 0.005});
  EXPECT_NE(table.no_batch, "");
  ASSERT_EQ(table.detector.size(), 1U);
  EXPECT_TRUE(table.depth.empty());
  EXPECT_EQ(choose(table, 1).batch, 1);
}

// ---- the profile, and who reads it

TuneChoice unusual_choice() { return {3, 5, 4, 7, 6}; }

std::filesystem::path profile_for(const std::string& models, std::vector<Step> chosen = {}) {
  TuneTable table;
  table.detector = {{1, 1, 40}};
  table.no_batch = "of \"several\n lines\"";
  return test::temp_dir().write(
      "machine.toml",
      to_profile(table, unusual_choice(), {models, std::move(chosen)}, "2026-01-02"));
}

StatedSettings replay_with(const std::filesystem::path& profile) {
  StatedSettings stated;
  stated.profile = profile;
  return stated;
}

TEST(MachineProfile, WhatIsWrittenIsRead) {
  const auto file = profile_for("lznet");
  Config config;
  read_config(file, config);
  EXPECT_EQ(config.seeing.threads, 3);
  EXPECT_EQ(config.seeing.depth_threads, 5);
  EXPECT_EQ(config.seeing.batch, 4);
  EXPECT_EQ(config.running.streams, 7);
  EXPECT_EQ(config.running.stream_threads, 6);
  EXPECT_EQ(tuned_for(file).processor, processor_name());
  EXPECT_EQ(tuned_for(file).models, "lznet");
  EXPECT_TRUE(is_for_this_processor(file));
}

TEST(MachineProfile, CountsForItsModelsOnItsProcessorOnly) {
  Config config;
  read_settings(replay_with(profile_for("lznet")), config);
  EXPECT_EQ(config.seeing.batch, 4);

  Config others;
  read_settings(replay_with(profile_for("another")), others);
  EXPECT_EQ(others.seeing.batch, 1);
  EXPECT_EQ(others.seeing.threads, 0);

  StatedSettings stated = replay_with(profile_for("another"));
  stated.models = "another";
  Config same;
  read_settings(stated, same);
  EXPECT_EQ(same.seeing.batch, 4);
  EXPECT_EQ(same.models, "another");

  const auto foreign = test::temp_dir().write(
      "machine.toml", "[tuned]\nprocessor='abacus'\nmodels='lznet'\n[see]\nbatch=4\n");
  Config elsewhere;
  read_settings(replay_with(foreign), elsewhere);
  EXPECT_EQ(elsewhere.seeing.batch, 1);
  EXPECT_FALSE(is_for_this_processor(foreign));
  EXPECT_FALSE(is_for_this_processor("/does/not/exist.toml"));
}

TEST(MachineProfile, ChosenModelsRunWhereNobodyNamesAny) {
  const auto profile = profile_for("small", {{"large", 30}, {"small", 10}});
  EXPECT_TRUE(tuned_for(profile).chosen);
  Config config;
  read_settings(replay_with(profile), config);
  EXPECT_EQ(config.models, "small");
  EXPECT_EQ(config.seeing.batch, 4);

  // Named by the command line, by a file, or left alone where the profile does not count.
  const auto models_with = [&](const std::string& models, const char* file) {
    StatedSettings stated = replay_with(profile);
    stated.models = models;
    stated.file = test::temp_dir().write("mine.toml", file);
    Config named;
    read_settings(stated, named);
    return std::pair(named.models, named.seeing.batch);
  };
  EXPECT_EQ(models_with("lznet", ""), std::pair(std::string("lznet"), 1));
  EXPECT_EQ(models_with("", "models = 'lznet'\n"), std::pair(std::string("lznet"), 1));
  EXPECT_EQ(models_with("", "models = 'small'\n"), std::pair(std::string("small"), 4));
  EXPECT_EQ(models_with("", "[run]\nlockstep = true\n"), std::pair(Config{}.models, 1));
}

TEST(MachineProfile, AManifestIsKnownByItsWholePath) {
  const auto file = test::temp_dir().write("set.toml", "");
  EXPECT_EQ(model_key((file.parent_path() / "." / "set.toml").string()), file.string());
  EXPECT_EQ(model_key("lznet"), "lznet");
}

TEST(MachineProfile, WhoNamesThreadsSharesThemOutHimself) {
  StatedSettings stated = replay_with(profile_for("lznet"));
  stated.threads = 2;
  Config config;
  read_settings(stated, config);
  EXPECT_EQ(config.seeing.threads, 2);
  EXPECT_EQ(config.seeing.depth_threads, 0);
  EXPECT_EQ(config.running.streams, 0);
  EXPECT_EQ(config.running.stream_threads, 0);
  EXPECT_EQ(config.seeing.batch, 4);

  stated.threads = 0;
  stated.file = test::temp_dir().write("mine.toml", "[run]\nstreams = 2\n[see]\nbatch = 2\n");
  read_settings(stated, config = Config{});
  EXPECT_EQ(config.running.streams, 2);
  EXPECT_EQ(config.running.stream_threads, 0);
  EXPECT_EQ(config.seeing.threads, 0);
  EXPECT_EQ(config.seeing.batch, 2);
}

TEST(MachineProfile, IsLeftOutWhereOtherThingsRunThanWereMeasured) {
  for (const char* text : {"[run]\nlockstep = true\n", "[skip]\nenabled = true\n"}) {
    StatedSettings stated = replay_with(profile_for("lznet"));
    stated.file = test::temp_dir().write("mine.toml", text);
    Config config;
    read_settings(stated, config);
    EXPECT_EQ(config.seeing.threads, 0) << text;
  }
  Config without_depth;
  without_depth.seeing.depth = false;
  read_settings(replay_with(profile_for("lznet")), without_depth);
  EXPECT_EQ(without_depth.seeing.threads, 0);
}

TEST(MachineProfile, ADamagedOneIsToldWithTheWayOut) {
  const auto file = test::temp_dir().write("machine.toml", "[tuned]\nprocesor = 'x'\n");
  Config config;
  try {
    read_settings(replay_with(file), config);
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("'tuned.processor'"));
    EXPECT_THAT(error.what(), HasSubstr("--no-tuned"));
  }
}

// ---- what the settings mean

TEST(ShareThreads, AReplaysStreamsHaveTheirOwn) {
  RunOptions options;
  options.config.seeing.threads = 3;
  options.config.running.streams = 2;
  options.config.running.stream_threads = 5;
  ThreadBudget budget = share_threads(options, true, 8);
  EXPECT_EQ(budget.streams, 2);
  EXPECT_EQ(budget.threads, 5);
  EXPECT_EQ(budget.depth_threads, 5);
  options.realtime = true;
  budget = share_threads(options, true, 8);
  EXPECT_EQ(budget.streams, 1);
  EXPECT_EQ(budget.threads, 3);
}

}  // namespace
}  // namespace lazarillo
