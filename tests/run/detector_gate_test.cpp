#include "run/detector_gate.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <vector>

#include "../see/frames.h"
#include "source/rig.h"
#include "track/view.h"

namespace lazarillo {
namespace {

constexpr int kWidth = 320, kHeight = 240;
constexpr double kRadPerDeg = std::numbers::pi / 180;
constexpr std::array<double, 3> kYaw_deg{0, -70, 70};  ///< how far to the right each looks
constexpr std::int64_t kStep_ns = 50'000'000;
constexpr Box kSpot{128, 80, 192, 144};  ///< a fifth of the picture's sides: 16 of its cells

/// Three cameras in one place; ahead, to the left, to the right.
std::shared_ptr<const Rig> rig() {
  auto made = std::make_shared<Rig>();
  for (const double yaw_deg : kYaw_deg) {
    const double c = std::cos(yaw_deg * kRadPerDeg);
    const double s = std::sin(yaw_deg * kRadPerDeg);
    made->cameras.push_back({"camera", {{c, 0, s, 0, 1, 0, -s, 0, c}, {}}});
  }
  return made;
}

class MomentGate : public testing::Test {
 protected:
  /// A picture of a wall; `bright`: where a spot shines.
  Frame picture(int camera, std::int64_t stream_ns, const std::optional<Box>& bright) const {
    Frame f = test::make_frame(
        kWidth, kHeight,
        [&](int x, int y, int) {
          const bool spot =
              bright && x >= bright->x1 && x < bright->x2 && y >= bright->y1 && y < bright->y2;
          const double wall = 120 + 50 * std::sin(x / 11.0) + 40 * std::sin(y / 7.0 + x / 31.0);
          return spot ? 250 : static_cast<int>(wall);
        },
        0, PixelFormat::gray8);
    f.intrinsics = Intrinsics::from_hfov(60, kWidth, kHeight);
    f.stamp = {camera, 1000 + sequence, 0, stream_ns};
    return f;
  }
  /// The next moment: these cameras give a picture; in that of `spot` something shines.
  Frame moment(const std::vector<int>& cameras, int spot = -1, const Box& where = kSpot) {
    const std::int64_t stream_ns = kStep_ns * static_cast<std::int64_t>(sequence);
    auto set = std::make_shared<FrameSet>();
    set->rig = view;
    Frame lead;
    for (const int camera : cameras) {
      Frame f = picture(camera, stream_ns, camera == spot ? std::optional(where) : std::nullopt);
      if (camera == cameras.front()) {
        lead = f;
      } else {
        set->others.push_back(f);
      }
    }
    lead.stamp.sequence = sequence++;
    lead.set = set;
    return lead;
  }
  /// Whoever looks sees these objects, for long.
  void foresee(std::vector<Foresight::Object> objects = {}) {
    board.push({1'000'000, 3'600'000'000'000, std::move(objects)});
  }
  /// What a box in the middle of the picture of a camera that looks `yaw_deg` to the right is in
  /// the common view, by the directions of its edges.
  Foresight::Object around(double yaw_deg, const Box& box) const {
    const View common = View::cylinder(view->px_per_rad);
    const Intrinsics camera = Intrinsics::from_hfov(60, kWidth, kHeight);
    const auto x = [&](double column) {
      const double bearing = yaw_deg * kRadPerDeg + std::atan((column - camera.cx) / camera.fx);
      return static_cast<float>(common.camera.cx + common.camera.fx * bearing);
    };
    const auto y = [&](double row) {
      return static_cast<float>(common.camera.cy +
                                common.camera.fy * (row - camera.cy) / camera.fy);
    };
    return {{x(box.x1), y(box.y1), x(box.x2), y(box.y2)}, 20};
  }

  std::shared_ptr<const Rig> view = rig();
  std::uint64_t sequence = 0;
  ForesightBoard board;
  GateOptions options{.enabled = true, .longest_s = 100};
  DetectorGate gate{options, board, false};
};

TEST_F(MomentGate, RestsWhileNoCameraSeesAnythingNew) {
  foresee();
  EXPECT_TRUE(gate.wants(moment({0, 1, 2}))) << "nothing was looked at yet";
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(gate.wants(moment({0, 1, 2})));
}

TEST_F(MomentGate, WakesForWhatAnyCameraSees) {
  foresee();
  for (const int camera : {0, 1, 2}) {
    EXPECT_EQ(gate.wants(moment({0, 1, 2})), camera == 0 || sequence > 1) << "as it was";
    EXPECT_TRUE(gate.wants(moment({0, 1, 2}, camera))) << "camera " << camera;
    EXPECT_FALSE(gate.wants(moment({0, 1, 2}, camera))) << "it has been looked at";
  }
}

TEST_F(MomentGate, KnowsWhereTracksAreInEachPicture) {
  for (std::size_t camera = 0; camera < 3; ++camera) {
    DetectorGate fresh(options, board, false);
    const auto index = static_cast<int>(camera);
    foresee({around(kYaw_deg[camera], kSpot)});
    EXPECT_TRUE(fresh.wants(moment({0, 1, 2})));
    EXPECT_FALSE(fresh.wants(moment({0, 1, 2}, index))) << "a track's own motion";
    EXPECT_TRUE(fresh.wants(moment({0, 1, 2}, (index + 1) % 3))) << "there is nobody";
  }
}

TEST_F(MomentGate, ATrackThatNoPictureOfThisMomentShowsExplainsNothing) {
  foresee({around(70, kSpot)});
  EXPECT_TRUE(gate.wants(moment({0, 1})));
  EXPECT_TRUE(gate.wants(moment({0, 1}, 1)));
  EXPECT_TRUE(gate.wants(moment({0, 1}, 0)));
}

TEST_F(MomentGate, ASlowerCameraKeepsWhatWasLookedAtLast) {
  foresee();
  EXPECT_TRUE(gate.wants(moment({0, 1, 2})));
  EXPECT_FALSE(gate.wants(moment({0})));
  EXPECT_FALSE(gate.wants(moment({0, 1, 2})));
  EXPECT_TRUE(gate.wants(moment({0}, 0))) << "the others were not asked";
  EXPECT_FALSE(gate.wants(moment({0}, 0)));
  EXPECT_TRUE(gate.wants(moment({0, 1}, 1))) << "and the first is as it was before";
}

TEST_F(MomentGate, NoCameraRestsForLongerThanTheLongest) {
  options.longest_s = 0.4;
  DetectorGate often(options, board, false);
  foresee();
  EXPECT_TRUE(often.wants(moment({0, 1})));
  for (int i = 1; i < 5; ++i) EXPECT_FALSE(often.wants(moment({0, 1})));
  EXPECT_TRUE(often.wants(moment({0}, 0)));  // not the side: it rests since 0.25 s
  EXPECT_FALSE(often.wants(moment({0}, 0)));
  EXPECT_FALSE(often.wants(moment({0}, 0)));
  EXPECT_TRUE(often.wants(moment({0, 1}, 0))) << "the side's picture of 0.4 s ago";
}

TEST_F(MomentGate, LooksWhenTheForesightHasRunOut) {
  board.push({1'000'000, 3 * kStep_ns, {}});
  EXPECT_TRUE(gate.wants(moment({0, 1, 2})));
  EXPECT_FALSE(gate.wants(moment({0, 1, 2})));
  EXPECT_FALSE(gate.wants(moment({0, 1, 2})));
  EXPECT_TRUE(gate.wants(moment({0, 1, 2})));
}

}  // namespace
}  // namespace lazarillo
