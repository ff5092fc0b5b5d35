#include "track/tracker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <set>

namespace lazarillo {
namespace {

const auto kLabels = std::make_shared<const std::vector<std::string>>(
    std::vector<std::string>{"person", "car", "truck", "bicycle", "motorcycle"});
const ObjectCatalog kCatalog({{"person", ObjectKind::person, 1.7, 0.1, 1.7, 4.5},
                              {"car", ObjectKind::vehicle},
                              {"truck", ObjectKind::vehicle},
                              {"bicycle", ObjectKind::cycle},
                              {"motorcycle", ObjectKind::motorcycle}});

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

TEST_F(TrackerTest, KeepsTheIdOfWhatIsABicycleOrAMotorcycle) {
  std::set<int> ids;
  for (int i = 0; i < 60; ++i) {
    const int label = i % 20 < 12 ? 3 : 4;
    for (const Track& t :
         tracker.update(frame(i, 15, {{around(300 + i, 240, 60, 90), 0.8F, label}}), {}, camera)
             .items) {
      ids.insert(t.id);
      EXPECT_EQ(t.label, "bicycle") << "what it was called for longer, frame " << i;
    }
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

TEST_F(TrackerTest, PredictsWhereThingsWillBeAndChangesNothing) {
  // 120 px/s to the right, seen at 15 frames a second.
  const auto x_at = [](double t) { return 100 + 120 * t; };
  const auto stamp_at = [](double t) {
    FrameStamp stamp;
    stamp.stream_ns = std::llround(t * 1e9);
    return stamp;
  };
  for (int i = 0; i <= 30; ++i) {
    tracker.update(frame(i, 15, {{around(x_at(i / 15.0), 240, 40, 100), 0.8F, 0}}), {}, camera);
  }
  for (const double ahead : {0.0, 0.016, 0.05, 0.2}) {
    const Tracks tracks = tracker.predict(stamp_at(2 + ahead), camera);
    ASSERT_EQ(tracks.items.size(), 1U);
    EXPECT_NEAR(tracks.items[0].box.centre_x(), x_at(2 + ahead), 4) << ahead;
    EXPECT_EQ(tracks.items[0].observed, ahead == 0);
    EXPECT_EQ(tracks.stamp.stream_ns, stamp_at(2 + ahead).stream_ns);
  }
  // Predicted too far ahead it is not told any more, and yet it was not lost.
  EXPECT_TRUE(tracker.predict(stamp_at(3.5), camera).items.empty());
  EXPECT_EQ(tracker.predict(stamp_at(2.05), camera).items.size(), 1U);
}

TEST_F(TrackerTest, DoubtGrowsWithTimeAndEndsWithADetection) {
  const auto ns = [](double t) { return std::llround(t * 1e9); };
  EXPECT_EQ(tracker.doubt(0).place, 0);
  tracker.update(frame(0, 15, {{around(100, 240, 40, 100), 0.8F, 0}}), {}, camera);
  EXPECT_TRUE(tracker.doubt(0).unconfirmed);
  for (int i = 1; i <= 30; ++i) {
    tracker.update(frame(i, 15, {{around(100, 240, 40, 100), 0.8F, 0}}), {}, camera);
  }
  EXPECT_FALSE(tracker.doubt(ns(2)).unconfirmed);
  const double now = tracker.doubt(ns(2)).place;
  const double later = tracker.doubt(ns(2.1)).place;
  const double latest = tracker.doubt(ns(2.4)).place;
  EXPECT_LT(now, 0.05);
  EXPECT_LT(now, later);
  EXPECT_LT(later, latest);
}

TEST_F(TrackerTest, AnOldDepthMapIsReadWhereThingsWereAndTrustedLess) {
  // A wall of a thing without a known height: only depth tells its distance. It comes at 1.5 m/s
  // and drifts to the right; every map is 0.4 s old when it arrives.
  const double fps = 15;
  const auto z_at = [](double t) { return 9 - 1.5 * t; };
  const auto x_at = [](double t) { return 150 + 100 * t; };
  const auto map_of = [&](double t) {
    auto depth = std::make_shared<MetricDepth>();
    depth->stamp.stream_ns = std::llround(t * 1e9);
    depth->depth_m = {160, 120, 0.25, -0.375, -0.375, std::vector<float>(160 * 120, 30.0F)};
    depth->sigma_relative.assign(160 * 120, 0.1F);
    for (int row = 40; row < 80; ++row) {
      for (int column = 0; column < 160; ++column) {
        if (std::abs(column * 4 - x_at(t)) < 40) {
          depth->depth_m.values[static_cast<std::size_t>(row * 160 + column)] =
              static_cast<float>(z_at(t));
        }
      }
    }
    return std::shared_ptr<const MetricDepth>(std::move(depth));
  };
  Tracker fresh{{}, kCatalog};
  Tracks old_maps;
  Tracks new_maps;
  double t = 0;
  for (int i = 0; i < 45; ++i) {
    t = i / fps;
    const Detections seen = frame(i, fps, {{around(x_at(t), 240, 80, 160), 0.9F, 1}});
    // As from a network that needs 0.4 s: the newest map is of 0.4 s ago.
    old_maps = tracker.update(seen, t >= 0.4 ? Depth(map_of(t - 0.4)) : Depth(), camera);
    new_maps = fresh.update(seen, map_of(t), camera);
  }
  ASSERT_EQ(old_maps.items.size(), 1U);
  ASSERT_EQ(new_maps.items.size(), 1U);
  const double bearing = old_maps.items[0].bearing_deg * 3.14159265 / 180;
  const double truth = z_at(t) / std::cos(bearing);
  EXPECT_NEAR(new_maps.items[0].distance_m.value(), truth, 0.05 * truth);
  // Taken as if it were new it would read 0.6 m too far.
  EXPECT_NEAR(old_maps.items[0].distance_m.value(), truth, 0.06 * truth);
  EXPECT_GT(old_maps.items[0].distance_sigma_m, new_maps.items[0].distance_sigma_m);
}

TEST_F(TrackerTest, IdsGoOnAfterAnotherTracker) {
  tracker.continue_ids_from(42);
  Tracks tracks;
  for (int i = 0; i < 10; ++i)
    tracks = tracker.update(frame(i, 10, {{around(200, 200, 40, 100), 0.8F, 0}}), {}, camera);
  ASSERT_EQ(tracks.items.size(), 1U);
  EXPECT_EQ(tracks.items[0].id, 42);
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

TEST_F(TrackerTest, IsAsCertainAsItsScoresWhereTheseAreProbabilities) {
  const auto certainty_after = [&](bool calibrated, const std::vector<Detection>& looks) {
    Tracker own({.calibrated = calibrated}, kCatalog);
    Tracks tracks;
    for (std::size_t i = 0; i < looks.size(); ++i) {
      tracks = own.update(frame(static_cast<int>(i), 15, {looks[i]}), {}, camera);
    }
    EXPECT_EQ(tracks.items.size(), 1U);
    return tracks.items.at(0).certainty;
  };
  const Box box = around(300, 240, 120, 80);
  const std::vector<Detection> cars(60, {box, 0.7F, 1});
  EXPECT_FALSE(certainty_after(false, cars));
  EXPECT_NEAR(certainty_after(true, cars).value(), 0.7, 1e-3);

  // One look in three says truck: a car in at most 0.7 of the others.
  std::vector<Detection> mixed = cars;
  for (std::size_t i = 0; i < mixed.size(); i += 3) mixed[i].class_id = 2;
  EXPECT_NEAR(certainty_after(true, mixed).value(), 0.47, 0.06);

  // Half hidden at the end: still the car it was.
  std::vector<Detection> hidden = cars;
  for (std::size_t i = 50; i < hidden.size(); ++i) hidden[i].score = 0.3F;
  EXPECT_NEAR(certainty_after(true, hidden).value(), 0.7, 1e-3);
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

TEST_F(TrackerTest, WhoPassesTurnsAsFastAsGeometrySays) {
  // A person 2 m to the side of the way comes at 2.5 m/s: the bearing turns by v x / (x^2 + z^2),
  // faster and faster. A filter that only smooths lags behind by a third.
  constexpr double kSide = 2, kSpeed = 2.5, kFps = 30;
  const auto boxes = [&](double z) {
    const double h = camera.fy * 1.7 / z;
    return Detection{around(camera.cx + camera.fx * kSide / z, 240, h / 3, h), 0.9F, 0};
  };
  double z = 0;
  for (int i = 0; (z = 14 - kSpeed * i / kFps) > 4; ++i) {
    const Tracks tracks = tracker.update(frame(i, kFps, {boxes(z)}), {}, camera);
    if (z > 8) continue;
    ASSERT_EQ(tracks.items.size(), 1U);
    const Track& t = tracks.items[0];
    const double rate = kSpeed * kSide / (kSide * kSide + z * z) * 180 / std::numbers::pi;
    EXPECT_NEAR(t.bearing_rate_deg_s, rate, 0.1 * rate) << "at " << z << " m";
    EXPECT_NEAR(t.closing_speed_mps, kSpeed * z / std::hypot(z, kSide), 0.15 * kSpeed);
    EXPECT_GT(t.bearing_rate_sigma_deg_s, 0);
  }
}

TEST_F(TrackerTest, TheApproachIsSeenInTheGrowingBoxWhereDistanceJumps) {
  // The depth map errs by 10 %, the other way every half second: as a speed of 3 m/s and more.
  double z = 0, off = 0;
  int count = 0;
  for (int i = 0; i < 105; ++i) {
    z = 8 - 1.2 * i / 30.0;
    const double h = camera.fy * 1.7 / z;
    Detection detection{around(320, 240, h / 1.2, h), 0.9F, 0};  // a shape that says nothing
    const double error = (i / 15) % 2 == 0 ? 1.1 : 0.9;
    detection.depth = BoxDepth{static_cast<float>(z * error), 0.15F};
    const Tracks tracks = tracker.update(frame(i, 30, {detection}), {}, camera);
    if (i < 45) continue;
    ASSERT_EQ(tracks.items.size(), 1U);
    off += std::abs(tracks.items[0].closing_speed_mps - 1.2);
    ++count;
  }
  EXPECT_LT(off / count, 0.4);
}

TEST_F(TrackerTest, AnotherBehindItIsNoApproach) {
  // A car at 24 m drives off and one parked before it, at 12 m, is found in its place.
  int left = 0;
  for (int i = 0; i < 60; ++i) {
    const double z = i < 30 ? 24 : 12;
    const double h = camera.fy * 1.5 / z;
    Detection detection{around(320, 240, 60, std::max(h, 40.0)), 0.9F, 1};
    detection.depth = BoxDepth{static_cast<float>(z), 0.1F};
    const Tracks tracks = tracker.update(frame(i, 30, {detection}), {}, camera);
    if (i == 29) left = tracks.items.at(0).id;
    if (i < 33) continue;
    int observed = 0;
    for (const Track& track : tracks.items) {
      EXPECT_LT(std::abs(track.closing_speed_mps), 2) << "frame " << i;
      if (!track.observed) continue;
      ++observed;
      EXPECT_NEAR(*track.distance_m, 12, 1) << "frame " << i;
      EXPECT_NE(track.id, left) << "it is another car";
    }
    EXPECT_EQ(observed, 1) << "frame " << i;
  }
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
