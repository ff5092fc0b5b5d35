#include <gmock/gmock.h>
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "error.h"
#include "media.h"
#include "source/source.h"

namespace lazarillo {
namespace {

using test::TempDir;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// The line open_source() refuses a file with; checks that it is one, with the exit code
/// documented.
std::string refusal(const std::string& uri) {
  try {
    const auto source = open_source(uri, {});
    ADD_FAILURE() << uri << " was opened";
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::source);
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    return error.what();
  }
}

struct Outcome {
  std::size_t frames = 0;
  double last_s = 0;
  std::string fault;
};

Outcome play(const std::filesystem::path& file) {
  const auto source = open_source(file.string(), {});
  Outcome outcome;
  while (const auto frame = source->next()) {
    ++outcome.frames;
    outcome.last_s = static_cast<double>(frame->stamp.stream_ns) / 1e9;
  }
  outcome.fault = source->fault();
  EXPECT_THAT(outcome.fault, Not(HasSubstr("\n")));
  return outcome;
}

TEST(BadInput, MissingFile) {
  EXPECT_THAT(refusal("/nowhere/street.mp4"),
              AllOf(HasSubstr("there is no file"), HasSubstr("/nowhere/street.mp4")));
}

TEST(BadInput, Directory) {
  const TempDir dir;
  EXPECT_THAT(refusal((dir / "").string()), HasSubstr("is a directory"));
}

TEST(BadInput, EmptyFile) {
  const TempDir dir;
  test::write_file(dir / "empty.mp4", "");
  EXPECT_THAT(refusal((dir / "empty.mp4").string()), HasSubstr("is empty"));
}

TEST(BadInput, PipeDoesNotHang) {
  const TempDir dir;
  ASSERT_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal((dir / "pipe").string()), HasSubstr("not a regular file"));
}

TEST(BadInput, NoPermission) {
  const TempDir dir;
  test::write_file(dir / "secret.mp4", "anything");
  std::filesystem::permissions(dir / "secret.mp4", std::filesystem::perms::none);
  // Root reads everything: such a run steps down for the moment.
  const bool root = geteuid() == 0;
  if (root) {
    std::filesystem::permissions((dir / "secret.mp4").parent_path(), std::filesystem::perms::all);
    ASSERT_EQ(seteuid(65534), 0);
  }
  const std::string line = refusal((dir / "secret.mp4").string());
  ASSERT_TRUE(!root || seteuid(0) == 0);
  EXPECT_THAT(line, HasSubstr("Permission denied"));
}

TEST(BadInput, OtherSchemes) {
  EXPECT_THAT(refusal("ftp://example.org/a.mp4"), HasSubstr("is not a file"));
}

TEST(BadInput, TextAndNoiseNamedMp4) {
  const TempDir dir;
  test::write_file(dir / "notes.mp4", "Milk, bread, a white cane.\n");
  EXPECT_THAT(refusal((dir / "notes.mp4").string()), HasSubstr("is not a video file"));
  std::mt19937 random(3);
  std::string noise(50'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  test::write_file(dir / "noise.mp4", noise);
  EXPECT_THAT(refusal((dir / "noise.mp4").string()), HasSubstr("'"));
}

TEST(BadInput, SoundOnly) {
  const TempDir dir;
  test::run_pipeline("audiotestsrc num-buffers=50 ! wavenc ! filesink location=" +
                     (dir / "a.wav").string());
  EXPECT_THAT(refusal((dir / "a.wav").string()), HasSubstr("holds no picture stream"));
  if (!test::have({"avenc_aac", "mp4mux"})) return;
  test::run_pipeline("audiotestsrc num-buffers=50 ! avenc_aac ! mp4mux ! filesink location=" +
                     (dir / "a.mp4").string());
  EXPECT_THAT(refusal((dir / "a.mp4").string()), HasSubstr("holds no picture stream"));
}

TEST(BadInput, PicturesTooLarge) {
  const TempDir dir;
  test::run_pipeline(
      "videotestsrc num-buffers=2 ! video/x-raw,width=16400,height=16 ! jpegenc ! matroskamux ! "
      "filesink location=" +
      (dir / "wide.mkv").string());
  EXPECT_THAT(refusal((dir / "wide.mkv").string()),
              AllOf(HasSubstr("16400 x 16"), HasSubstr("16384")));
}

/// An AVI whose header claims another size than its pictures have.
void write_lying_avi(const std::filesystem::path& file, std::uint32_t width, std::uint32_t height) {
  test::run_pipeline("videotestsrc num-buffers=3 ! jpegenc ! avimux ! filesink location=" +
                     file.string());
  std::string bytes = test::read_file(file);
  const auto format = bytes.find("strf") + 8;  // BITMAPINFOHEADER
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[format + 4 + i] = static_cast<char>(width >> (8 * i));
    bytes[format + 8 + i] = static_cast<char>(height >> (8 * i));
  }
  test::write_file(file, bytes);
}

