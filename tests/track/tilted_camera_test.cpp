#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>
#include <vector>

#include "track/common_view.h"
#include "track/range.h"
#include "track/tracker.h"

// A camera that looks down and leans to the side, 1.6 m above level ground, and people who stand on
// it: what it shows of them is worked out here from points and the camera's axes.

namespace lazarillo {
namespace {

constexpr double kRad = std::numbers::pi / 180;
constexpr double kFps = 30;
constexpr double kEyes_m = 1.6;
constexpr double kHeight_m = 1.7, kRadius_m = 0.2;
const auto kLabels =
    std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"person"});
const ObjectCatalog kOfKnownHeight({{"person", ObjectKind::person, kHeight_m, 0.1, 0.3, 6}});
const ObjectCatalog kOfAnyHeight({{"person", ObjectKind::person}});

using Vector = std::array<double, 3>;  // right, down, ahead

/// Over the ground, metres, from below the camera, ahead being where it looks.
struct Place {
  double right, ahead;
  [[nodiscard]] double distance() const { return std::hypot(right, ahead); }
  [[nodiscard]] double bearing_deg() const { return std::atan2(right, ahead) / kRad; }
};

struct Tilt {
  double pitch_deg, roll_deg;
};

class TiltedCamera {
 public:
  explicit TiltedCamera(Tilt tilt) {
    const double cp = std::cos(tilt.pitch_deg * kRad), sp = std::sin(tilt.pitch_deg * kRad);
    const double cr = std::cos(tilt.roll_deg * kRad), sr = std::sin(tilt.roll_deg * kRad);
    const Vector below{0, cp, -sp};
    axes_ = {
        {{cr, sr * below[1], sr * below[2]}, {-sr, cr * below[1], cr * below[2]}, {0, sp, cp}}};
  }

  Intrinsics intrinsics = Intrinsics::from_hfov(90, 1200, 1200, false);

  /// In its own frame.
  [[nodiscard]] Vector own(const Vector& v) const {
    Vector result{};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t k = 0; k < 3; ++k) result[i] += axes_[i][k] * v[k];
    }
    return result;
  }

  /// What it shows of somebody there, and how far along its axis what is in the middle of the box
  /// is.
  [[nodiscard]] Detection seen(const Place& place, bool depth = true) const {
    Box box{1e9F, 1e9F, -1e9F, -1e9F};
    for (int h = 0; h <= 20; ++h) {
      for (int a = 0; a < 24; ++a) {
        const double angle = a * 15 * kRad;
        const Vector at =
            own({place.right + kRadius_m * std::cos(angle), kEyes_m - kHeight_m * h / 20,
                 place.ahead + kRadius_m * std::sin(angle)});
        const auto x = static_cast<float>(intrinsics.cx + intrinsics.fx * at[0] / at[2]);
        const auto y = static_cast<float>(intrinsics.cy + intrinsics.fy * at[1] / at[2]);
        box = {std::min(box.x1, x), std::min(box.y1, y), std::max(box.x2, x), std::max(box.y2, y)};
      }
    }
    Detection detection{box, 0.9F, 0};
    if (depth) {
      const Vector ray{(box.centre_x() - intrinsics.cx) / intrinsics.fx,
                       (box.centre_y() - intrinsics.cy) / intrinsics.fy, 1};
      double right = 0, ahead = 0;
      for (std::size_t i = 0; i < 3; ++i) {
        right += axes_[i][0] * ray[i];
        ahead += axes_[i][2] * ray[i];
      }
      detection.depth =
          BoxDepth{static_cast<float>(place.distance() / std::hypot(right, ahead)), 0.1F};
    }
    return detection;
  }

  /// That knows how it is held.
  [[nodiscard]] View view(double sigma_deg = 1) const {
    View view(intrinsics);
    view.hold(own({0, 1, 0}), sigma_deg);
    return view;
  }

 private:
  std::array<Vector, 3> axes_{};  // right, down and forward of the camera
};

