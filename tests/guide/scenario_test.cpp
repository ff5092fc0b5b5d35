#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "scene.h"

namespace lazarillo::testing {
namespace {

std::vector<std::filesystem::path> scenario_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(LZ_SOURCE_DIR "/tests/guide/scenarios")) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string describe(const CuePattern& p) {
  std::string text = "[" + p.priority + " " + p.kind + " " + p.label + " " + p.side + "] between " +
                     std::to_string(p.from) + " and " + std::to_string(p.until) + " s";
  if (p.distance_m) text += " at " + std::to_string(*p.distance_m) + " m";
  return text;
}

std::string transcript(const std::vector<Cue>& cues) {
  std::string text = "what was said:\n";
  for (const Cue& cue : cues) {
    char line[200];
    std::snprintf(line, sizeof line, "  %5.2f s  %-8s %-11s #%d %s %s %d o'clock %.1f m ttc %.1f\n",
                  static_cast<double>(cue.stamp.stream_ns) / 1e9, to_string(cue.priority),
                  to_string(cue.kind), cue.track, cue.label.c_str(), to_string(cue.side),
                  cue.clock_hour, cue.distance_m.value_or(-1), cue.ttc_s.value_or(-1));
    text += line;
  }
  return text;
}

class ScenarioTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(ScenarioTest, IsGuidedAsWritten) {
  const Scenario scenario = load_scenario(GetParam());
  const std::vector<Cue> cues = play(scenario);
  SCOPED_TRACE(scenario.title + "\n" + transcript(cues));
  for (const CuePattern& wanted : scenario.expect) {
    EXPECT_TRUE(
        std::any_of(cues.begin(), cues.end(), [&](const Cue& c) { return wanted.matches(c); }))
        << "not said: " << describe(wanted);
  }
  for (const CuePattern& banned : scenario.never) {
    EXPECT_TRUE(
        std::none_of(cues.begin(), cues.end(), [&](const Cue& c) { return banned.matches(c); }))
        << "said all the same: " << describe(banned);
  }
  if (scenario.at_most) {
    EXPECT_LE(cues.size(), *scenario.at_most);
  }
  EXPECT_FALSE(scenario.expect.empty() && scenario.never.empty() && !scenario.at_most)
      << "the scenario asserts nothing";
}

INSTANTIATE_TEST_SUITE_P(Scenarios, ScenarioTest, ::testing::ValuesIn(scenario_files()),
                         [](const auto& test) {
                           std::string name = test.param.stem().string();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Scenarios, AreAtLeastTwentyFive) { EXPECT_GE(scenario_files().size(), 25U); }

}  // namespace
}  // namespace lazarillo::testing
