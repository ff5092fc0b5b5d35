#include "infer/plan_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "error.h"
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