/// After a second before somebody who stands.
Track before(const Detection& detection, const View& view,
             const ObjectCatalog& catalog = kOfAnyHeight) {
  Tracker tracker({}, catalog);
  Tracks tracks;
  for (int i = 0; i < 30; ++i) {
    Detections detections;
    detections.stamp.stream_ns = std::llround(i / kFps * 1e9);
    detections.labels = kLabels;
    detections.items = {detection};
    tracks = tracker.update(detections, {}, view);
  }
  EXPECT_EQ(tracks.items.size(), 1U);
  return tracks.items.empty() ? Track{} : tracks.items[0];
}

constexpr std::array kTilts{Tilt{0, 0},  Tilt{28, 0},   Tilt{28, 12},
                            Tilt{40, 0}, Tilt{-10, -8}, Tilt{0, 15}};
constexpr std::array kPlaces{Place{0, 2.5}, Place{1, 3}, Place{-1.5, 3}, Place{2, 5}};

TEST(TiltedCamera, TellsPlacesOverTheGround) {
  double worst_level_deg = 0, worst_level_m = 0;
  for (const Tilt& tilt : kTilts) {
    const TiltedCamera camera(tilt);
    for (const Place& place : kPlaces) {
      const Detection detection = camera.seen(place);
      const Track track = before(detection, camera.view());
      // An upright box around what leans in the picture has another middle.
      const double slack_deg = 1.5 + 0.12 * std::abs(tilt.roll_deg);
      EXPECT_NEAR(track.bearing_deg, place.bearing_deg(), slack_deg)
          << tilt.pitch_deg << " " << tilt.roll_deg << " " << place.right << " " << place.ahead;
      EXPECT_NEAR(*track.distance_m, place.distance(), 0.02 * place.distance());
      EXPECT_NEAR(track.bearing_rate_deg_s, 0, 0.5);
      EXPECT_LT(std::abs(track.closing_speed_mps), 0.2);
      const Track level = before(detection, camera.intrinsics);
      worst_level_deg =
          std::max(worst_level_deg, std::abs(level.bearing_deg - place.bearing_deg()));
      worst_level_m = std::max(worst_level_m, std::abs(*level.distance_m - place.distance()));
    }
  }
  // The test tests something.
  EXPECT_GT(worst_level_deg, 4);
  EXPECT_GT(worst_level_m, 0.4);
}

TEST(TiltedCamera, TakenForLevelDepthAlongTheAxisAndThePicturesBearingTell) {
  const TiltedCamera camera({28, 0});
  const Detection detection = camera.seen({1, 3});
  const Track track = before(detection, camera.intrinsics);
  const double tangent = (detection.box.centre_x() - camera.intrinsics.cx) / camera.intrinsics.fx;
  EXPECT_NEAR(track.bearing_deg, std::atan(tangent) / kRad, 0.01);
  EXPECT_NEAR(*track.distance_m, detection.depth->depth_m * std::hypot(1, tangent), 0.01);
}

TEST(TiltedCamera, KnownHeightsTellDistancesOverTheGround) {
  for (const Tilt& tilt : {Tilt{0, 0}, Tilt{20, 0}, Tilt{20, 8}, Tilt{-10, 0}}) {
    const TiltedCamera camera(tilt);
    for (const Place& place : {Place{0, 4}, Place{1.5, 4}, Place{-2, 6}}) {
      const Track track = before(camera.seen(place, false), camera.view(), kOfKnownHeight);
      ASSERT_TRUE(track.distance_m);
      // The cylinder's near and far rims make the box higher than its axis.
      EXPECT_NEAR(*track.distance_m, place.distance(), 0.08 * place.distance())
          << tilt.pitch_deg << " " << tilt.roll_deg << " " << place.right << " " << place.ahead;
    }
  }
}

