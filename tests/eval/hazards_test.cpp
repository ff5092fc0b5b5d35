#include "eval/hazards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "error.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

using testing::HasSubstr;

const ObjectCatalog& catalog() {
  static const ObjectCatalog loaded =
      ObjectCatalog::load(std::filesystem::path(LZ_SOURCE_DIR) / "data" / "objects.toml");
  return loaded;
}

class Hazards : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.path() / name) << text;
  }
  [[nodiscard]] std::vector<AnnotatedSequence> read() const {
    return read_sequences(folder_.path(), catalog());
  }
  /// The line that a file of this text is refused with.
  [[nodiscard]] std::string refused(const std::string& text) const {
    write("walk.hazards.json", text);
    try {
      static_cast<void>(read());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::source);
      EXPECT_THAT(error.what(), HasSubstr("walk.hazards.json"));
      return error.what();
    }
    return "not refused";
  }
  /// With one hazard that has these keys.
  [[nodiscard]] std::string refused_hazard(const std::string& keys) const {
    return refused(R"({"schema": 1, "video": "v.mp4", "hazards": [{)" + keys + "}]}");
  }

  test::TempDir folder_;
};

TEST_F(Hazards, AreReadByName) {
  write("b.hazards.json", R"({"schema": 1, "video": "v.mp4", "hfov_deg": 62.5, "hazards": [
      {"kind": "object", "label": "tvmonitor", "side": "left", "from_s": 1, "tell_by_s": 2.5, "end_s": 3},
      {"kind": "stairs_down", "from_s": 4, "tell_by_s": 4, "end_s": 4}], "quiet": [[3, 4], [5, 6.5]]})");
  write("a.hazards.json",
        R"({"schema": 1, "video": "sub/w.mkv", "quiet": "elsewhere", "never": ["drop"]})");
  write("other.json", "no annotation");
  const auto sequences = read();
  ASSERT_EQ(sequences.size(), 2U);
  EXPECT_EQ(sequences[0].name, "a");
  EXPECT_EQ(sequences[0].video, folder_.path() / "sub/w.mkv");
  EXPECT_TRUE(sequences[0].quiet_elsewhere);
  EXPECT_FALSE(sequences[0].hfov_deg);
  EXPECT_EQ(sequences[0].never, std::vector{CueKind::drop});
  const AnnotatedSequence& b = sequences[1];
  EXPECT_EQ(b.hfov_deg, 62.5);
  ASSERT_EQ(b.hazards.size(), 2U);
  EXPECT_EQ(b.hazards[0].label, "tv") << "the name that cues have";
  EXPECT_EQ(b.hazards[0].side, Side::left);
  EXPECT_EQ(b.hazards[0].tell_by_s, 2.5);
  EXPECT_EQ(b.hazards[1].kind, CueKind::stairs_down);
  EXPECT_FALSE(b.hazards[1].side);
  ASSERT_EQ(b.quiet.size(), 2U);
  EXPECT_EQ(b.quiet[1].to_s, 6.5);
}

TEST_F(Hazards, BadFilesAreRefused) {
  EXPECT_THAT(refused("{"), HasSubstr("is not JSON"));
  EXPECT_THAT(refused("[]"), HasSubstr("JSON object"));
  EXPECT_THAT(refused("{}"), HasSubstr("schema"));
  EXPECT_THAT(refused(R"({"schema": 1})"), HasSubstr("'video'"));
  EXPECT_THAT(refused(R"({"schema": 1, "video": "v", "hazard": []})"),
              HasSubstr("unknown 'hazard'"));
  EXPECT_THAT(refused(R"({"schema": 1, "video": "v", "hfov_deg": 200})"), HasSubstr("5 to 170"));
  EXPECT_THAT(refused(R"({"schema": 1, "video": "v", "hazards": 3})"), HasSubstr("list"));
  for (const char* quiet : {"3", "\"here\"", "[[1]]", "[[2, 1]]", "[[\"a\", 2]]"}) {
    EXPECT_THAT(refused(std::string(R"({"schema": 1, "video": "v", "quiet": )") + quiet + "}"),
                HasSubstr("'quiet'"))
        << quiet;
  }
  EXPECT_THAT(refused(R"({"schema": 1, "video": "v", "quiet": [[1, 3], [2, 4]]})"),
              HasSubstr("overlap"));
}

TEST_F(Hazards, BadHazardsAreRefused) {
  const std::string times = R"("from_s": 1, "tell_by_s": 2, "end_s": 3)";
  EXPECT_THAT(refused_hazard(times), HasSubstr("hazard 1: has 'kind'"));
  EXPECT_THAT(refused_hazard(R"("kind": "tree", )" + times), HasSubstr("known are obstacle"));
  EXPECT_THAT(refused_hazard(R"("kind": "path_clear", )" + times), HasSubstr("known are"));
  EXPECT_THAT(refused_hazard(R"("kind": "object", )" + times), HasSubstr("'label'"));
  EXPECT_THAT(refused_hazard(R"("kind": "drop", "side": "up", )" + times), HasSubstr("left"));
  EXPECT_THAT(refused_hazard(R"("kind": "drop", "end": 3, )" + times), HasSubstr("unknown 'end'"));
  EXPECT_THAT(refused_hazard(R"("kind": "drop", "from_s": 1, "tell_by_s": 2)"),
              HasSubstr("'end_s'"));
  EXPECT_THAT(refused_hazard(R"("kind": "drop", "from_s": 1, "tell_by_s": 4, "end_s": 3)"),
              HasSubstr("from_s <= tell_by_s <= end_s"));
}

TEST_F(Hazards, WhatThereNeverIsIsNoHazard) {
  EXPECT_THAT(refused(R"({"schema": 1, "video": "v", "never": "drop"})"), HasSubstr("'never'"));
  EXPECT_THAT(refused(R"({"schema": 1, "video": "v", "never": ["dog"]})"), HasSubstr("known are"));
  EXPECT_THAT(refused(R"({"schema": 1, "video": "v", "never": ["object"]})"), HasSubstr("path"));
  EXPECT_THAT(refused(R"({"schema": 1, "video": "v", "never": ["drop"], "hazards": [
                  {"kind": "drop", "from_s": 4, "tell_by_s": 6, "end_s": 7}]})"),
              HasSubstr("'never'"));
}

TEST_F(Hazards, WhereItIsQuietThereIsNone) {
  EXPECT_THAT(refused(R"({"schema": 1, "video": "v", "quiet": [[0, 5]], "hazards": [
                  {"kind": "drop", "from_s": 4, "tell_by_s": 6, "end_s": 7}]})"),
              HasSubstr("is quiet"));
}

TEST_F(Hazards, NothingAnnotated) {
  EXPECT_THROW(static_cast<void>(read()), Error);
  EXPECT_THROW(static_cast<void>(read_sequences(folder_.path() / "none", catalog())), Error);
}

}  // namespace
}  // namespace lazarillo
