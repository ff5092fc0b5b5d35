#include "track/common_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>
#include <set>

#include "guide/guide.h"
#include "track/range.h"
#include "track/tracker.h"

// People as upright cylinders, seen by made-up cameras: what they show is worked out here from the
// places of points, what comes out is compared with where the people are.

namespace lazarillo {
namespace {

constexpr double kRad = std::numbers::pi / 180;
const auto kLabels =
    std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"person", "car"});
const ObjectCatalog kCatalog({{"person", ObjectKind::person, 1.7, 0.1, 1.7, 4.5},
                              {"car", ObjectKind::vehicle}});

using Point = std::array<double, 3>;  // right, down, ahead of the walker, metres

struct Person {
  double right = 0, ahead = 0;
  double height = 1.7, radius = 0.22;
  [[nodiscard]] double bearing_deg() const { return std::atan2(right, ahead) / kRad; }
  [[nodiscard]] double distance_m() const { return std::hypot(right, ahead); }
};
constexpr double kEyes_m = 1.6;  // the walker's, above the ground

struct Camera {
  CameraPlace place;
  Intrinsics intrinsics;
};

/// Yawed to the right, then tilted up, at a place of the walker's frame.
Camera camera_at(double yaw_deg, double pitch_deg, Point position, double hfov_deg, int width,
                 int height) {
  const double cy = std::cos(yaw_deg * kRad), sy = std::sin(yaw_deg * kRad);
  const double cp = std::cos(pitch_deg * kRad), sp = std::sin(pitch_deg * kRad);
  Camera camera;
  // Columns: what is right, below and ahead of it.
  camera.place.rotation = {cy, sy * sp, sy * cp, 0, cp, -sp, -sy, cy * sp, cy * cp};
  camera.place.position_m = position;
  camera.intrinsics = Intrinsics::from_hfov(hfov_deg, width, height, false);
  return camera;
}

/// As on Aria's first glasses.
std::vector<Camera> glasses() {
  return {camera_at(0, 0, {0, 0, 0}, 100, 1408, 1408),
          camera_at(-38.4, 4.8, {-0.012, 0.005, -0.004}, 100, 480, 640),
          camera_at(37.7, 4.9, {0.125, 0.004, -0.005}, 100, 480, 640)};
}

class Scene {
 public:
  explicit Scene(std::vector<Camera> of) : cameras(std::move(of)) {}

  std::vector<Camera> cameras;
  double pixel_noise = 1.5;  // of each edge, pixels
  double depth_noise = 0.06;
  double stated_sigma = 0.12;
  bool depth = true;
  std::function<bool(std::size_t camera)> works = [](std::size_t) { return true; };

  /// What they see, and who it is in the same order.
  std::vector<Detections> look(const std::vector<Person>& people, std::int64_t stream_ns) {
    std::vector<Detections> all(cameras.size());
    for (std::size_t i = 0; i < cameras.size(); ++i) {
      all[i].stamp.camera = static_cast<int>(i);
      all[i].stamp.stream_ns = stream_ns;
      all[i].labels = kLabels;
      if (!works(i)) continue;
      for (const Person& person : people) {
        if (auto d = seen(cameras[i], person)) all[i].items.push_back(*d);
      }
    }
    return all;
  }

  std::vector<CameraLook> looks(const std::vector<Detections>& all) const {
    std::vector<CameraLook> looks;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!works(i)) continue;
      looks.push_back({cameras[i].place, cameras[i].intrinsics, all[i], no_depth_, {}});
    }
    return looks;
  }

 private:
  std::optional<Detection> seen(const Camera& camera, const Person& person) {
    double x1 = 1e9, y1 = 1e9, x2 = -1e9, y2 = -1e9;
    double nearest = 1e9;
    for (int i = 0; i < 72; ++i) {
      const double a = i * 5 * kRad;
      for (const double down : {kEyes_m - person.height, kEyes_m}) {
        const Point off{person.right + person.radius * std::cos(a) - camera.place.position_m[0],
                        down - camera.place.position_m[1],
                        person.ahead + person.radius * std::sin(a) - camera.place.position_m[2]};
        Point own{};
        for (std::size_t row = 0; row < 3; ++row) {
          for (std::size_t k = 0; k < 3; ++k) {
            own[row] += camera.place.rotation[3 * k + row] * off[k];
          }
        }
        if (own[2] < 0.1) return std::nullopt;
        const Intrinsics& c = camera.intrinsics;
        x1 = std::min(x1, c.cx + c.fx * own[0] / own[2]);
        x2 = std::max(x2, c.cx + c.fx * own[0] / own[2]);
        y1 = std::min(y1, c.cy + c.fy * own[1] / own[2]);
        y2 = std::max(y2, c.cy + c.fy * own[1] / own[2]);
        nearest = std::min(nearest, own[2]);
      }
    }
    const auto noisy = [&](double at) {
      return static_cast<float>(at +
                                pixel_noise * camera.intrinsics.width / 1000 * normal_(random_));
    };
    const Box whole{noisy(x1), noisy(y1), noisy(x2), noisy(y2)};
    const Box box = clipped(whole, camera.intrinsics.width, camera.intrinsics.height);
    if (box.width() < 6 || box.area() < 0.25F * whole.area()) return std::nullopt;
    Detection detection{box, static_cast<float>(0.75 + 0.05 * normal_(random_)), 0, {}, {}, -1};
    if (depth) {
      const double middle = nearest + person.radius;
      detection.depth = BoxDepth{static_cast<float>(middle * (1 + depth_noise * normal_(random_))),
                                 static_cast<float>(stated_sigma)};
    }
    return detection;
  }

  std::mt19937 random_{7};
  std::normal_distribution<double> normal_;
  Depth no_depth_;
};

