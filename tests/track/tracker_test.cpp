#include "track/tracker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

namespace lazarillo {
namespace {

const auto kLabels = std::make_shared<const std::vector<std::string>>(
    std::vector<std::string>{"person", "car", "truck"});
const ObjectCatalog kCatalog({{"person", ObjectKind::person, 1.7, 0.1, 1.7, 4.5},
                              {"car", ObjectKind::vehicle},
                              {"truck", ObjectKind::vehicle}});

Detections frame(int i, double fps, std::vector<Detection> items) {
  Detections detections;
  detections.stamp.sequence = static_cast<std::uint64_t>(i);
  detections.stamp.stream_ns = std::llround(i / fps * 1e9);
  detections.labels = kLabels;
  detections.items = std::move(items);
  return detections;
}

Box around(double x, double y, double w, double h) {
  return {static_cast<float>(x - w / 2), static_cast<float>(y - h / 2),
          static_cast<float>(x + w / 2), static_cast<float>(y + h / 2)};
}

class TrackerTest : public ::testing::Test {
 protected:
  Intrinsics camera = Intrinsics::from_hfov(70, 640, 480, false);
  Tracker tracker{{}, kCatalog};
};

TEST_F(TrackerTest, KeepsTheIdThroughAnOcclusionWhileMoving) {
  std::set<int> ids;
  for (int i = 0; i < 60; ++i) {
    std::vector<Detection> items;
    if (i < 25 || i >= 35) items.push_back({around(100 + 6 * i, 240, 40, 100), 0.8F, 0});
    for (const Track& t : tracker.update(frame(i, 10, items), {}, camera).items) ids.insert(t.id);
  }
  EXPECT_EQ(ids.size(), 1U);
}

TEST_F(TrackerTest, TwoWhoCrossKeepTheirIds) {
  int left_id = 0;
  int right_id = 0;
  for (int i = 0; i <= 40; ++i) {
    // They pass each other at frame 20, one 60 px below the other.
    const Detection a{around(160 + 8 * i, 220, 40, 110), 0.8F, 0};
    const Detection b{around(480 - 8 * i, 280, 40, 110), 0.8F, 0};
    const Tracks tracks = tracker.update(frame(i, 15, {a, b}), {}, camera);
    if (i != 10 && i != 40) continue;
    ASSERT_EQ(tracks.items.size(), 2U);
    for (const Track& t : tracks.items) {
      const bool upper = t.box.centre_y() < 250;
      int& id = upper ? left_id : right_id;
      if (i == 10) {
        id = t.id;
      } else {
        EXPECT_EQ(t.id, id);
      }
    }
  }
}

TEST_F(TrackerTest, WeakBoxesContinueButNeverBegin) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(tracker.update(frame(i, 10, {{around(500, 200, 40, 100), 0.25F, 0}}), {}, camera)
                    .items.empty());
  }
  for (int i = 20; i < 30; ++i)
    (void)tracker.update(frame(i, 10, {{around(200, 200, 40, 100), 0.8F, 0}}), {}, camera);
  for (int i = 30; i < 45; ++i) {
    const auto tracks =
        tracker.update(frame(i, 10, {{around(200, 200, 40, 100), 0.25F, 0}}), {}, camera);
    ASSERT_EQ(tracks.items.size(), 1U);
    EXPECT_TRUE(tracks.items[0].observed);
  }
  // Nothing lives on weak boxes for long.
  Tracks tracks;
  for (int i = 45; i < 60; ++i) {
    tracks = tracker.update(frame(i, 10, {{around(200, 200, 40, 100), 0.25F, 0}}), {}, camera);
  }
  EXPECT_TRUE(tracks.items.empty());
}

TEST_F(TrackerTest, ForgetsWhatIsGone) {
  for (int i = 0; i < 10; ++i)
    (void)tracker.update(frame(i, 10, {{around(200, 200, 40, 100), 0.8F, 0}}), {}, camera);
  Tracks tracks;
  for (int i = 10; i < 40; ++i) tracks = tracker.update(frame(i, 10, {}), {}, camera);
  EXPECT_TRUE(tracks.items.empty());
}

TEST_F(TrackerTest, NamesWhatTheDetectorSaysMostOften) {
  Tracks tracks;
  for (int i = 0; i < 30; ++i) {
    tracks = tracker.update(frame(i, 10, {{around(300, 200, 90, 70), 0.7F, i % 4 == 0 ? 2 : 1}}),
                            {}, camera);
  }
  ASSERT_EQ(tracks.items.size(), 1U);
  EXPECT_EQ(tracks.items[0].label, "car");
}

