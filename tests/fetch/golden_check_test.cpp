#include "fetch/golden_check.h"

#include <gmock/gmock.h>

#include <limits>

#include "../infer/tiny_network.h"
#include "error.h"

namespace lazarillo {
namespace {

using testing::HasSubstr;

TEST(KnownPicture, IsTheSameEverywhere) {
  // FNV-1a over its bytes, computed by another implementation of the recipe (Python).
  const Frame frame = known_picture();
  ASSERT_EQ(frame.stride_bytes, 3 * 640);
  std::uint64_t sum = 14695981039346656037ULL;
  for (std::ptrdiff_t i = 0; i < frame.stride_bytes * frame.height; ++i) {
    sum = (sum ^ frame.pixels.get()[i]) * 1099511628211ULL;
  }
  EXPECT_EQ(sum, 6503410537074961294ULL);
}

class GoldenCheck : public testing::Test {
 protected:
  std::string failure(ExitCode code) const {
    test::write_tiny_network(folder / "n.xml", {1, 3, 32, 32}, outputs);
    const auto manifest =
        folder.write("n.toml",
                     "[joint]\nfile = \"n.xml\"\ninput = { width = 32, height = 32 }\n"
                     "labels = [\"a\", \"b\"]\ncanonical_focal_px = 40\n");
    try {
      golden_check(load_model_set(manifest.string(), {}));
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      return e.what();
    }
    return "";
  }

  test::TempDir folder;
  std::vector<test::TinyOutput> outputs{{"boxes", {1, 1, 4}, {8, 12, 16, 20}},
                                        {"scores", {1, 1, 2}, {0.5F, 0.9F}},
                                        {"depth", {1, 1, 8, 8}, {5}}};
};

TEST_F(GoldenCheck, ANetworkThatDoesWhatItsManifestSaysPasses) {
  EXPECT_EQ(failure(ExitCode::ok), "");
}

TEST_F(GoldenCheck, WhatCannotBeIsRefused) {
  outputs[1].values = {0.5F, 1.5F};
  EXPECT_THAT(failure(ExitCode::vision), HasSubstr("score of 1.5"));
  outputs[1].values = {0.5F, 0.9F};
  outputs[2].values = {-0.5F};
  EXPECT_THAT(failure(ExitCode::vision), HasSubstr("below 0"));
  outputs[2].values = {std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THAT(failure(ExitCode::vision), HasSubstr("not finite"));
  outputs[2].shape = {1, 1, 8, 4};
  EXPECT_THAT(failure(ExitCode::model), HasSubstr("1x1x8x4"));
}

}  // namespace
}  // namespace lazarillo
