#include <gmock/gmock.h>

#include "error.h"
#include "infer/model_set.h"
#include "tiny_network.h"

namespace lazarillo {
namespace {

// FIPS 180-4 examples of NIST.
TEST(Sha256, AgreesWithThePublishedExamples) {
  const test::TempDir folder;
  EXPECT_EQ(sha256_of(folder.write("empty", "")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of(folder.write("abc", "abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of(folder.write("million", std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, ReadsAFileLargerThanItsBuffer) {
  // Compared with `head -c 3000000 /dev/zero | sha256sum`.
  const test::TempDir folder;
  EXPECT_EQ(sha256_of(folder.write("zeros", std::string(3'000'000, '\0'))),
            "35bce4eae54ec8e6cc2868baa8d157914d6ae2858811b4cc0c078c94460fa26f");
}

TEST(Sha256, AMissingFileOrAFolderIsAModelError) {
  const test::TempDir folder;
  for (const auto& path : {folder.path() / "none", folder.path()}) {
    try {
      (void)sha256_of(path);
      FAIL() << path;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::model);
      EXPECT_THAT(e.what(), testing::HasSubstr(path.string()));
    }
  }
}

}  // namespace
}  // namespace lazarillo
