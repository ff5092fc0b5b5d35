#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "see/decode.h"

namespace lazarillo {
namespace {

/// IoU by counting the cells of the unit grid, exact for boxes with whole-number corners.
double counted_iou(const Box& a, const Box& b) {
  int common = 0;
  int either = 0;
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 40; ++x) {
      const auto in = [x, y](const Box& box) {
        return static_cast<float>(x) >= box.x1 && static_cast<float>(x + 1) <= box.x2 &&
               static_cast<float>(y) >= box.y1 && static_cast<float>(y + 1) <= box.y2;
      };
      common += in(a) && in(b) ? 1 : 0;
      either += in(a) || in(b) ? 1 : 0;
    }
  }
  return either == 0 ? 0 : static_cast<double>(common) / either;
}

Box whole_box(std::mt19937& random) {
  std::uniform_int_distribution<int> corner(0, 30);
  std::uniform_int_distribution<int> side(1, 10);
  const auto x = static_cast<float>(corner(random));
  const auto y = static_cast<float>(corner(random));
  return {x, y, x + static_cast<float>(side(random)), y + static_cast<float>(side(random))};
}

TEST(Iou, AgreesWithCountedCells) {
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    const Box a = whole_box(random);
    const Box b = whole_box(random);
    EXPECT_NEAR(iou(a, b), counted_iou(a, b), 1e-6);
    EXPECT_EQ(iou(a, b), iou(b, a));
  }
}

TEST(Iou, EmptyAndTouchingBoxesShareNothing) {
  EXPECT_EQ(iou({0, 0, 4, 4}, {4, 0, 8, 4}), 0);
  EXPECT_EQ(iou({2, 2, 2, 2}, {0, 0, 4, 4}), 0);
  EXPECT_EQ(iou({2, 2, 2, 2}, {2, 2, 2, 2}), 0);
  EXPECT_EQ(iou({0, 0, 4, 4}, {0, 0, 4, 4}), 1);
}

TEST(Clipped, KeepsThePartInsideTheFrame) {
  const Box box = clipped({-5, 10, 90, 70}, 80, 60);
  EXPECT_EQ(box.x1, 0);
  EXPECT_EQ(box.y1, 10);
  EXPECT_EQ(box.x2, 80);
  EXPECT_EQ(box.y2, 60);
  EXPECT_EQ(clipped({100, 10, 120, 20}, 80, 60).area(), 0);
}

/// The definition, slowly: a box stays when no box that stays is better, of its class and overlaps.
std::vector<int> reference_nms(const std::vector<Candidate>& all, float threshold) {
  std::vector<int> order(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) order[i] = static_cast<int>(i);
  const auto at = [&](int i) -> const Candidate& { return all[static_cast<std::size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return at(a).score > at(b).score; });
  std::vector<int> kept;
  for (const int i : order) {
    bool hidden = false;
    for (const int k : kept) {
      if (at(k).class_id != at(i).class_id) continue;
      if (counted_iou(at(k).box, at(i).box) > static_cast<double>(threshold)) hidden = true;
    }
    if (!hidden) kept.push_back(i);
  }
  return kept;
}

std::vector<int> anchors_of(const std::vector<Candidate>& candidates) {
  std::vector<int> anchors;
  anchors.reserve(candidates.size());
  for (const Candidate& c : candidates) anchors.push_back(c.anchor);
  return anchors;
}

std::vector<Candidate> random_candidates(std::mt19937& random, int count) {
  std::uniform_int_distribution<int> score(1, 9);  // few values: many ties
  std::uniform_int_distribution<int> class_id(0, 2);
  std::vector<Candidate> all;
  all.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    all.push_back({whole_box(random), static_cast<float>(score(random)) / 10, class_id(random), i});
  }
  return all;
}

TEST(Suppress, AgreesWithTheDefinition) {
  // No overlap of such small boxes is exactly 0.351: rounding decides nothing.
  std::mt19937 random(2);
  for (int round = 0; round < 50; ++round) {
    const std::vector<Candidate> all = random_candidates(random, 60);
    std::vector<Candidate> list = all;
    suppress(list, 0.351F);
    EXPECT_EQ(anchors_of(list), reference_nms(all, 0.351F));
  }
}

TEST(Suppress, DoesNotDependOnTheOrderOfItsInput) {
  std::mt19937 random(3);
  std::vector<Candidate> list = random_candidates(random, 80);
  std::vector<Candidate> shuffled = list;
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  suppress(list, 0.4F);
  suppress(shuffled, 0.4F);
  EXPECT_EQ(anchors_of(list), anchors_of(shuffled));
}

TEST(Suppress, KeepsTheBestWhenThereAreTooMany) {
  std::vector<Candidate> list;
  for (int i = 0; i < 100; ++i) {  // far from each other, worst first
    const auto x = static_cast<float>(10 * i);
    list.push_back({{x, 0, x + 5, 5}, static_cast<float>(i) / 100, 0, i});
  }
  std::vector<Candidate> few = list;
  suppress(few, 0.5F, {100, 3});
  EXPECT_THAT(anchors_of(few), testing::ElementsAre(99, 98, 97));
  suppress(list, 0.5F, {5, 100});
  EXPECT_THAT(anchors_of(list), testing::ElementsAre(99, 98, 97, 96, 95));
}

}  // namespace
}  // namespace lazarillo
