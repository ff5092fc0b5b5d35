#include "fetch/part_file.h"

#include <gmock/gmock.h>

#include <fstream>

#include "error.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(PartFile, KeepsWhatCameAndWhereItCameFrom) {
  const test::TempDir folder;
  {
    PartFile part(folder / "f");
    part.begin("http://a/f", "\"v1\"");
    EXPECT_EQ(part.append("abc", 3), 0);
    EXPECT_EQ(part.earlier(), 0U);
  }
  PartFile part(folder / "f");
  EXPECT_EQ(part.size(), 3U);
  EXPECT_EQ(part.earlier(), 3U);
  EXPECT_EQ(part.validator("http://a/f"), "\"v1\"");
  EXPECT_EQ(part.validator("http://b/f"), "") << "of another address";
  EXPECT_EQ(part.append("de", 2), 0);
  part.publish();
  EXPECT_EQ(text_of(folder / "f"), "abcde");
  EXPECT_FALSE(std::filesystem::exists(folder / "f.part"));
  EXPECT_FALSE(std::filesystem::exists(folder / "f.part.from"));
}

TEST(PartFile, ANoteThatWasNotWrittenToItsEndIsNone) {
  const test::TempDir folder;
  folder.write("f.part", "abc");
  folder.write("f.part.from", "http://a/f\n\"v1\"\n");
  const PartFile part(folder / "f");
  EXPECT_EQ(part.validator("http://a/f"), "");
}

TEST(PartFile, BelongsToOne) {
  const test::TempDir folder;
  PartFile part(folder / "f");
  EXPECT_EQ(part.append("abc", 3), 0);
  EXPECT_THROW(PartFile(folder / "f"), Error);
  part.publish();
  EXPECT_EQ(PartFile(folder / "f").size(), 0U) << "the published file is no part any more";
  EXPECT_EQ(text_of(folder / "f"), "abc");
}

TEST(PartFile, AnEmptyOneIsNotLeft) {
  const test::TempDir folder;
  {
    PartFile part(folder / "f");
    part.begin("http://a/f", "");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace lazarillo
