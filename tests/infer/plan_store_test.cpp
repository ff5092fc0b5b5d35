#include "infer/plan_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "error.h"
#include "infer/model_set.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

PlanKey key_of(const std::string& network, int most_batch = 1, int level = 3) {
  return {network + ".onnx",
          std::string(64, network[0]),
          "NVIDIA Card, compute capability 7.5",
          "TensorRT 8.6.0",
          {most_batch, level}};
}

class PlanStoreTest : public testing::Test {
 protected:
  [[nodiscard]] fs::path only(const std::string& extension) const {
    fs::path found;
    for (const auto& entry : fs::directory_iterator(store_.folder())) {
      if (entry.path().extension() == extension) found = entry.path();
    }
    return found;
  }

  test::TempDir dir_;
  PlanStore store_{dir_.path() / "engines"};
};

TEST_F(PlanStoreTest, GivesBackWhatItKept) {
  const std::string bytes("\0\1plan", 6);
  store_.keep(key_of("a"), bytes, 12.5);
  const auto plan = store_.find(key_of("a"));
  ASSERT_TRUE(plan);
  std::ifstream stream(plan->file, std::ios::binary);
  EXPECT_EQ((std::string{std::istreambuf_iterator<char>(stream), {}}), bytes);
  EXPECT_EQ(plan->bytes, 6U);
  EXPECT_EQ(plan->build_s, 12.5);
  EXPECT_FALSE(plan->check);
  EXPECT_EQ(plan->key.card, "NVIDIA Card, compute capability 7.5");
}

TEST_F(PlanStoreTest, NothingElseWillDo) {
  store_.keep(key_of("a"), "plan", 1);
  EXPECT_FALSE(store_.find(key_of("b")));  // another network
  PlanKey other = key_of("a");
  other.card = "NVIDIA Card, compute capability 8.6";
  EXPECT_FALSE(store_.find(other));
  other = key_of("a");
  other.library = "TensorRT 8.6.1";
  EXPECT_FALSE(store_.find(other));
  EXPECT_FALSE(store_.find(key_of("a", 2)));  // more pictures than it takes
}

/// As tools/export/engines.py writes it, for cards that were not there.
TEST_F(PlanStoreTest, TakesPlansForEveryCardOfACapability) {
  fs::create_directories(store_.folder());
  std::ofstream(store_.folder() / "a-sm75.plan") << "plan";
  std::ofstream(store_.folder() / "a-sm75.json")
      << R"({"network": "a.onnx", "network_sha256": ")" << std::string(64, 'a')
      << R"(", "half_sha256": "00", "card": "compute capability 7.5",
            "library": "TensorRT for RTX 1.7.1.116", "most_batch": 2, "file": "a-sm75.plan",
            "sha256": "", "bytes": 4, "build_s": 7.6, "check_before_compiling": {"boxes": 3}})";
  PlanKey key = key_of("a");
  key.library = "TensorRT for RTX 1.7.1";
  std::vector<StoredPlan> plans = store_.list();
  ASSERT_EQ(plans.size(), 1U);
  EXPECT_EQ(plans[0].problem, "");
  EXPECT_FALSE(plans[0].check);  // of the card nothing is known yet
  plans[0].sha256 = sha256_of(plans[0].file);
  store_.note_check(plans[0], PlanCheck{});
  const auto plan = store_.find(key);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->check);
  std::ifstream record(store_.folder() / "a-sm75.json");
  EXPECT_NE(
      (std::string{std::istreambuf_iterator<char>(record), {}}).find("check_before_compiling"),
      std::string::npos);
  for (const auto& [card, library] : {std::pair{"NVIDIA Card, compute capability 8.6", "1.7.1"},
                                      {"NVIDIA Card, compute capability 7.5", "1.7.2"}}) {
    key.card = card;
    key.library = std::string("TensorRT for RTX ") + library;
    EXPECT_FALSE(store_.find(key)) << card << ", " << library;
  }
}

TEST_F(PlanStoreTest, OfSeveralTheMostThoroughThenTheSmallest) {
  store_.keep(key_of("a", 4, 0), "quick", 1);
  store_.keep(key_of("a", 4, 3), "thorough, four", 1);
  store_.keep(key_of("a", 2, 3), "thorough, two", 1);
  EXPECT_EQ(store_.find(key_of("a", 1, 5))->bytes, std::string("thorough, two").size());
  EXPECT_EQ(store_.find(key_of("a", 3, 0))->bytes, std::string("thorough, four").size());
}

TEST_F(PlanStoreTest, AChangedPlanIsRefused) {
  StoredPlan kept = store_.keep(key_of("a"), "plan", 1);
  std::ofstream(kept.file) << "plaN";
  EXPECT_THROW((void)store_.find(key_of("a")), Error);
  fs::remove(kept.file);
  EXPECT_THROW((void)store_.find(key_of("a")), Error);
  EXPECT_EQ(store_.list().at(0).problem, "its file is missing");
}

TEST_F(PlanStoreTest, ADamagedRecordIsListedAndNotUsed) {
  store_.keep(key_of("a"), "plan", 1);
  std::ofstream(only(".json")) << "{\"network\": ";
  EXPECT_FALSE(store_.find(key_of("a")));
  EXPECT_THAT(store_.list().at(0).problem, testing::HasSubstr("damaged"));
}

TEST_F(PlanStoreTest, RemembersACheck) {
  StoredPlan plan = store_.keep(key_of("a"), "plan", 1);
  store_.note_check(plan, {0.5, 0.01, 0.002, 0.02, 4, 31, true});
  const PlanCheck check = store_.find(key_of("a"))->check.value();
  EXPECT_EQ(check.box_px, 0.5);
  EXPECT_EQ(check.depth_p99, 0.02);
  EXPECT_EQ(check.boxes, 31);
  EXPECT_TRUE(check.passed);
  store_.note_check(plan, {9, 0.01, 0.002, 0.02, 4, 31, false});
  EXPECT_THAT(store_.list().at(0).problem, testing::HasSubstr("differ"));
}

TEST_F(PlanStoreTest, LeavesNothingBehindWhereItCannotWrite) {
  dir_.write("file", "in the way");
  const PlanStore blocked(dir_.path() / "file" / "engines");
  EXPECT_THROW((void)blocked.keep(key_of("a"), "plan", 1), Error);
  EXPECT_TRUE(blocked.list().empty());
}

TEST_F(PlanStoreTest, KeepingAgainReplaces) {
  StoredPlan plan = store_.keep(key_of("a"), "plan", 1);
  store_.note_check(plan, {0, 0, 0, 0, 1, 1, true});
  store_.keep(key_of("a"), "plan, newer", 2);
  EXPECT_EQ(store_.list().size(), 1U);
  EXPECT_FALSE(store_.find(key_of("a"))->check);  // it is another plan
}

}  // namespace
}  // namespace lazarillo
