#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <numbers>
#include <random>
#include <vector>

#include "track/tracker.h"

// A camera that turns like a head, and people whose places are known: physics says what is seen.

namespace lazarillo {
namespace {

constexpr double kRad = std::numbers::pi / 180;
constexpr double kFps = 30;
const auto kLabels =
    std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"person"});
const ObjectCatalog kCatalog({{"person", ObjectKind::person, 1.7, 0.1, 1.7, 4.5}});

/// Over the ground, metres, in the frame of a camera that does not turn: right and ahead.
struct Place {
  double right, ahead;
};

/// The head turns to and fro by 10 degrees, at most by 16 degrees a second.
double heading_deg(double t_s) { return 10 * std::sin(1.6 * t_s); }

class TurningCamera : public ::testing::Test {
 protected:
  /// What a camera at eye height sees of a person of 1.7 m there.
  Detection seen(const Place& place, double heading, std::mt19937& random) const {
    const double angle = std::atan2(place.right, place.ahead) - heading * kRad;
    const double depth = std::hypot(place.right, place.ahead) * std::cos(angle);
    std::normal_distribution<double> jitter(0, 0.5);
    const double x = camera.cx + camera.fx * std::tan(angle) + jitter(random);
    const double half_width = 0.25 * camera.fx / depth;
    const double top = camera.cy - 0.2 * camera.fy / depth + jitter(random);
    const double bottom = camera.cy + 1.5 * camera.fy / depth + jitter(random);
    Detection detection{{static_cast<float>(x - half_width), static_cast<float>(top),
                         static_cast<float>(x + half_width), static_cast<float>(bottom)},
                        0.9F,
                        0};
    detection.depth = BoxDepth{static_cast<float>(depth), 0.1F};
    return detection;
  }

  /// Follows somebody who goes straight on; after `until_s` what the tracker makes of it.
  template <class Look>
  void follow(Place from, Place velocity, bool told, double until_s, const Look& look) {
    std::mt19937 random(1);
    Tracker tracker({}, kCatalog);
    for (int i = 0; i / kFps < until_s; ++i) {
      const double t = i / kFps;
      const Place at{from.right + velocity.right * t, from.ahead + velocity.ahead * t};
      Detections detections;
      detections.stamp.stream_ns = std::llround(t * 1e9);
      detections.labels = kLabels;
      detections.items = {seen(at, heading_deg(t), random)};
      if (told) tracker.turn(detections.stamp.stream_ns, {heading_deg(t), 0});
      const Tracks tracks = tracker.update(detections, {}, camera);
      if (t < 1) continue;
      ASSERT_EQ(tracks.items.size(), 1U) << t;
      look(t, at, tracks.items[0]);
    }
  }

  Intrinsics camera = Intrinsics::from_hfov(69, 640, 480, false);
};

TEST_F(TurningCamera, WhatStandsDoesNotTurn) {
  double worst = 0;
  double worst_untold = 0;
  follow({-1, 6}, {0, 0}, true, 6, [&](double, const Place&, const Track& track) {
    worst = std::max(worst, std::abs(track.bearing_rate_deg_s));
  });
  follow({-1, 6}, {0, 0}, false, 6, [&](double, const Place&, const Track& track) {
    worst_untold = std::max(worst_untold, std::abs(track.bearing_rate_deg_s));
  });
  EXPECT_LT(worst, 1.5);
  EXPECT_GT(worst_untold, 12);  // the test tests something: the head turns by 16
}

TEST_F(TurningCamera, PlaceAndDistanceFollowTheCamera) {
  follow({-1, 6}, {0, 0}, true, 6, [&](double t, const Place& at, const Track& track) {
    const double bearing = std::atan2(at.right, at.ahead) / kRad - heading_deg(t);
    EXPECT_NEAR(track.bearing_deg, bearing, 0.5) << t;
    EXPECT_NEAR(*track.distance_m, std::hypot(at.right, at.ahead), 0.3) << t;
    EXPECT_LT(std::abs(track.closing_speed_mps), 0.6) << t;
  });
}

TEST_F(TurningCamera, WhoCrossesTurnsAsFastAsGeometrySays) {
  follow({-3, 7}, {1.2, -0.8}, true, 4, [&](double t, const Place& at, const Track& track) {
    const double square = at.right * at.right + at.ahead * at.ahead;
    const double rate = (1.2 * at.ahead + 0.8 * at.right) / square / kRad;
    EXPECT_NEAR(track.bearing_rate_deg_s, rate, 2 + 0.1 * rate) << t;
  });
}

TEST_F(TurningCamera, APredictionTurnsWithTheFramesThatCameSince) {
  std::mt19937 random(1);
  Tracker tracker({}, kCatalog);
  Detections detections;
  detections.labels = kLabels;
  for (int i = 0; i < 30; ++i) {
    detections.stamp.stream_ns = std::llround(i / kFps * 1e9);
    detections.items = {seen({0, 5}, 0, random)};
    tracker.turn(detections.stamp.stream_ns, CameraTurn{});
    (void)tracker.update(detections, {}, camera);
  }
  FrameStamp stamp = detections.stamp;
  for (int i = 0; i < 3; ++i) {
    stamp.stream_ns += std::llround(1e9 / kFps);
    tracker.turn(stamp.stream_ns, {2.0 * (i + 1), -1.0 * (i + 1)});
  }
  const Tracks tracks = tracker.predict(stamp, camera);
  ASSERT_EQ(tracks.items.size(), 1U);
  EXPECT_NEAR(tracks.items[0].bearing_deg, -6, 0.5);
  const double before = camera.elevation_deg(camera.cy + 0.65 * camera.fy / 5);
  const Box& box = tracks.items[0].box;
  EXPECT_NEAR(camera.elevation_deg((box.y1 + box.y2) / 2), before + 3, 0.5);
  EXPECT_NEAR(*tracks.items[0].distance_m, 5, 0.2);
}

}  // namespace
}  // namespace lazarillo