TEST(TiltedCamera, WhoIsWalkedUpToComesAsFastAsTheWalkerGoes) {
  const TiltedCamera camera({28, 0});
  Tracker tracker({}, kOfAnyHeight);
  for (int i = 0; i < 60; ++i) {
    const double t = i / kFps;
    const Place place{0.8, 5 - 1.2 * t};
    Detections detections;
    detections.stamp.stream_ns = std::llround(t * 1e9);
    detections.labels = kLabels;
    detections.items = {camera.seen(place)};
    const Tracks tracks = tracker.update(detections, {}, camera.view());
    if (t < 1) continue;
    ASSERT_EQ(tracks.items.size(), 1U);
    const Track& track = tracks.items[0];
    EXPECT_NEAR(track.bearing_deg, place.bearing_deg(), 1) << t;
    EXPECT_NEAR(*track.distance_m, place.distance(), 0.05 * place.distance()) << t;
    // To the walker: the part of his speed that is along the bearing, and the part across.
    const double bearing = place.bearing_deg() * kRad;
    EXPECT_NEAR(track.closing_speed_mps, 1.2 * std::cos(bearing), 0.2) << t;
    EXPECT_NEAR(track.bearing_rate_deg_s, 1.2 * std::sin(bearing) / place.distance() / kRad, 1.5)
        << t;
  }
}

TEST(TiltedCamera, ANodBringsNobodyNearer) {
  Tracker tracker({}, kOfAnyHeight);
  const Place place{-0.8, 3};
  double worst_m = 0, worst_mps = 0;
  for (int i = 0; i < 90; ++i) {
    const double t = i / kFps;
    const double pitch_deg = 15 - 15 * std::cos(2 * t);
    const TiltedCamera camera({pitch_deg, 0});
    Detections detections;
    detections.stamp.stream_ns = std::llround(t * 1e9);
    detections.labels = kLabels;
    detections.items = {camera.seen(place)};
    tracker.turn(detections.stamp.stream_ns, {0, -pitch_deg});
    const Tracks tracks = tracker.update(detections, {}, camera.view());
    if (t < 0.5) continue;
    ASSERT_EQ(tracks.items.size(), 1U);
    worst_m = std::max(worst_m, std::abs(*tracks.items[0].distance_m - place.distance()));
    worst_mps = std::max(worst_mps, std::abs(tracks.items[0].closing_speed_mps));
  }
  EXPECT_LT(worst_m, 0.15);
  EXPECT_LT(worst_mps, 0.5);
}

TEST(TiltedCamera, DoubtInHowItIsHeldIsDoubtInTheDistanceOfWhatLiesBelow) {
  const TiltedCamera camera({28, 0});
  const Place place{0, 2.5};
  const Detection detection = camera.seen(place);
  const Track sure = before(detection, camera.view(0));
  const Track unsure = before(detection, camera.view(8));
  const double more =
      std::sqrt(std::pow(unsure.distance_sigma_m, 2) - std::pow(sure.distance_sigma_m, 2)) /
      *sure.distance_m;
  // By how much it really would be off: the same picture of a camera held otherwise by so much.
  View wrong(camera.intrinsics);
  wrong.down = TiltedCamera({36, 0}).view().down;
  const double off = std::abs(*before(detection, wrong).distance_m / *sure.distance_m - 1);
  EXPECT_GT(off, 0.02);
  EXPECT_NEAR(more, off, 0.3 * off);
}

TEST(TiltedCamera, AllAroundItIsAsWithOneCamera) {
  const TiltedCamera camera({28, 10});
  const CameraPlace walker{};  // the camera's frame is the walker's
  const Depth no_depth;        // a look only refers to it
  View around = View::cylinder(600);
  around.down = camera.view().down;
  for (const Place& place : kPlaces) {
    Detections detections;
    detections.labels = kLabels;
    detections.items = {camera.seen(place)};
    Tracker tracker({}, kOfAnyHeight);
    Tracks tracks;
    for (int i = 0; i < 30; ++i) {
      detections.stamp.stream_ns = std::llround(i / kFps * 1e9);
      const std::vector<CameraLook> looks{{walker, camera.intrinsics, detections, no_depth}};
      tracks = tracker.update(looks, around);
    }
    ASSERT_EQ(tracks.items.size(), 1U);
    const Track flat = before(detections.items[0], camera.view());
    const Track& track = tracks.items[0];
    EXPECT_NEAR(track.bearing_deg, flat.bearing_deg, 1);
    EXPECT_NEAR(*track.distance_m, *flat.distance_m, 0.03 * *flat.distance_m);
    // And back into the camera's picture.
    const Box box = box_in_picture(track.box, track.distance_m, around, walker, camera.intrinsics);
    EXPECT_GT(iou(box, detections.items[0].box), 0.85);
  }
}

}  // namespace
}  // namespace lazarillo
