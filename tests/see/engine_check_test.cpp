#include "see/engine_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "error.h"
#include "frames.h"

namespace lazarillo {
namespace {

constexpr int kAnchors = 6;
constexpr int kClasses = 2;
constexpr int kMap = 4;

/// A joint network whose answers are fixed: boxes that do not overlap, a depth of 2 to 3.5 m.
class Fixed final : public Engine {
 public:
  Fixed() {
    for (int a = 0; a < kAnchors; ++a) {
      const float x = 4 * static_cast<float>(a);
      boxes.insert(boxes.end(), {x, 2, x + 3, 8});
      scores.insert(scores.end(), {0.9F - 0.1F * static_cast<float>(a), 0.05F});
    }
    for (int i = 0; i < kMap * kMap; ++i) depth.push_back(2 + 0.1F * static_cast<float>(i));
  }
  [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
  [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
  [[nodiscard]] std::span<float> input(std::size_t /*index*/) override { return input_; }
  void run() override { ++runs; }
  [[nodiscard]] TensorView output(std::size_t index) const override {
    if (index == 0) return {boxes, {1, kAnchors, 4}};
    if (index == 1) return {scores, {1, kAnchors, kClasses}};
    return {depth, {1, 1, kMap, kMap}};
  }

  std::vector<float> boxes, scores, depth;
  int runs = 0;

 private:
  std::vector<TensorInfo> inputs_{{"image", {1, 3, 32, 32}}};
  std::vector<TensorInfo> outputs_{{"boxes", {1, kAnchors, 4}},
                                   {"scores", {1, kAnchors, kClasses}},
                                   {"depth", {1, 1, kMap, kMap}}};
  std::vector<float> input_ = std::vector<float>(std::size_t{3} * 32 * 32);
};

NetworkManifest manifest() {
  NetworkManifest m;
  m.name = "fixed";
  m.task = Task::joint;
  m.depth = DepthContract::metric;
  m.input_width = m.input_height = 32;
  m.labels = {"person", "door"};
  return m;
}

PlanCheck checked(const std::function<void(Fixed&)>& change, const PlanLimits& limits = {}) {
  Fixed reference;
  Fixed tried;
  change(tried);
  const std::vector<Frame> pictures{test::grey_frame(40, 30, 90), test::grey_frame(32, 32, 160)};
  NetworkManifest network = manifest();
  network.int8 = limits.at_least == 0;
  return check_engine(network, tried, reference, pictures, limits);
}

TEST(EngineCheck, TheSameAnswersPass) {
  const PlanCheck check = checked([](Fixed&) {});
  EXPECT_TRUE(check.passed);
  EXPECT_EQ(check.pictures, 2);
  EXPECT_EQ(check.boxes, 2 * kAnchors);
  EXPECT_EQ(check.box_px, 0);
  EXPECT_EQ(check.score, 0);
  EXPECT_EQ(check.depth_p99, 0);
}

TEST(EngineCheck, MeasuresTheWorstEdge) {
  const auto moved = [](float by) { return checked([by](Fixed& f) { f.boxes[4 * 3 + 2] += by; }); };
  EXPECT_NEAR(moved(1.5F).box_px, 1.5, 1e-6);
  EXPECT_TRUE(moved(1.5F).passed);
  EXPECT_FALSE(moved(-2.5F).passed);
}

TEST(EngineCheck, MeasuresScoresOfTheSameClass) {
  const PlanCheck less = checked([](Fixed& f) { f.scores[0] -= 0.02F; });
  EXPECT_NEAR(less.score, 0.02, 1e-6);
  EXPECT_TRUE(less.passed);
  // Another class is as far off as the box was sure.
  const PlanCheck other = checked([](Fixed& f) { std::swap(f.scores[0], f.scores[1]); });
  EXPECT_FALSE(other.passed);
}

TEST(EngineCheck, TheClassOfWhatIsWeakIsChance) {
  Fixed reference;
  Fixed tried;
  for (Fixed* f : {&reference, &tried}) {
    for (float& s : f->scores) s *= 0.0002F;
  }
  std::swap(tried.scores[0], tried.scores[1]);
  tried.boxes[0] += 1;
  const std::vector<Frame> pictures{test::grey_frame(40, 30, 90)};
  const PlanCheck check = check_engine(manifest(), tried, reference, pictures, {});
  EXPECT_EQ(check.boxes, kAnchors);
  EXPECT_NEAR(check.box_px, 1, 1e-6);
  EXPECT_TRUE(check.passed);
}

TEST(EngineCheck, MeasuresDepthInPartsOfIt) {
  const PlanCheck off = checked([](Fixed& f) {
    for (float& d : f.depth) d *= 1.02F;
  });
  EXPECT_NEAR(off.depth_median, 0.02, 1e-4);
  EXPECT_FALSE(off.passed);
}

TEST(EngineCheck, AsksOfEightBitsThatTheSameIsSeenInTheSamePlaces) {
  const PlanLimits limits = PlanLimits::of_int8();
  // Scores 0.9 to 0.6 are sure; the last two are not.
  EXPECT_EQ(checked([](Fixed&) {}, limits).boxes, 2 * (kAnchors - 2));
  const auto moved = [&](int anchor, float by) {
    return checked([&](Fixed& f) { f.boxes[4 * anchor + 3] += by; }, limits);
  };
  EXPECT_NEAR(moved(0, 1).overlap, 6.0 / 7, 1e-6);
  EXPECT_TRUE(moved(0, 1).passed);
  EXPECT_FALSE(moved(0, 3).passed);
  EXPECT_TRUE(moved(kAnchors - 1, 3).passed);
  const auto less = [&](float by) {
    return checked([&](Fixed& f) { f.scores[0] -= by; }, limits).passed;
  };
  EXPECT_TRUE(less(0.2F));
  EXPECT_FALSE(less(0.3F));
  EXPECT_FALSE(checked([](Fixed& f) { std::swap(f.scores[0], f.scores[1]); }, limits).passed);
  EXPECT_FALSE(checked(
                   [](Fixed& f) {
                     for (float& d : f.depth) d *= 1.04F;
                   },
                   limits)
                   .passed);
}

TEST(EngineCheck, EightBitsOfWhichNoBoxCanBeComparedDoNotPass) {
  Fixed reference;
  Fixed tried;
  for (Fixed* f : {&reference, &tried}) {
    for (float& s : f->scores) s *= 0.5F;
  }
  NetworkManifest network = manifest();
  network.int8 = true;
  const std::vector<Frame> pictures{test::grey_frame(40, 30, 90)};
  EXPECT_FALSE(check_engine(network, tried, reference, pictures, limits_of(network)).passed);
}

TEST(EngineCheck, RefusesWhatIsNotFinite) {
  EXPECT_THROW((void)checked([](Fixed& f) { f.depth[3] = std::nanf(""); }), Error);
  EXPECT_THROW(
      (void)checked([](Fixed& f) { f.scores[11] = std::numeric_limits<float>::infinity(); }),
      Error);
}

TEST(EngineCheck, WantsPictures) {
  Fixed reference;
  Fixed tried;
  EXPECT_THROW((void)check_engine(manifest(), tried, reference, {}, {}), Error);
}

}  // namespace
}  // namespace lazarillo
