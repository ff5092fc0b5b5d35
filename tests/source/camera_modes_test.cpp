#include "source/camera_modes.h"

#include <gmock/gmock.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include "error.h"

namespace lazarillo {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::Optional;

/// As a webcam of a usual make answers.
const char* const kWebcam =
    "video/x-raw, format=(string)YUY2, width=(int)640, height=(int)480, framerate=(fraction){ "
    "30/1, "
    "15/1 }; "
    "video/x-raw, format=(string)YUY2, width=(int)1280, height=(int)720, framerate=(fraction)10/1; "
    "image/jpeg, width=(int)640, height=(int)480, framerate=(fraction){ 60/1, 30/1 }; "
    "image/jpeg, width=(int)1280, height=(int)720, framerate=(fraction){ 60/1, 30000/1001 }; "
    "image/jpeg, width=(int)1920, height=(int)1080, framerate=(fraction)30/1; "
    "video/x-bayer, format=(string)bggr8, width=(int)640, height=(int)480, "
    "framerate=(fraction)90/1";

constexpr double kNtsc = 30000.0 / 1001;

ModeWish wish(const std::string& text) { return mode_wish(text); }

TEST(CameraModes, OfAWebcam) {
  EXPECT_THAT(
      camera_modes(kWebcam),
      ElementsAre(CameraMode{"YUY2", 640, 480, 30, 30}, CameraMode{"YUY2", 640, 480, 15, 15},
                  CameraMode{"YUY2", 1280, 720, 10, 10}, CameraMode{"JPEG", 640, 480, 60, 60},
                  CameraMode{"JPEG", 640, 480, 30, 30}, CameraMode{"JPEG", 1280, 720, 60, 60},
                  CameraMode{"JPEG", 1280, 720, kNtsc, kNtsc},
                  CameraMode{"JPEG", 1920, 1080, 30, 30}));
}

TEST(CameraModes, OfRangesAndLists) {
  const auto modes = camera_modes(
      "video/x-raw, format=(string){ NV12, NOT_ONE }, width=(int)[ 160, 1280, 8 ], height=(int)[ "
      "120, "
      "720 ], framerate=(fraction)[ 1/1, 50/1 ]; video/x-raw(memory:DMABuf), format=(string)NV12, "
      "width=(int)640, height=(int)480, framerate=(fraction)30/1");
  EXPECT_THAT(
      modes,
      ElementsAre(CameraMode{"NV12", 320, 240, 50, 1}, CameraMode{"NV12", 640, 480, 50, 1},
                  CameraMode{"NV12", 800, 600, 50, 1}, CameraMode{"NV12", 1280, 720, 50, 1}));
  EXPECT_TRUE(camera_modes("ANY").empty());
  EXPECT_TRUE(camera_modes("EMPTY").empty());
  EXPECT_TRUE(camera_modes("this is no caps;").empty());
}

TEST(CameraModes, TheBest) {
  const auto modes = camera_modes(kWebcam);
  EXPECT_THAT(best_mode(modes, wish("auto")), Optional(CameraMode{"JPEG", 1280, 720, 60, 60}));
  EXPECT_THAT(best_mode(modes, wish("YUYV")), Optional(CameraMode{"YUY2", 640, 480, 30, 30}));
  EXPECT_THAT(best_mode(modes, wish("640x480")), Optional(CameraMode{"JPEG", 640, 480, 60, 60}));
  EXPECT_THAT(best_mode(modes, wish("640x480@30")), Optional(CameraMode{"YUY2", 640, 480, 30, 30}));
  EXPECT_THAT(best_mode(modes, wish("1920x1080 mjpg")),
              Optional(CameraMode{"JPEG", 1920, 1080, 30, 30}));
  EXPECT_THAT(best_mode(modes, wish("@120")), Eq(std::nullopt));
  EXPECT_THAT(best_mode(modes, wish("H264")), Eq(std::nullopt));
  ModeWish card;
  card.compressed_only = true;
  EXPECT_THAT(best_mode({{"YUY2", 1280, 720, 60, 60}, {"JPEG", 640, 480, 30, 30}}, card),
              Optional(CameraMode{"JPEG", 640, 480, 30, 30}));
  // Equal worth: what needs no decoding, then what is smaller.
  EXPECT_THAT(best_mode({{"JPEG", 640, 480, 30, 30}, {"YUY2", 640, 480, 30, 30}}, {}),
              Optional(CameraMode{"YUY2", 640, 480, 30, 30}));
  EXPECT_THAT(best_mode({{"YUY2", 1920, 1080, 60, 60}, {"YUY2", 1280, 720, 60, 60}}, {}),
              Optional(CameraMode{"YUY2", 1280, 720, 60, 60}));
}

TEST(CameraModes, AskedForAsTheyAreOffered) {
  // What is asked for must be something the camera has: GStreamer itself says whether.
  const auto modes = camera_modes(kWebcam);
  GstCaps* offered = gst_caps_from_string(kWebcam);
  for (const char* text : {"auto", "YUYV", "1280x720@30", "640x480@15 YUYV"}) {
    const auto best = best_mode(modes, wish(text));
    ASSERT_TRUE(best) << text;
    GstCaps* asked = gst_caps_from_string(caps_of(*best).c_str());
    ASSERT_NE(asked, nullptr);
    EXPECT_TRUE(gst_caps_can_intersect(offered, asked)) << text << ": " << caps_of(*best);
    gst_caps_unref(asked);
  }
  gst_caps_unref(offered);
}

TEST(CameraModes, WishesThatMeanNothing) {
  for (const char* text :
       {"", "640", "640x", "x480", "640x480@", "@", "640x480@30@30", "fast!", "999999x1"}) {
    try {
      (void)mode_wish(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), HasSubstr("1280x720@30 JPEG"));
    }
  }
}

}  // namespace
}  // namespace lazarillo