const View kView = View::cylinder(590);

// ---- geometry

TEST(CommonView, APlaceFarAwayHasTheBearingThatItHasWhicheverCameraSeesIt) {
  Scene scene(glasses());
  scene.pixel_noise = 0;
  scene.depth_noise = 0;
  for (double bearing = -84; bearing <= 84; bearing += 4) {
    const Person person{10 * std::sin(bearing * kRad), 10 * std::cos(bearing * kRad)};
    int seen = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      scene.works = [i](std::size_t camera) { return camera == i; };
      const auto all = scene.look({person}, 0);
      const Detections found = joined(scene.looks(all), kCatalog, kView);
      for (const Detection& d : found.items) {
        if (d.cut->count() > 0) continue;
        ++seen;
        EXPECT_NEAR(kView.bearing_deg(d.box.centre_x()), bearing, 0.4) << "camera " << i;
        EXPECT_EQ(d.camera, static_cast<int>(i));
        EXPECT_NEAR(d.depth->depth_m, 10, 0.2);
        // As high as it stands there: h / d.
        EXPECT_NEAR(d.box.height() / 590, 1.7 / 10, 0.008);
      }
    }
    EXPECT_GE(seen, 1) << bearing;
  }
}

TEST(CommonView, WhatIsNearIsPlacedByItsDistance) {
  Scene scene(glasses());
  scene.pixel_noise = 0;
  scene.depth_noise = 0;
  // 12.5 cm between the cameras are 7 degrees at 1 m.
  for (const double distance : {1.0, 1.5, 2.5, 6.0}) {
    for (const double bearing : {10.0, 25.0, 40.0}) {
      const Person person{distance * std::sin(bearing * kRad), distance * std::cos(bearing * kRad),
                          1.7, 0.1};
      scene.works = [](std::size_t camera) { return camera == 2; };
      const auto all = scene.look({person}, 0);
      const Detections found = joined(scene.looks(all), kCatalog, kView);
      ASSERT_EQ(found.items.size(), 1U) << distance << " " << bearing;
      EXPECT_NEAR(kView.bearing_deg(found.items[0].box.centre_x()), bearing, 0.8) << distance;
      EXPECT_NEAR(found.items[0].depth->depth_m, distance, 0.1 * distance);
    }
  }
}

TEST(CommonView, OneThatSeveralCamerasSeeIsOneAndTheWholeBoxStays) {
  Scene scene(glasses());
  scene.pixel_noise = 0;
  scene.depth_noise = 0;
  for (double bearing = -80; bearing <= 80; bearing += 2) {
    for (const double distance : {1.2, 2.0, 4.0, 9.0}) {
      const Person person{distance * std::sin(bearing * kRad), distance * std::cos(bearing * kRad)};
      const auto all = scene.look({person}, 0);
      const Detections found = joined(scene.looks(all), kCatalog, kView);
      ASSERT_EQ(found.items.size(), 1U) << bearing << " at " << distance;
      int whole = 0;
      for (std::size_t i = 0; i < 3; ++i) {
        for (const Detection& d : all[i].items) {
          const CutSides cut = cut_sides(d.box, scene.cameras[i].intrinsics);
          whole += cut.left || cut.right ? 0 : 1;
        }
      }
      const CutSides cut = *found.items[0].cut;
      if (whole > 0) {
        EXPECT_FALSE(cut.left || cut.right) << bearing << " at " << distance;
      }
      if (cut.left || cut.right) continue;
      EXPECT_NEAR(kView.bearing_deg(found.items[0].box.centre_x()), bearing, 2) << distance;
    }
  }
}

