#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "error.h"
#include "temp_dir.h"
#include "track/object_catalog.h"

namespace lazarillo {
namespace {

std::filesystem::path file_with(const std::string& text) {
  return test::temp_dir().write("objects.toml", text);
}

std::string refusal(const std::string& text) {
  try {
    (void)ObjectCatalog::load(file_with(text));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "";
}

TEST(Catalog, KnowsTheShippedObjectsByAnyName) {
  const auto catalog = ObjectCatalog::load(LZ_SOURCE_DIR "/data/objects.toml");
  EXPECT_EQ(catalog.find("person").kind, ObjectKind::person);
  EXPECT_EQ(catalog.find("motorbike").name, "motorcycle");
  EXPECT_EQ(catalog.find("diningtable").name, "dining table");
  EXPECT_EQ(catalog.find("tvmonitor").name, "tv");
}

TEST(Catalog, TakesUnknownLabelsAsThings) {
  const auto catalog = ObjectCatalog::load(LZ_SOURCE_DIR "/data/objects.toml");
  const ObjectClass unknown = catalog.find("flux capacitor");
  EXPECT_EQ(unknown.name, "flux capacitor");
  EXPECT_EQ(unknown.kind, ObjectKind::thing);
  EXPECT_EQ(unknown.height_m, 0);
}

TEST(Catalog, RefusesDamagedFilesWithTheLine) {
  EXPECT_THAT(refusal("[[object]]\nname = \"x\"\n"), ::testing::HasSubstr("kind"));
  EXPECT_THAT(refusal("[[object]]\nname = \"x\"\nkind = \"thing\"\nheight = [1.0]\n"),
              ::testing::AllOf(::testing::HasSubstr("line 4"), ::testing::HasSubstr("height")));
  EXPECT_THAT(refusal("[[object]\n"), ::testing::HasSubstr("line 1"));
  EXPECT_THAT(refusal("a = 1\n"), ::testing::HasSubstr("[[object]]"));
  EXPECT_THAT(
      refusal("[[object]]\nname = \"x\"\nkind = \"thing\"\n[[object]]\nname = \"y\"\naliases = "
              "[\"x\"]\nkind = \"thing\"\n"),
      ::testing::HasSubstr("twice"));
}

}  // namespace
}  // namespace lazarillo
