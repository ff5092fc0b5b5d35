#include "run/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::filesystem::path file_with(const std::string& text) {
  return test::temp_dir().write("config_test.toml", text);
}

std::string refusal(const std::string& text) {
  Config config;
  try {
    read_config(file_with(text), config);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "";
}

TEST(Config, ReadsWhatItIsTold) {
  Config config;
  read_config(file_with("language = 'es'\n[camera]\nhfov_deg = 90\nhfov_assumed = false\n"
                        "[guide]\ncritical_ttc_s = 3.5\n[see]\ndepth_interval = 3\n"),
              config);
  EXPECT_EQ(config.language, "es");
  EXPECT_EQ(config.hfov_deg, 90);
  EXPECT_FALSE(config.hfov_assumed);
  EXPECT_EQ(config.guiding.critical_ttc_s, 3.5);
  EXPECT_EQ(config.pace.depth_interval, 3);
  EXPECT_EQ(config.guiding.warning_ttc_s, GuideOptions{}.warning_ttc_s);
}

TEST(Config, WhatItPrintsReadsBackAsTheSame) {
  Config config;
  config.hfov_deg = 81.5;
  config.models = "a \"quoted\" name";
  config.guiding.gap_info_s = 1.25;
  config.speaking.speech = false;
  const std::string text = to_toml(config);
  Config again;
  read_config(file_with(text), again);
  EXPECT_EQ(to_toml(again), text);
  EXPECT_EQ(again.models, config.models);
  EXPECT_EQ(again.guiding.gap_info_s, 1.25);
}

TEST(Config, EveryDefaultIsWithinItsOwnLimits) {
  Config config;
  EXPECT_EQ(refusal(to_toml(config)), "");
}

TEST(Config, NamesTheNearestKey) {
  EXPECT_THAT(refusal("[guide]\nrepeat = 3\n"),
              AllOf(HasSubstr("line 2"), HasSubstr("'guide.repeat_s'")));
  EXPECT_THAT(refusal("[camra]\nhfov_deg = 3\n"), AllOf(HasSubstr("camra"), HasSubstr("nearest")));
  EXPECT_THAT(refusal("langage = 'es'\n"), HasSubstr("'language'"));
}

TEST(Config, RefusesWrongTypesAndRanges) {
  EXPECT_THAT(refusal("[camera]\nhfov_deg = '60'\n"), HasSubstr("number"));
  EXPECT_THAT(refusal("[camera]\nhfov_deg = 200\n"), AllOf(HasSubstr("200"), HasSubstr("170")));
  EXPECT_THAT(refusal("[camera]\nhfov_deg = nan\n"), HasSubstr("must be from"));
  EXPECT_THAT(refusal("[speak]\nspeech = 1\n"), HasSubstr("true or false"));
  EXPECT_THAT(refusal("language = 3\n"), HasSubstr("text"));
  EXPECT_THAT(refusal("[see]\nthreads = 1.5\n"), HasSubstr("whole"));
  EXPECT_THAT(refusal("a = [\n"), HasSubstr("line"));
}

TEST(Config, SaysWhenTheFileIsNotThere) {
  Config config;
  EXPECT_THROW(read_config("/does/not/exist.toml", config), Error);
}

}  // namespace
}  // namespace lazarillo