TEST(BadInput, HeaderDeclaresNoneOrGiganticSize) {
  const TempDir dir;
  write_lying_avi(dir / "zero.avi", 0, 240);
  EXPECT_THAT(refusal((dir / "zero.avi").string()), HasSubstr("0 x 240"));
  write_lying_avi(dir / "huge.avi", 60000, 60000);
  EXPECT_THAT(refusal((dir / "huge.avi").string()), HasSubstr("60000 x 60000"));
}

TEST(BadInput, MissingDecoderIsNamedWithItsPackage) {
  if (!test::have({"x264enc", "mp4mux"})) GTEST_SKIP() << "no H.264 encoder";
  const TempDir dir;
  test::write_clip(dir / "a.mp4", "mp4mux", 1);
  // As on a machine without them: decoders of rank none are never chosen.
  GList* decoders =
      gst_element_factory_list_get_elements(GST_ELEMENT_FACTORY_TYPE_DECODER, GST_RANK_MARGINAL);
  GstCaps* h264 = gst_caps_from_string("video/x-h264");
  GList* concerned = gst_element_factory_list_filter(decoders, h264, GST_PAD_SINK, FALSE);
  std::vector<std::pair<GstPluginFeature*, guint>> ranks;
  for (GList* item = concerned; item != nullptr; item = item->next) {
    auto* feature = static_cast<GstPluginFeature*>(item->data);
    ranks.emplace_back(feature, gst_plugin_feature_get_rank(feature));
    gst_plugin_feature_set_rank(feature, GST_RANK_NONE);
  }
  const std::string line = refusal((dir / "a.mp4").string());
  for (const auto& [feature, rank] : ranks) gst_plugin_feature_set_rank(feature, rank);
  gst_plugin_feature_list_free(concerned);
  gst_plugin_feature_list_free(decoders);
  gst_caps_unref(h264);
  EXPECT_FALSE(ranks.empty());
  EXPECT_THAT(line, AllOf(HasSubstr("H.264"), HasSubstr("apt install gstreamer1.0-libav")));
}

class CutShort : public testing::TestWithParam<const char*> {};

TEST_P(CutShort, EverythingUpToTheCutIsDeliveredAndTheCutIsTold) {
  if (!test::have({"x264enc", "avenc_aac"})) GTEST_SKIP() << "no encoders";
  const TempDir dir;
  test::write_clip(dir / "whole", GetParam(), 12);
  const Outcome whole = play(dir / "whole");
  EXPECT_EQ(whole.frames, 360U);
  EXPECT_EQ(whole.fault, "");
  const std::string bytes = test::read_file(dir / "whole");
  test::write_file(dir / "cut", bytes.substr(0, bytes.size() / 2));
  const Outcome cut = play(dir / "cut");
  EXPECT_GT(cut.frames, 120U);
  EXPECT_LT(cut.frames, 240U);
  EXPECT_NEAR(static_cast<double>(cut.frames), cut.last_s * 30 + 1, 1.5);
  EXPECT_THAT(cut.fault, AllOf(HasSubstr("of 12.0 s declared"), HasSubstr("cut short")));
}

// .ts declares no length: its cut cannot be told from an end.
INSTANTIATE_TEST_SUITE_P(Formats, CutShort,
                         testing::Values("avimux", "matroskamux", "mp4mux faststart=true"));

TEST(BadInput, Mp4WithItsIndexCutAway) {
  if (!test::have({"x264enc", "avenc_aac", "mp4mux"})) GTEST_SKIP() << "no encoders";
  const TempDir dir;
  test::write_clip(dir / "a.mp4", "mp4mux", 4);
  const std::string bytes = test::read_file(dir / "a.mp4");
  test::write_file(dir / "a.mp4", bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(refusal((dir / "a.mp4").string()), HasSubstr("is the file complete?"));
}

class Damaged : public testing::TestWithParam<const char*> {};

TEST_P(Damaged, AHoleOrNoiseInTheMiddleDoesNotHang) {
  if (!test::have({"x264enc", "avenc_aac"})) GTEST_SKIP() << "no encoders";
  const TempDir dir;
  test::write_clip(dir / "a", GetParam(), 6);
  const std::string bytes = test::read_file(dir / "a");
  std::string hole = bytes;
  std::fill_n(hole.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2), bytes.size() / 5, '\0');
  test::write_file(dir / "hole", hole);
  const Outcome holed = play(dir / "hole");
  EXPECT_GT(holed.frames, 60U);
  // Either it went on behind the hole, or it says that it did not.
  EXPECT_TRUE(holed.last_s > 5 || !holed.fault.empty());

  std::mt19937 random(11);
  for (int round = 0; round < 5; ++round) {
    std::string noisy = bytes;
    for (int i = 0; i < 400; ++i) noisy[random() % noisy.size()] = static_cast<char>(random());
    test::write_file(dir / "noisy", noisy);
    try {
      play(dir / "noisy");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::source);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Damaged,
                         testing::Values("avimux", "matroskamux", "mp4mux", "mpegtsmux"));

TEST(BadInput, FieldOfViewIsCheckedFirst) {
  try {
    (void)open_source("/nowhere", {.hfov_deg = 190});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
  }
}

}  // namespace
}  // namespace lazarillo
