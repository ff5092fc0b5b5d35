// Pictures of several cameras at one moment, in one call of a network on an NVIDIA card. Needs the
// network compiled: lazarillo engine build --models lznet-half --batch 3

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "error.h"
#include "frames.h"
#include "see/perception.h"
#include "source/lens.h"
#include "source/source.h"

namespace lazarillo {
namespace {

/// A photograph as a camera of this size would have it, from its top left corner on.
Frame photograph(const std::string& name, int camera, int width, int height, PixelFormat format) {
  const auto source = open_source(LZ_SOURCE_DIR "/data/check/" + name, {});
  const Frame whole = source->next().value();
  Frame frame = test::make_frame(
      width, height,
      [&](int x, int y, int c) {
        const int from_x = x * whole.width / width;
        const int from_y = y * whole.height / height;
        return whole.pixels.get()[from_y * whole.stride_bytes + 3 * from_x + c];
      },
      3, format);
  frame.stamp.camera = camera;
  frame.intrinsics = Intrinsics::from_hfov(80, width, height, false);
  return frame;
}

/// As if a fisheye lens, turned on its side or not, had taken it.
void put_lens_before(Frame& frame, int quarter_turns) {
  const double f = 0.6 * frame.width;
  frame.lens = std::make_shared<const Lens>(
      Intrinsics{f, f, 0.5 * frame.width, 0.5 * frame.height, frame.width, frame.height, false},
      KannalaBrandt{{0.02, -0.01, 0, 0}}, LensMounting{quarter_turns});
  frame.intrinsics =
      Intrinsics::from_hfov(80, frame.lens->upright_width(), frame.lens->upright_height(), false);
}

/// Three cameras of as many kinds: colour behind a fisheye, grey on its side behind another, colour
/// without a lens.
std::vector<Frame> moment() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(LZ_SOURCE_DIR "/data/check")) {
    if (entry.path().extension() == ".jpg") names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  std::vector<Frame> frames{photograph(names.at(0), 0, 1408, 1408, PixelFormat::bgr8),
                            photograph(names.at(1), 1, 640, 480, PixelFormat::gray8),
                            photograph(names.at(2), 2, 640, 480, PixelFormat::bgr8)};
  put_lens_before(frames[0], 0);
  put_lens_before(frames[1], 1);
  return frames;
}

/// Every box of `wanted` whose score is at least `sure` is in `got`.
void expect_in(const Sighting& wanted, const Sighting& got, float sure, float overlap,
               float score_slack, const std::string& what) {
  for (const Detection& w : wanted.detections.items) {
    if (w.score < sure) continue;
    const auto same = [&](const Detection& g) {
      return g.class_id == w.class_id && iou(g.box, w.box) >= overlap &&
             std::abs(g.score - w.score) <= score_slack;
    };
    const auto& items = got.detections.items;
    const auto found = std::find_if(items.begin(), items.end(), same);
    EXPECT_NE(found, items.end()) << what << ": class " << w.class_id << ", score " << w.score
                                  << ", from " << w.box.x1 << ", " << w.box.y1;
    if (found == items.end() || !w.depth) continue;
    ASSERT_TRUE(found->depth) << what;
    EXPECT_NEAR(found->depth->depth_m, w.depth->depth_m, 0.03 * w.depth->depth_m) << what;
  }
}

std::unique_ptr<Perception> eyes_on_card(const PerceptionOptions& options) {
  return std::make_unique<Perception>(load_model_set("lznet-half", {LZ_SOURCE_DIR "/models"}),
                                      options);
}

class CudaMoment : public testing::Test {
 protected:
  void SetUp() override {
    options.engine = "tensorrt";
    options.batch = 3;
    try {
      eyes = eyes_on_card(options);
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  PerceptionOptions options;
  std::unique_ptr<Perception> eyes;
  const std::vector<Frame> frames = moment();
};

TEST_F(CudaMoment, IsSeenInOneCallAsEachPictureAlone) {
  const std::vector<Sighting> together = eyes->see(frames);
  Perception processor(load_model_set("lznet", {LZ_SOURCE_DIR "/models"}), {.threads = 2});
  ASSERT_EQ(together.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string camera = "camera " + std::to_string(i);
    const Sighting alone = eyes->see(frames[i]);
    EXPECT_EQ(together[i].fault + alone.fault, "") << camera;
    EXPECT_EQ(together[i].detections.stamp.camera, static_cast<int>(i));
    ASSERT_FALSE(alone.detections.items.empty()) << camera;
    expect_in(alone, together[i], 0.15F, 0.97F, 0.02F, camera + " in one call");
    expect_in(together[i], alone, 0.15F, 0.97F, 0.02F, camera + " alone");
    const Sighting reference = processor.see(frames[i]);
    ASSERT_EQ(reference.fault, "");
    expect_in(reference, together[i], 0.3F, 0.9F, 0.05F, camera + " by the processor");
    // The first call's answers are not another's that came later.
    expect_in(eyes->see(frames)[i], together[i], 0.15F, 0.97F, 0.02F, camera + " once more");
  }
}

TEST_F(CudaMoment, ASlowerCameraCostsNoMapMore) {
  options.depth_interval = 6;
  const auto slow = eyes_on_card(options);
  std::vector<Frame> all = frames;
  const auto maps = [&](std::uint64_t number, std::size_t cameras) {
    all[0].stamp.sequence = number;
    std::string which;
    for (const Sighting& s : slow->see(std::span(all).first(cameras))) {
      which += std::holds_alternative<std::monostate>(s.depth) ? '-' : 'x';
    }
    return which;
  };
  EXPECT_EQ(maps(0, 1), "x");
  EXPECT_EQ(maps(1, 3), "xxx") << "the others have none yet";
  EXPECT_EQ(maps(2, 1), "-");
  EXPECT_EQ(maps(3, 3), "---");
  EXPECT_EQ(maps(4, 1), "-");
  EXPECT_EQ(maps(5, 2), "--");
  EXPECT_EQ(maps(6, 3), "xxx") << "it is time again";
  EXPECT_EQ(maps(7, 1), "-");
}

}  // namespace
}  // namespace lazarillo
