#include "source/frame_sets.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <set>
#include <string>
#include <vector>

#include "source/lens.h"

namespace lazarillo {
namespace {

constexpr std::int64_t kMs = 1'000'000;

std::shared_ptr<const Rig> three_cameras() {
  Rig rig;
  for (const char* name : {"rgb", "slam-left", "slam-right"}) rig.cameras.push_back({name, {}});
  return std::make_shared<const Rig>(std::move(rig));
}

Frame picture(int camera, std::int64_t ms, std::uint64_t number = 0) {
  Frame frame;
  frame.stamp.camera = camera;
  frame.stamp.sequence = number;
  frame.stamp.capture_ns = frame.stamp.stream_ns = ms * kMs;
  return frame;
}

/// "0@100 1@103": cameras and milliseconds of a moment, the leading picture first.
std::string written(const Frame& frame) {
  const auto one = [](const Frame& f) {
    return fmt::format("{}@{}", f.stamp.camera, f.stamp.stream_ns / kMs);
  };
  std::string text = one(frame);
  for (const Frame& other : frame.set->others) text += fmt::format(" {}", one(other));
  return text;
}

class FrameSetsTest : public ::testing::Test {
 protected:
  /// Adds a picture and returns what is complete then.
  std::vector<std::string> add(int camera, std::int64_t ms, std::int64_t offset_ms = 0) {
    sets.add(picture(camera, ms), (ms + offset_ms) * kMs);
    return taken();
  }
  std::vector<std::string> taken() {
    std::vector<std::string> moments;
    while (auto frame = sets.take()) {
      EXPECT_EQ(frame->stamp.sequence, number++);
      moments.push_back(written(*frame));
    }
    return moments;
  }
  FrameSets sets{three_cameras()};
  std::uint64_t number = 0;
};

using Moments = std::vector<std::string>;

TEST_F(FrameSetsTest, PicturesOfOneMomentAreGivenAtOnce) {
  for (int i = 0; i < 10; ++i) {
    const std::int64_t t = 100 + 33 * i;
    EXPECT_EQ(add(0, t), Moments{});
    EXPECT_EQ(add(1, t), Moments{});
    EXPECT_EQ(add(2, t), Moments{fmt::format("0@{0} 1@{0} 2@{0}", t)});
  }
  EXPECT_EQ(sets.passed_over(), 0U);
}

TEST_F(FrameSetsTest, ASlowerCameraIsThereInEverySecondMomentAndHoldsUpNone) {
  // Aria's first glasses: colour 20 a second, the sides 10.
  (void)add(0, 0), (void)add(1, 0), (void)add(2, 0);
  (void)add(0, 50), (void)add(0, 100), (void)add(1, 100), (void)add(2, 100);
  for (int i = 3; i < 12; ++i) {
    const std::int64_t t = 50 * i;
    if (i % 2 == 1) {
      EXPECT_EQ(add(0, t), Moments{fmt::format("0@{}", t)}) << "not one picture was waited for";
    } else {
      EXPECT_EQ(add(0, t), Moments{});
      EXPECT_EQ(add(1, t), Moments{});
      EXPECT_EQ(add(2, t), Moments{fmt::format("0@{0} 1@{0} 2@{0}", t)});
    }
  }
}

TEST_F(FrameSetsTest, OfAFasterCameraTheNearestPictureIsTaken) {
  // Glasses of the second generation: colour 10 a second, the sides 30, 7 ms before it.
  Moments moments;
  for (int i = 0; i < 30; ++i) {
    for (const int side : {1, 2}) {
      for (const std::string& m : add(side, 33 * i)) moments.push_back(m);
    }
    if (i % 3 == 0) {
      for (const std::string& m : add(0, 33 * i + 7)) moments.push_back(m);
    }
  }
  for (std::size_t i = 1; i < moments.size(); ++i) {
    EXPECT_EQ(moments[i], fmt::format("0@{0} 1@{1} 2@{1}", 99 * i + 7, 99 * i));
  }
  EXPECT_GE(moments.size(), 9U);
}

TEST_F(FrameSetsTest, PicturesFartherApartThanHalfAGapAreOfNoMoment) {
  for (int i = 0; i < 4; ++i) {
    (void)add(0, 100 * i);
    (void)add(1, 100 * i);
    (void)add(2, 100 * i + 30);
  }
  (void)add(0, 400);
  (void)add(1, 400);
  EXPECT_EQ(add(2, 449), Moments{"0@400 1@400 2@449"});
  (void)add(0, 500);
  (void)add(1, 500);
  EXPECT_EQ(add(2, 551), Moments{"0@500 1@500"});
}

TEST_F(FrameSetsTest, ACameraThatDropsOutHoldsNobodyUp) {
  for (int i = 0; i < 4; ++i) (void)add(0, 33 * i), (void)add(1, 33 * i), (void)add(2, 33 * i);
  int alone = 0;
  for (int i = 4; i < 40; ++i) {
    Moments moments = add(0, 33 * i);
    for (std::string& m : add(1, 33 * i)) moments.push_back(std::move(m));
    ASSERT_LE(moments.size(), 2U);
    for (const std::string& m : moments) alone += m.find(" 1@") != std::string::npos ? 1 : 0;
    // Given out by the next picture at the latest, and at once when it is known to be gone.
    if (i > 16) {
      EXPECT_EQ(moments, Moments{fmt::format("0@{0} 1@{0}", 33 * i)});
    }
  }
  EXPECT_GE(alone, 35);
  // It is back.
  (void)add(0, 33 * 40), (void)add(1, 33 * 40), (void)add(2, 33 * 40);
  (void)add(0, 33 * 41), (void)add(1, 33 * 41);
  EXPECT_EQ(add(2, 33 * 41), Moments{"0@1353 1@1353 2@1353"});
}

TEST_F(FrameSetsTest, WithoutTheForwardCameraAnotherLeadsUntilItIsBack) {
  for (int i = 0; i < 4; ++i) (void)add(0, 33 * i), (void)add(1, 33 * i), (void)add(2, 33 * i);
  Moments moments;
  for (int i = 4; i < 30; ++i) {
    for (const int side : {1, 2}) {
      for (std::string& m : add(side, 33 * i)) moments.push_back(std::move(m));
    }
  }
  // Silence is noticed 300 ms after its last picture, at 99 ms.
  ASSERT_FALSE(moments.empty());
  EXPECT_EQ(moments.front(), "1@429 2@429");
  EXPECT_EQ(moments.back(), "1@957 2@957");
  (void)add(0, 990), (void)add(1, 990);
  EXPECT_EQ(add(2, 990), Moments{"0@990 1@990 2@990"});
}

TEST_F(FrameSetsTest, APictureThatComesLateStillJoinsAndOneThatIsTooLateIsPassedOver) {
  for (int i = 0; i < 4; ++i) (void)add(0, 33 * i), (void)add(1, 33 * i), (void)add(2, 33 * i);
  (void)add(0, 132);
  (void)add(2, 132);
  EXPECT_EQ(add(1, 132), Moments{"0@132 1@132 2@132"}) << "after the other side's";
  (void)add(0, 165);
  (void)add(2, 165);
  EXPECT_EQ(add(0, 198), Moments{"0@165 2@165"}) << "the next moment has come";
  EXPECT_EQ(add(1, 165), Moments{}) << "its moment is over";
  (void)add(2, 198);
  EXPECT_EQ(add(1, 198), Moments{"0@198 1@198 2@198"});
  EXPECT_EQ(sets.passed_over(), 1U);
}

TEST_F(FrameSetsTest, ClocksThatDifferAreToldByTheOffset) {
  // The left camera's clock is 500 ms behind.
  for (int i = 0; i < 6; ++i) {
    const std::int64_t t = 1000 + 40 * i;
    (void)add(0, t);
    (void)add(2, t);
    EXPECT_EQ(add(1, t - 500, 500), Moments{fmt::format("0@{0} 1@{1} 2@{0}", t, t - 500)});
  }
}

TEST_F(FrameSetsTest, LiveAMomentWaitsNoLongerThanIsLate) {
  for (int i = 0; i < 4; ++i) (void)add(0, 33 * i), (void)add(1, 33 * i), (void)add(2, 33 * i);
  EXPECT_EQ(add(0, 132), Moments{});
  EXPECT_FALSE(sets.overdue(191 * kMs));
  const auto frame = sets.overdue(193 * kMs);
  ASSERT_TRUE(frame);
  EXPECT_EQ(written(*frame), "0@132");
}

TEST_F(FrameSetsTest, AtTheEndNothingIsKeptBack) {
  (void)add(0, 0);
  (void)add(0, 33);
  (void)add(1, 33);
  std::vector<std::string> rest = taken();
  while (auto frame = sets.finish()) rest.push_back(written(*frame));
  ASSERT_FALSE(rest.empty());
  EXPECT_EQ(rest.back(), "0@33 1@33");
}

TEST_F(FrameSetsTest, NeverGivesAPictureTwiceOrATimeThatGoesBack) {
  std::set<std::pair<int, std::int64_t>> seen;
  std::int64_t last = -1;
  std::uint32_t random = 12345;
  const auto next = [&] { return (random = random * 1664525U + 1013904223U) >> 8U; };
  std::int64_t now[3] = {0, 5, 11};
  for (int i = 0; i < 5000; ++i) {
    const int camera = static_cast<int>(next() % 3);
    now[camera] += 20 + static_cast<std::int64_t>(next() % 60);
    sets.add(picture(camera, now[camera]), now[camera] * kMs);
    while (auto frame = sets.take()) {
      EXPECT_GT(frame->stamp.stream_ns, last);
      last = frame->stamp.stream_ns;
      std::vector<Frame> all = frame->set->others;
      all.push_back(*frame);
      std::set<int> cameras;
      for (const Frame& f : all) {
        EXPECT_TRUE(seen.emplace(f.stamp.camera, f.stamp.stream_ns).second);
        EXPECT_TRUE(cameras.insert(f.stamp.camera).second);
      }
    }
  }
  EXPECT_GT(seen.size(), 1500U);
}

// ---- where cameras are

CameraCalibration mounted(double yaw_deg, std::array<double, 3> position, int quarter_turns) {
  // The device's frame: x to the left, y up, z forward (as Aria's between the eyes). A camera
  // whose picture stands on its side looks yaw_deg to the right.
  const double yaw = yaw_deg * std::numbers::pi / 180;
  using Vector = std::array<double, 3>;
  const Vector ahead{-std::sin(yaw), 0, std::cos(yaw)};
  const Vector right{-std::cos(yaw), 0, -std::sin(yaw)};
  const Vector down{0, -1, 0};
  // A picture that must be turned clockwise once has the walker's down to its right, and the
  // walker's right upwards.
  Vector x = right;
  Vector y = down;
  for (int i = 0; i < quarter_turns; ++i) {
    const Vector old = x;
    x = y;
    y = {-old[0], -old[1], -old[2]};
  }
  CameraCalibration camera;
  Intrinsics intrinsics = Intrinsics::from_hfov(90, 64, 64, false);
  camera.lens = std::make_shared<const Lens>(intrinsics, LensModel{KannalaBrandt{}},
                                             LensMounting{quarter_turns});
  for (std::size_t row = 0; row < 3; ++row) {
    camera.device_from_camera[4 * row] = x[row];
    camera.device_from_camera[4 * row + 1] = y[row];
    camera.device_from_camera[4 * row + 2] = ahead[row];
    camera.device_from_camera[4 * row + 3] = position[row];
  }
  return camera;
}

TEST(Rig, ACameraAtTheSideIsPlacedHoweverItIsBuiltIn) {
  for (int forward_turns = 0; forward_turns < 4; ++forward_turns) {
    for (int turns = 0; turns < 4; ++turns) {
      const CameraCalibration forward = mounted(0, {0.06, 0.01, 0.02}, forward_turns);
      const CameraCalibration side = mounted(40, {-0.07, 0.03, 0.01}, turns);
      const CameraPlace place = place_of(forward, side);
      // 13 cm to the right (the device's x is to the left), 2 cm higher, 1 cm back.
      EXPECT_NEAR(place.position_m[0], 0.13, 1e-12);
      EXPECT_NEAR(place.position_m[1], -0.02, 1e-12);
      EXPECT_NEAR(place.position_m[2], -0.01, 1e-12);
      const double yaw = 40 * std::numbers::pi / 180;
      // Its axis, what is right of it, and what is below.
      EXPECT_NEAR(place.rotation[2], std::sin(yaw), 1e-12);
      EXPECT_NEAR(place.rotation[8], std::cos(yaw), 1e-12);
      EXPECT_NEAR(place.rotation[0], std::cos(yaw), 1e-12);
      EXPECT_NEAR(place.rotation[6], -std::sin(yaw), 1e-12);
      EXPECT_NEAR(place.rotation[4], 1, 1e-12);
    }
  }
}

TEST(FrameSetsNumbers, GoOnWhereAnEarlierCaptureStopped) {
  FrameSets sets(three_cameras(), 1'000);
  for (int i = 0; i < 3; ++i)
    sets.add(picture(0, 50 * i, static_cast<std::uint64_t>(i)), 50 * i * kMs);
  std::vector<std::uint64_t> numbers;
  while (auto frame = sets.finish()) numbers.push_back(frame->stamp.sequence);
  EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1'000, 1'001, 1'002}));
}

}  // namespace
}  // namespace lazarillo
