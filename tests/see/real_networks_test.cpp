#include <gmock/gmock.h>

#include "../infer/tiny_network.h"
#include "frames.h"
#include "see/perception.h"
#include "source/source.h"

namespace lazarillo {
namespace {

Frame textured_frame(int width, int height) {
  return test::make_frame(width, height, [](int x, int y, int c) {
    return (x / 7 * 31 + y / 5 * 17 + c * 40 + (x * y) % 23) % 256;
  });
}

TEST(ShippedNetwork, TwiceTheFocalLengthIsTwiceTheDistance) {
  Perception p(load_model_set("lznet", {test::models_folder()}), {.threads = 2});
  Frame frame = textured_frame(640, 480);
  const auto depth_of = [&](double focal) {
    frame.intrinsics.fx = frame.intrinsics.fy = focal;
    const Sighting s = p.see(frame);
    EXPECT_EQ(s.fault, "");
    return std::get<std::shared_ptr<const MetricDepth>>(s.depth)->depth_m;
  };
  const DepthGrid once = depth_of(500);
  const DepthGrid twice = depth_of(1000);
  ASSERT_EQ(once.values.size(), twice.values.size());
  for (std::size_t i = 0; i < once.values.size(); ++i) {
    EXPECT_GT(once.values[i], 0);
    EXPECT_NEAR(twice.values[i], 2 * once.values[i], 1e-4 * once.values[i]);
  }
}

TEST(ShippedNetwork, TheSameFrameGivesTheSameDetections) {
  const Frame frame = textured_frame(641, 479);
  const ModelSet set = load_model_set("lznet", {test::models_folder()});
  PerceptionOptions all;
  all.threads = 2;
  all.score_threshold = 0.01;
  const Sighting a = Perception(set, all).see(frame);
  Perception again(set, all);
  (void)again.see(test::grey_frame(100, 300, 7));
  const Sighting b = again.see(frame);
  ASSERT_FALSE(a.detections.items.empty());
  ASSERT_EQ(a.detections.items.size(), b.detections.items.size());
  for (std::size_t i = 0; i < a.detections.items.size(); ++i) {
    EXPECT_EQ(a.detections.items[i].score, b.detections.items[i].score);
    EXPECT_EQ(a.detections.items[i].box.x1, b.detections.items[i].box.x1);
  }
}

TEST(ShippedNetwork, TwoFramesInOneCallAreSeenLikeEachAlone) {
  const std::vector<Frame> frames{textured_frame(640, 480), textured_frame(500, 700)};
  for (const char* name : {"lznet", "lznet-int8", "lznet-nano"}) {
    const ModelSet set = load_model_set(name, {test::models_folder()});
    PerceptionOptions wanted;
    wanted.score_threshold = 0.01;
    Perception alone(set, wanted);
    wanted.batch = 2;
    const std::vector<Sighting> together = Perception(set, wanted).see(frames);
    ASSERT_EQ(together.size(), 2U) << name;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const Sighting one = alone.see(frames[i]);
      EXPECT_EQ(one.fault + together[i].fault, "");
      const auto& a = one.detections.items;
      const auto& b = together[i].detections.items;
      ASSERT_FALSE(a.empty()) << name;
      ASSERT_EQ(a.size(), b.size()) << name;
      for (std::size_t k = 0; k < a.size(); ++k) {
        EXPECT_NEAR(a[k].score, b[k].score, 1e-5);
        EXPECT_NEAR(a[k].box.y2, b[k].box.y2, 1e-2);
      }
      const auto metres = [](const Sighting& s) {
        return std::get<std::shared_ptr<const MetricDepth>>(s.depth)->depth_m.values;
      };
      EXPECT_THAT(metres(one), testing::Pointwise(testing::FloatNear(1e-3F), metres(together[i])));
    }
  }
}

/// The first picture of the street video of the demo, in which three people walk. Boxes by eye.
class Street : public testing::Test {
 protected:
  void SetUp() override {
    const auto video = std::filesystem::path(LZ_SOURCE_DIR) / ".cache" / "vtest.avi";
    if (!std::filesystem::exists(video)) GTEST_SKIP() << video << " is not here";
    frame = open_source(video.string(), {})->next().value();
  }

  void expect_people(const std::string& models, const std::filesystem::path& more) {
    Perception p(load_model_set(models, {test::models_folder(), more}), {.threads = 2});
    const Sighting s = p.see(frame);
    ASSERT_EQ(s.fault, "");
    int sure = 0;
    for (const Detection& d : s.detections.items) {
      sure += s.detections.label(d) == "person" && d.score >= 0.5F ? 1 : 0;
    }
    EXPECT_EQ(sure, 3);
    for (const Box& person : people) {
      float best = 0;
      for (const Detection& d : s.detections.items) {
        if (s.detections.label(d) == "person") best = std::max(best, iou(d.box, person));
      }
      EXPECT_GT(best, 0.75F) << person.x1;
    }
  }

  Frame frame;
  const std::vector<Box> people{{500, 156, 528, 234}, {640, 240, 686, 324}, {253, 217, 283, 308}};
};

TEST_F(Street, YoloFindsTheThreePeople) {
  const auto networks = test::shared_folder() / "models" / "verify";
  if (!std::filesystem::exists(networks / "yolov8n-640-int8.tflite")) {
    GTEST_SKIP() << "yolov8n-640-int8.tflite is not here";
  }
  expect_people(LZ_SOURCE_DIR "/tests/see/data/yolov8n-640.toml", networks);
}

TEST_F(Street, TheDevelopmentNetworkFindsTheThreePeople) {
  const auto card = test::shared_folder() / "models" / "lznet-dev.json";
  if (!std::filesystem::exists(card)) GTEST_SKIP() << card << " is not here";
  expect_people(card.string(), {});
}

}  // namespace
}  // namespace lazarillo