TEST_F(TrackerTest, MeasuresDistanceSpeedAndTimeToCollision) {
  // A person of 1.7 m comes from 12 m at 1.5 m/s; boxes are noisy by 1.5 %.
  std::mt19937 random(11);
  std::normal_distribution<double> noise(0, 0.015);
  Tracks tracks;
  double z = 0;
  for (int i = 0; i < 60; ++i) {
    z = 12 - 1.5 * i / 15.0;
    const double h = camera.fy * 1.7 / z * (1 + noise(random));
    tracks = tracker.update(frame(i, 15, {{around(320, 240, h / 3, h), 0.9F, 0}}), {}, camera);
  }
  ASSERT_EQ(tracks.items.size(), 1U);
  const Track& t = tracks.items[0];
  ASSERT_TRUE(t.distance_m);
  EXPECT_NEAR(*t.distance_m, z, 0.08 * z);
  EXPECT_NEAR(t.closing_speed_mps, 1.5, 0.4);
  ASSERT_TRUE(t.ttc_s);
  EXPECT_NEAR(*t.ttc_s, z / 1.5, 0.3 * z / 1.5);
  EXPECT_GT(t.distance_sigma_m, 0.04 * z) << "a person's height is never known better";
}

TEST_F(TrackerTest, AStandingPersonHasNoTimeToCollision) {
  std::mt19937 random(12);
  std::normal_distribution<double> noise(0, 0.01);
  int with_ttc = 0;
  for (int i = 0; i < 300; ++i) {
    const double h = camera.fy * 1.7 / 6 * (1 + noise(random));
    const auto tracks =
        tracker.update(frame(i, 15, {{around(320, 240, h / 3, h), 0.9F, 0}}), {}, camera);
    for (const Track& t : tracks.items) with_ttc += t.ttc_s && *t.ttc_s < 6;
  }
  EXPECT_LE(with_ttc, 6);
}

TEST_F(TrackerTest, AnAssumedFieldOfViewDoublesNoDistanceButWidensSigma) {
  Tracker other{{}, kCatalog};
  Intrinsics assumed = camera;
  assumed.assumed = true;
  Tracks sure;
  Tracks unsure;
  for (int i = 0; i < 20; ++i) {
    const Detections d = frame(i, 15, {{around(320, 240, 50, 140), 0.9F, 0}});
    sure = tracker.update(d, {}, camera);
    unsure = other.update(d, {}, assumed);
  }
  EXPECT_DOUBLE_EQ(*sure.items[0].distance_m, *unsure.items[0].distance_m);
  EXPECT_GT(unsure.items[0].distance_sigma_m, 1.3 * sure.items[0].distance_sigma_m);
}

TEST_F(TrackerTest, RelativeDepthNeverBecomesADistance) {
  auto relative = std::make_shared<RelativeDepth>();
  relative->inverse = {160, 120, 0.25, -0.375, -0.375, std::vector<float>(160 * 120, 0.9F)};
  Tracks tracks;
  for (int i = 0; i < 10; ++i) {
    tracks = tracker.update(frame(i, 15, {{around(320, 240, 90, 70), 0.9F, 1}}),
                            std::shared_ptr<const RelativeDepth>(relative), camera);
  }
  ASSERT_EQ(tracks.items.size(), 1U);
  EXPECT_FALSE(tracks.items[0].distance_m) << "this car has no known height and no metric depth";
}

TEST_F(TrackerTest, AStepFromOneKindOfRangeToAnotherIsNotMotion) {
  // A depth map without sigma says 2 m all the time; the person's height, at 12 m, is seen now and
  // then (otherwise the box has a shape that says nothing).
  auto map = std::make_shared<MetricDepth>();
  map->depth_m = {160, 120, 0.25, -0.375, -0.375, std::vector<float>(160 * 120, 2.0F)};
  const double h = camera.fy * 1.7 / 12;
  for (int i = 0; i < 60; ++i) {
    const bool whole = i >= 15 && i % 4 != 0;
    const Tracks tracks =
        tracker.update(frame(i, 15, {{around(320, 240, whole ? h / 3 : h * 0.9, h), 0.9F, 0}}),
                       std::shared_ptr<const MetricDepth>(map), camera);
    for (const Track& t : tracks.items) {
      EXPECT_FALSE(t.ttc_s) << "frame " << i;
      if (i >= 20) {
        EXPECT_NEAR(*t.distance_m, 12, 3) << "frame " << i;
      }
    }
  }
}

TEST_F(TrackerTest, HoldsForACrowd) {
  for (int i = 0; i < 10; ++i) {
    std::vector<Detection> crowd;
    for (int k = 0; k < 200; ++k) {
      crowd.push_back({around(20 + 30 * (k % 20), 20 + 45 * (k / 20), 20, 40), 0.8F, 0});
    }
    const Tracks tracks = tracker.update(frame(i, 10, crowd), {}, camera);
    if (i == 9) {
      EXPECT_EQ(tracks.items.size(), 200U);
    }
  }
}

}  // namespace
}  // namespace lazarillo