TEST(CommonView, TwoBesideEachOtherStayTwoWhoeverSeesThem) {
  Scene scene(glasses());
  int looks = 0;
  int three = 0;
  for (int round = 0; round < 20; ++round) {
    for (double bearing = -70; bearing <= 70; bearing += 2) {
      const double distance = 3;
      const double apart = 0.6 / distance / kRad / 2;  // shoulder to shoulder
      std::vector<Person> people;
      for (const double b : {bearing - apart, bearing + apart}) {
        people.push_back({distance * std::sin(b * kRad), distance * std::cos(b * kRad)});
      }
      const auto all = scene.look(people, 0);
      std::size_t most = 0;
      for (const Detections& d : all) most = std::max(most, d.items.size());
      if (most < 2) continue;
      const std::size_t found = joined(scene.looks(all), kCatalog, kView).items.size();
      EXPECT_GE(found, 2U) << bearing;
      ++looks;
      three += found > 2 ? 1 : 0;
    }
  }
  // Distances that differ by more than three sigmas: by chance 0.3 % of two cameras' do.
  EXPECT_GT(looks, 1000);
  EXPECT_LT(three, looks / 200);
}

TEST(CommonView, OneBehindTheOtherAreTwoByTheirDistance) {
  // The left camera sees the near one only, the forward camera the far one only.
  Scene scene(glasses());
  const double bearing = -30;
  const auto at = [&](double d) {
    return Person{d * std::sin(bearing * kRad), d * std::cos(bearing * kRad)};
  };
  auto all = scene.look({at(2)}, 0);
  all[0] = scene.look({at(6)}, 0)[0];
  all[2].items.clear();
  EXPECT_EQ(joined(scene.looks(all), kCatalog, kView).items.size(), 2U);
  // In one place they are one, whatever the network says of the distance.
  const auto one = scene.look({at(4)}, 0);
  all = one;
  all[2].items.clear();
  for (Detection& d : all[1].items) d.depth->depth_m *= 1.6F;
  EXPECT_EQ(joined(scene.looks(all), kCatalog, kView).items.size(), 1U);
  // Of another kind they are two, too.
  all = scene.look({at(4)}, 0);
  for (Detection& d : all[1].items) d.class_id = 1;
  EXPECT_EQ(joined(scene.looks(all), kCatalog, kView).items.size(), 2U);
}

TEST(CommonView, ABoxGoesBackToThePictureItCameFrom) {
  Scene scene(glasses());
  scene.pixel_noise = 0;
  scene.depth_noise = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    scene.works = [i](std::size_t camera) { return camera == i; };
    const double yaw = i == 0 ? 0 : i == 1 ? -40 : 40;
    for (const double off : {-30.0, -10.0, 0.0, 20.0}) {
      const double bearing = yaw + off;
      const Person person{4 * std::sin(bearing * kRad), 4 * std::cos(bearing * kRad)};
      const auto all = scene.look({person}, 0);
      ASSERT_EQ(all[i].items.size(), 1U);
      const Box& box = all[i].items[0].box;
      const Detections found = joined(scene.looks(all), kCatalog, kView);
      // By the very distance that it was placed by.
      const double distance = found.items[0].depth->depth_m;
      const Box back = box_in_picture(found.items[0].box, distance, kView, scene.cameras[i].place,
                                      scene.cameras[i].intrinsics);
      const float tolerance = 0.02F * static_cast<float>(scene.cameras[i].intrinsics.width);
      EXPECT_NEAR(back.x1, box.x1, tolerance);
      EXPECT_NEAR(back.x2, box.x2, tolerance);
      EXPECT_NEAR(back.y1, box.y1, tolerance);
      EXPECT_NEAR(back.y2, box.y2, tolerance);
    }
  }
  // What is behind the walker is in no forward picture.
  const Box behind{100, 2000, 140, 2200};
  const Box none =
      box_in_picture(behind, 3, kView, scene.cameras[0].place, scene.cameras[0].intrinsics);
  EXPECT_EQ(none.area(), 0);
}

// ---- followed

struct Followed {
  std::set<int> ids;
  std::set<int> cameras;
  std::size_t most = 0;
  double worst_bearing_deg = 0;
  double worst_place = 0;  ///< of the distance
  double place_sum = 0;
  int places = 0;
  std::vector<Cue> cues;
};

