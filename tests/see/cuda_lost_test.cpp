// A card that is lost in the middle of a run: a kernel that crashes takes everything on the card
// with it, as far as this process is concerned. A program of its own, since nothing on the card
// works in it afterwards.

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "error.h"
#include "gpu/device.h"
#include "infer/model_set.h"
#include "see/perception.h"

namespace lazarillo {

void crash_on_card();  // crash.cu

namespace {

Frame grey_frame() {
  static const std::vector<std::uint8_t> pixels(std::size_t{3} * 640 * 480, 90);
  Frame frame;
  frame.width = 640;
  frame.height = 480;
  frame.stride_bytes = 3 * 640;
  frame.intrinsics = Intrinsics::from_hfov(69, 640, 480);
  frame.pixels = {std::shared_ptr<void>(), pixels.data()};
  return frame;
}

TEST(CudaLost, EveryFrameSaysSoAndNothingHangs) {
  std::unique_ptr<Perception> eyes;
  try {
    PerceptionOptions options;
    options.engine = "tensorrt";
    eyes = std::make_unique<Perception>(load_model_set("lznet-half", {LZ_SOURCE_DIR "/models"}),
                                        options);
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_EQ(eyes->see(grey_frame()).fault, "");
  EXPECT_FALSE(gpu_lost());
  crash_on_card();
  for (int i = 0; i < 3; ++i) {
    const Sighting sighting = eyes->see(grey_frame());
    EXPECT_NE(sighting.fault.find("started anew"), std::string::npos) << sighting.fault;
    EXPECT_EQ(sighting.fault.find('\n'), std::string::npos);
    EXPECT_TRUE(sighting.detections.items.empty());
    EXPECT_TRUE(gpu_lost());
  }
  eyes.reset();  // what it gives back is gone already
}

}  // namespace
}  // namespace lazarillo
