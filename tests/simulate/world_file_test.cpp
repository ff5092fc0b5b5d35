#include "simulate/world_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "error.h"
#include "simulate/picture.h"
#include "simulate/random_world.h"
#include "trial.h"

namespace lazarillo::simulate {
namespace {

using ::testing::HasSubstr;

std::filesystem::path written(const std::string& text) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() /
      (std::string("lz_world_") + ::testing::UnitTest::GetInstance()->current_test_info()->name() +
       ".toml");
  std::ofstream(file) << text;
  return file;
}

std::string refusal(const std::string& text) {
  SensorOptions sensor;
  try {
    (void)read_world(written(text), sensor);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "";
}

TEST(WorldFile, WhatIsWrittenReadsBackTheSame) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const World world = random_world(seed);
    SensorOptions options;
    options.miss_large = 0.3;
    SensorOptions read;
    const World again = read_world(written(to_toml(world, options)), read);
    EXPECT_EQ(read.miss_large, 0.3);
    ASSERT_EQ(again.actors.size(), world.actors.size());
    ASSERT_EQ(again.legs.size(), world.legs.size());
    EXPECT_EQ(again.seconds, world.seconds);
    for (std::size_t i = 0; i < world.actors.size(); ++i) {
      EXPECT_EQ(again.actors[i].id, world.actors[i].id);
      EXPECT_EQ(again.actors[i].label, world.actors[i].label);
      EXPECT_EQ(again.actors[i].shape, world.actors[i].shape);
      EXPECT_EQ(again.actors[i].at.x, world.actors[i].at.x);
      ASSERT_EQ(again.actors[i].moves.size(), world.actors[i].moves.size());
    }
  }
}

TEST(WorldFile, BadFilesAreRefusedInOneLine) {
  EXPECT_THAT(refusal("secnds = 3"), HasSubstr("nearest is 'seconds'"));
  EXPECT_THAT(refusal("seconds = -3"), HasSubstr("must be from"));
  EXPECT_THAT(refusal("seconds = \"long\""), HasSubstr("must be a number"));
  EXPECT_THAT(refusal("seconds = nan"), HasSubstr("must be from"));
  EXPECT_THAT(refusal("[[actor]]\nwidht = 3"), HasSubstr("line 2: there is no 'widht'"));
  EXPECT_THAT(refusal("[[actor]]\nshape = \"bax\""), HasSubstr("nearest is 'box'"));
  EXPECT_THAT(refusal("[[leg]]\nat = 1"), HasSubstr("first at 0"));
  EXPECT_THAT(refusal("[[trouble]]\nfrom = 3\nuntil = 2"), HasSubstr("after 'from'"));
  EXPECT_THAT(refusal("[sensor]\nmiss_larg = 1"), HasSubstr("nearest is 'miss_large'"));
  EXPECT_THAT(refusal("[[actor]]\nid = 1\n[[actor]]\nid = 1"), HasSubstr("stands twice"));
  EXPECT_THAT(refusal("x ="), HasSubstr("line 1"));
  SensorOptions sensor;
  EXPECT_THROW((void)read_world("/nonexistent/world.toml", sensor), Error);
}

TEST(Picture, HasEveryCue) {
  World world = test::walk_among({test::block(0, 6, 3, 0.2, 2)}, 1.2, 8);
  const Outcome outcome = play(world, test::usual_trial(), Limits{});
  const std::string svg = picture_of(world, outcome);
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  ASSERT_FALSE(outcome.record.said.empty());
  for (const Said& said : outcome.record.said) EXPECT_THAT(svg, HasSubstr(said.sentence));
}

}  // namespace
}  // namespace lazarillo::simulate
