// What the guide stage makes of an IMU's word that comes with the frames.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "run/guide_stage.h"

namespace lazarillo {
namespace {

constexpr std::int64_t kFrameNs = 100'000'000;
const Intrinsics kCamera = Intrinsics::from_hfov(69, 640, 480);

template <class T>
class Kept final : public Sink<T> {
 public:
  bool push(T value) override {
    values.push_back(std::move(value));
    return true;
  }
  std::vector<T> values;
};

/// Sees which ground was found.
class Watching final : public GuideWitness {
 public:
  std::optional<CorridorView> along(const std::function<CorridorView()>& look) override {
    views.push_back(look());
    return views.back();
  }
  std::vector<CorridorView> views;
};

/// A floor 1.6 m below a camera that looks down by so much, and nothing else.
std::shared_ptr<const MetricDepth> floor_at(double pitch_deg, const FrameStamp& stamp) {
  auto depth = std::make_shared<MetricDepth>();
  depth->stamp = stamp;
  DepthGrid& grid = depth->depth_m;
  grid = {80, 60, 0.125, -0.4375, -0.4375, {}};
  const double p = pitch_deg * std::numbers::pi / 180;
  for (int row = 0; row < grid.height; ++row) {
    const double y = ((row - grid.offset_y) / grid.scale - kCamera.cy) / kCamera.fy;
    const double sinks = std::cos(p) * y + std::sin(p);
    const double metres = sinks > 0.02 ? 1.6 / sinks : 80;
    grid.values.insert(grid.values.end(), 80, static_cast<float>(metres));
  }
  depth->sigma_relative.assign(grid.values.size(), 0.05F);
  return depth;
}

class HeadTest : public testing::Test {
 protected:
  GuideStage stage() {
    GuideStage::Parts parts{
        Tracker(TrackerOptions(), ObjectCatalog::load(LZ_SOURCE_DIR "/data/objects.toml")),
        Guide(GuideOptions()),
        GroundFinder(GroundOptions()),
        MapScale(0),
        CorridorOptions(),
        true,
        GuideOptions(),
        Phrasebook::load(LZ_SOURCE_DIR "/data/lang", "en")};
    parts.witness = &witness;
    return {std::move(parts), metrics, scenes, foresights};
  }

  static Frame frame(int k, const std::optional<HeadMotion>& head) {
    Frame frame;
    frame.stamp = {0, static_cast<std::uint64_t>(k), k * kFrameNs, k * kFrameNs};
    frame.width = 640;
    frame.height = 480;
    frame.intrinsics = kCamera;
    frame.head = head;
    return frame;
  }

  /// Looked at, with this map.
  static void show(GuideStage& stage, const Frame& frame,
                   std::shared_ptr<const MetricDepth> depth) {
    Seen seen;
    seen.frame = frame;
    seen.sighting.detections.stamp = frame.stamp;
    seen.sighting.depth = std::move(depth);
    stage.process(std::move(seen));
  }

  Watching witness;
  Metrics metrics;
  Kept<Scene> scenes;
  Kept<Foresight> foresights;
};

TEST_F(HeadTest, AMapsGroundIsSoughtAcrossTheGravityOfItsOwnFrame) {
  // The map is an older frame's, in which the head was held otherwise.
  GuideStage guide = stage();
  const Frame older = frame(0, HeadMotion{30, 0, 1, Gait::unknown, 0});
  const Frame newer = frame(1, HeadMotion{-10, 0, 1, Gait::unknown, 0});
  guide.process(older);
  guide.process(newer);
  show(guide, older, floor_at(30, older.stamp));
  ASSERT_EQ(witness.views.size(), 1U);
  EXPECT_TRUE(witness.views[0].ground.seen);
  EXPECT_NEAR(witness.views[0].ground.pitch_deg(), 30, 1);
}

TEST_F(HeadTest, WhatLeansAgainstItIsNoGround) {
  for (const float deviation_deg : {1.0F, 30.0F}) {
    witness.views.clear();
    GuideStage guide = stage();
    const Frame one = frame(0, HeadMotion{0, 0, deviation_deg, Gait::unknown, 0});
    guide.process(one);
    show(guide, one, floor_at(30, one.stamp));
    ASSERT_EQ(witness.views.size(), 1U);
    EXPECT_EQ(witness.views[0].ground.seen, deviation_deg > 4) << deviation_deg;
  }
}

TEST_F(HeadTest, BearingsAndDistancesAreOverTheGroundWhereGravityIsKnown) {
  // A box in the lower right, 2 m along the axis of a camera that looks 30 degrees down.
  const double right = (450 - kCamera.cx) / kCamera.fx, below = (350 - kCamera.cy) / kCamera.fy;
  const double ahead = std::sqrt(0.75) - 0.5 * below;
  const auto labels =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"gadget"});
  for (const float deviation_deg : {2.0F, 60.0F}) {
    scenes.values.clear();
    GuideStage guide = stage();
    for (int k = 0; k < 10; ++k) {
      Seen seen;
      seen.frame = frame(k, HeadMotion{30, 0, deviation_deg, Gait::unknown, 0});
      guide.process(seen.frame);
      seen.sighting.detections = {seen.frame.stamp, {{{400, 300, 500, 400}, 0.9F, 0}}, labels};
      seen.sighting.detections.items[0].depth = BoxDepth{2, 0.1F};
      guide.process(std::move(seen));
    }
    guide.finish();
    ASSERT_EQ(scenes.values.back().tracks.items.size(), 1U);
    const Track& track = scenes.values.back().tracks.items[0];
    const double forward = deviation_deg < 10 ? ahead : 1;
    EXPECT_NEAR(track.bearing_deg, std::atan2(right, forward) * 180 / std::numbers::pi, 0.4);
    EXPECT_NEAR(*track.distance_m, 2 * std::hypot(right, forward), 0.02);
  }
}

/// The most urgent cue in six seconds before something 0.7 m ahead.
Priority most_urgent(const std::vector<Scene>& scenes) {
  Priority most = Priority::info;
  for (const Scene& scene : scenes) {
    for (const Cue& cue : scene.cues) most = std::min(most, cue.priority);
  }
  return most;
}

TEST_F(HeadTest, TheGuideKnowsWhoStands) {
  for (const Gait gait : {Gait::unknown, Gait::standing, Gait::walking}) {
    scenes.values.clear();
    GuideStage guide = stage();
    for (int k = 0; k < 60; ++k) {
      const Frame one = frame(k, HeadMotion{20, 0, 1, gait, 0});
      guide.process(one);
      auto depth = std::make_shared<MetricDepth>(*floor_at(20, one.stamp));
      // From two seconds on a board of 30 x 60 cm, 0.7 m ahead.
      if (k >= 20) {
        for (std::size_t row = 10; row < 50; ++row) {
          for (std::size_t column = 25; column < 55; ++column) {
            float& metres = depth->depth_m.values[row * 80 + column];
            metres = std::min(metres, 0.75F);
          }
        }
      }
      show(guide, one, depth);
    }
    guide.finish();
    EXPECT_EQ(most_urgent(scenes.values),
              gait == Gait::standing ? Priority::warning : Priority::critical);
  }
}

}  // namespace
}  // namespace lazarillo
