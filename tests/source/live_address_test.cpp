#include "source/live_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error.h"

namespace lazarillo {
namespace {

using testing::HasSubstr;
using Kind = LiveAddress::Kind;

TEST(LiveAddress, FilesAreNotLive) {
  for (const char* file : {"street.mp4", "/home/ana/street.mp4", "./camera", "a:b", "file:///a.mp4",
                           "/dev/video", "/dev/video7.mp4", "folder/rtsp:/x", "c://x", ""}) {
    EXPECT_FALSE(live_address(file)) << file;
  }
}

TEST(LiveAddress, Cameras) {
  for (const auto& [given, location] : {std::pair{"camera:", ""},
                                        {"camera:0", "/dev/video0"},
                                        {"camera:12", "/dev/video12"},
                                        {"camera:/dev/v4l/by-id/x", "/dev/v4l/by-id/x"},
                                        // Not plugged in.
                                        {"/dev/v4l/by-id/x", "/dev/v4l/by-id/x"},
                                        {"/dev/video77", "/dev/video77"},
                                        {"camera:HD Pro", "HD Pro"},
                                        {"camera:920x", "920x"}}) {
    const auto address = live_address(given);
    ASSERT_TRUE(address) << given;
    EXPECT_EQ(address->kind, Kind::camera);
    EXPECT_EQ(address->location, location);
  }
}

TEST(LiveAddress, StreamsAndWhoAsks) {
  const auto address = live_address("RTSP://ana:p%40ss:w@[fe80::1]:8554/a?b=c@d");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->kind, Kind::rtsp);
  EXPECT_EQ(address->location, "rtsp://[fe80::1]:8554/a?b=c@d");
  EXPECT_EQ(address->user, "ana");
  EXPECT_EQ(address->password, "p@ss:w");
  EXPECT_EQ(live_address("https://u@h/x")->user, "u");
  EXPECT_EQ(live_address("https://u@h/x")->password, "");
  EXPECT_EQ(live_address("udp://:5000")->location, "udp://:5000");
  EXPECT_EQ(live_address("srt://h:1?mode=listener")->kind, Kind::other);
}

TEST(LiveAddress, WhatIsNoAddress) {
  for (const char* wrong : {"rtsp://", "rtsp:///video", "http://:80/x", "rtsp://ana:geheim@/x"}) {
    try {
      (void)live_address(wrong);
      ADD_FAILURE() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), HasSubstr("names no machine"));
      EXPECT_THAT(error.what(), Not(HasSubstr("geheim")));
    }
  }
  try {
    (void)live_address("gopher://ana:geheim@h/x");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::source);
    EXPECT_THAT(error.what(), HasSubstr("'gopher://ana@h/x' is not a file"));
  }
}

TEST(LiveAddress, SecretsAreNotShown) {
  EXPECT_EQ(without_secrets("rtsp://ana:geheim@h:1/x"), "rtsp://ana@h:1/x");
  EXPECT_EQ(without_secrets("rtsp://ana:a/b@h/x"),
            "rtsp://ana:a/b@h/x");  // '/' must be %2F: no user
  EXPECT_EQ(without_secrets("rtsp://ana:a@b@h/x"), "rtsp://ana@h/x");
  EXPECT_EQ(without_secrets("srt://h:1?passphrase=geheim&mode=caller"),
            "srt://h:1?passphrase=...&mode=caller");
  EXPECT_EQ(without_secrets("/home/a:b@c/x.mp4"), "/home/a:b@c/x.mp4");
}

}  // namespace
}  // namespace lazarillo