/// A person goes the way given, seconds by seconds; compared once they have been followed a while.
Followed follow(Scene& scene, double seconds, const std::function<Person(double)>& way,
                double fps = 20) {
  Tracker tracker({}, kCatalog);
  Guide guide{GuideOptions{}};
  Followed result;
  for (int i = 0; i < static_cast<int>(seconds * fps); ++i) {
    const double t = i / fps;
    const Person person = way(t);
    const auto all = scene.look({person}, std::llround(t * 1e9));
    const Tracks tracks = tracker.update(scene.looks(all), kView);
    Vision vision;
    vision.last_seen_ns = tracks.stamp.stream_ns;
    for (Cue& cue : guide.update(tracks, vision)) result.cues.push_back(std::move(cue));
    result.most = std::max(result.most, tracks.items.size());
    for (const Track& track : tracks.items) {
      result.ids.insert(track.id);
      result.cameras.insert(track.camera);
      if (t < 1 || !track.distance_m) continue;
      const double off_deg = std::abs(track.bearing_deg - person.bearing_deg());
      result.worst_bearing_deg = std::max(result.worst_bearing_deg, off_deg);
      const double b = track.bearing_deg * kRad;
      const double off = std::hypot(*track.distance_m * std::sin(b) - person.right,
                                    *track.distance_m * std::cos(b) - person.ahead) /
                         person.distance_m();
      result.worst_place = std::max(result.worst_place, off);
      result.place_sum += off;
      ++result.places;
    }
  }
  return result;
}

TEST(CommonView, HandedOverFromTheLeftOverAheadToTheRightKeepsItsIdAndIsToldOnce) {
  // Around the walker at 4 m, from -80 to 80 degrees in 5 s (2.2 m/s).
  Scene scene(glasses());
  const Followed f = follow(scene, 5, [](double t) {
    const double bearing = (-80 + 32 * t) * kRad;
    return Person{4 * std::sin(bearing), 4 * std::cos(bearing)};
  });
  EXPECT_EQ(f.ids.size(), 1U);
  EXPECT_EQ(f.most, 1U);
  EXPECT_EQ(f.cameras, (std::set<int>{0, 1, 2}));
  EXPECT_LT(f.worst_bearing_deg, 2);
  EXPECT_LT(f.worst_place, 0.12);
  EXPECT_LT(f.place_sum / f.places, 0.05);
  ASSERT_EQ(f.cues.size(), 1U);
  EXPECT_EQ(f.cues[0].side, Side::left);
  RecordProperty("bearing_deg", std::to_string(f.worst_bearing_deg));
  RecordProperty("place", std::to_string(f.worst_place));
}

TEST(CommonView, PassingByOnAStraightLineKeepsItsIdAndItsPlace) {
  Scene scene(glasses());
  for (const double ahead : {1.5, 3.0}) {
    const Followed f = follow(scene, 11, [ahead](double t) { return Person{-8 + 1.5 * t, ahead}; });
    EXPECT_EQ(f.ids.size(), 1U) << ahead;
    EXPECT_EQ(f.most, 1U) << ahead;
    EXPECT_LT(f.worst_bearing_deg, 3) << ahead;
    EXPECT_LT(f.place_sum / f.places, 0.06) << ahead;
  }
}

TEST(CommonView, WithoutADepthMapKnownHeightsPlaceIt) {
  Scene scene(glasses());
  scene.depth = false;
  const Followed f = follow(scene, 5, [](double t) {
    const double bearing = (-80 + 32 * t) * kRad;
    return Person{4 * std::sin(bearing), 4 * std::cos(bearing)};
  });
  EXPECT_EQ(f.ids.size(), 1U);
  EXPECT_EQ(f.most, 1U);
  EXPECT_LT(f.worst_bearing_deg, 2);
  EXPECT_LT(f.place_sum / f.places, 0.1);
}

TEST(CommonView, ACameraThatDropsOutTakesNobodyAheadWithIt) {
  Scene scene(glasses());
  double now = 0;
  scene.works = [&now](std::size_t camera) { return camera != 1 || now < 1 || now > 3; };
  const Followed f = follow(scene, 5, [&now](double t) {
    now = t;
    const double bearing = (-35 + 14 * t) * kRad;
    return Person{3 * std::sin(bearing), 3 * std::cos(bearing)};
  });
  EXPECT_EQ(f.ids.size(), 1U);
  EXPECT_LT(f.worst_bearing_deg, 2);
}

TEST(CommonView, TwoPeopleWhoCrossTheBorderOfCamerasSideBySideStayTwo) {
  Scene scene(glasses());
  Tracker tracker({}, kCatalog);
  std::set<int> ids;
  std::size_t most = 0;
  for (int i = 0; i < 120; ++i) {
    const double bearing = -75 + 1.25 * i;  // 25 degrees a second
    std::vector<Person> people;
    for (const double b : {bearing - 5.5, bearing + 5.5}) {
      people.push_back({3.5 * std::sin(b * kRad), 3.5 * std::cos(b * kRad)});
    }
    const auto all = scene.look(people, i * 50'000'000LL);
    const Tracks tracks = tracker.update(scene.looks(all), kView);
    most = std::max(most, tracks.items.size());
    for (const Track& track : tracks.items) ids.insert(track.id);
    if (i < 10) continue;
    ASSERT_EQ(tracks.items.size(), 2U) << bearing;
    const bool first_left = tracks.items[0].bearing_deg < tracks.items[1].bearing_deg;
    EXPECT_EQ(tracks.items[0].id < tracks.items[1].id, first_left == (*ids.begin() == 1))
        << "who is left stays left";
  }
  EXPECT_EQ(ids.size(), 2U);
  EXPECT_EQ(most, 2U);
}

TEST(CommonView, AHeadThatTurnsHandsOverWhoStands) {
  // The walker turns from 80 degrees right of a person to 80 degrees left, 60 degrees a second; the
  // cameras at the side take their pictures 12 ms before the forward one.
  Scene scene(glasses());
  Tracker tracker({}, kCatalog);
  std::set<int> ids, cameras;
  double worst = 0;
  constexpr double kTurn_deg_s = 60;
  constexpr double kEarlier_s = 0.012;
  for (int i = 0; i < 54; ++i) {
    const double t = i * 0.05;
    const auto person = [&](double at_s) {
      const double bearing = (80 - kTurn_deg_s * at_s) * kRad;
      return Person{3 * std::sin(bearing), 3 * std::cos(bearing)};
    };
    const auto stream_ns = std::llround(t * 1e9);
    auto all = scene.look({person(t)}, stream_ns);
    const auto before = scene.look({person(t - kEarlier_s)}, stream_ns);
    all[1] = before[1];
    all[2] = before[2];
    std::vector<CameraLook> looks = scene.looks(all);
    looks[0].turned = CameraTurn{kTurn_deg_s * t, 0};
    looks[1].turned = looks[2].turned = CameraTurn{kTurn_deg_s * (t - kEarlier_s), 0};
    tracker.turn(stream_ns, {kTurn_deg_s * t, 0});
    for (const Track& track : tracker.update(looks, kView).items) {
      ids.insert(track.id);
      cameras.insert(track.camera);
      if (t < 0.5) continue;
      worst = std::max(worst, std::abs(track.bearing_deg - person(t).bearing_deg()));
      // It stands: who turns does not make it move.
      EXPECT_LT(std::abs(track.bearing_rate_deg_s), 12) << t;
    }
  }
  EXPECT_EQ(ids.size(), 1U);
  EXPECT_EQ(cameras, (std::set<int>{0, 1, 2}));
  EXPECT_LT(worst, 2);
}

TEST(CommonView, TheForwardCameraAloneIsAsAFlatPictureHasIt) {
  // One camera through the common view, and as ever: the same bearings and distances.
  std::vector<Camera> one{camera_at(0, 0, {0, 0, 0}, 80, 1280, 720)};
  Scene scene(one);
  Tracker around({}, kCatalog);
  Tracker flat({}, kCatalog);
  const View view = View::cylinder(one[0].intrinsics.fx);
  for (int i = 0; i < 60; ++i) {
    const Person person{-1 + 0.02 * i, 6 - 0.05 * i};
    const auto all = scene.look({person}, i * 40'000'000LL);
    const Tracks a = around.update(scene.looks(all), view);
    const Tracks b = flat.update(all[0], {}, one[0].intrinsics);
    ASSERT_EQ(a.items.size(), b.items.size());
    if (i < 20) continue;
    ASSERT_EQ(a.items.size(), 1U);
    EXPECT_NEAR(a.items[0].bearing_deg, b.items[0].bearing_deg, 0.3);
    EXPECT_NEAR(*a.items[0].distance_m, *b.items[0].distance_m, 0.02 * person.distance_m());
    EXPECT_NEAR(a.items[0].closing_speed_mps, b.items[0].closing_speed_mps, 0.1);
  }
}

}  // namespace
}  // namespace lazarillo
