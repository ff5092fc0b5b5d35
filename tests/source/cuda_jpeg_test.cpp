#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "cuda_support.h"
#include "error.h"
#include "jpegs.h"
#include "source/chroma.h"
#include "source/jpeg_decoder.h"
#include "source/jpeg_outline.h"
#include "source/picture_decoder.h"

// JPEGs decoded on the card, against the pictures that they were made of. Skipped where there is no
// card, or no nvJPEG.

namespace lazarillo {
namespace {

using test::Bytes;
using test::make_jpeg;
using test::TempDir;

class CardJpeg : public test::CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (IsSkipped()) return;
    if (const std::string why = JpegDecoder::problem(); !why.empty()) GTEST_SKIP() << why;
  }
  static Bytes luma_of(const DecodedJpeg& jpeg) {
    return rows(jpeg.picture->luma, jpeg.picture->luma_pitch, static_cast<std::size_t>(jpeg.width),
                static_cast<std::size_t>(jpeg.height));
  }
  static Bytes chroma_of(const DecodedJpeg& jpeg) {
    return rows(jpeg.picture->chroma, jpeg.picture->chroma_pitch,
                (static_cast<std::size_t>(jpeg.width) + 1) / 2 * 2,
                (static_cast<std::size_t>(jpeg.height) + 1) / 2);
  }
};

/// What NV12 holds of a picture as GStreamer lays it out.
class Expected {
 public:
  Expected(const Bytes& raw, const std::string& format, int width, int height) : raw_(raw) {
    gst_video_info_init(&info_);
    gst_video_info_set_format(&info_, gst_video_format_from_string(format.c_str()),
                              static_cast<guint>(width), static_cast<guint>(height));
    EXPECT_EQ(raw.size(), GST_VIDEO_INFO_SIZE(&info_));
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) luma.push_back(static_cast<std::uint8_t>(at(0, x, y)));
    }
    const bool grey = GST_VIDEO_INFO_N_COMPONENTS(&info_) == 1;
    for (int y = 0; y < height; y += 2) {
      for (int x = 0; x < width; x += 2) {
        const int right = std::min(x + 1, width - 1);
        const int below = std::min(y + 1, height - 1);
        for (const guint c : {1U, 2U}) {
          const int sum =
              grey ? 512 : at(c, x, y) + at(c, right, y) + at(c, x, below) + at(c, right, below);
          chroma.push_back(static_cast<std::uint8_t>((sum + 2) / 4));
        }
      }
    }
  }

  Bytes luma, chroma;

 private:
  /// Of component c what the pixel x, y has.
  [[nodiscard]] int at(guint c, int x, int y) const {
    const int column = x >> GST_VIDEO_FORMAT_INFO_W_SUB(info_.finfo, c);
    const int row = y >> GST_VIDEO_FORMAT_INFO_H_SUB(info_.finfo, c);
    return raw_[GST_VIDEO_INFO_COMP_OFFSET(&info_, c) +
                static_cast<std::size_t>(row * GST_VIDEO_INFO_COMP_STRIDE(&info_, c) + column)];
  }

  const Bytes& raw_;
  GstVideoInfo info_{};
};

double mean_difference(const Bytes& a, const Bytes& b) {
  EXPECT_EQ(a.size(), b.size());
  double sum = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

TEST_F(CardJpeg, ChromaOfEveryResolution) {
  std::mt19937 random(3);
  for (const int across : {1, 2, 4}) {
    for (const int down : {1, 2, 4}) {
      constexpr int kWidth = 77;
      constexpr int kHeight = 35;
      gpu::ChromaPlanes planes;
      planes.across = across;
      planes.down = down;
      planes.width = (kWidth + across - 1) / across;
      planes.height = (kHeight + down - 1) / down;
      planes.pitch = 100;
      std::vector<std::uint8_t> levels(2 * planes.pitch * static_cast<std::size_t>(planes.height));
      for (std::uint8_t& level : levels) level = static_cast<std::uint8_t>(random());
      const gpu::DeviceBuffer in = on_device(levels);
      planes.cb = in.as<std::uint8_t>();
      planes.cr = planes.cb + levels.size() / 2;
      const gpu::DeviceBuffer out(std::size_t{128} * 18);
      poison(out);
      gpu::interleave_chroma(planes, out.as<std::uint8_t>(), 128, 39, 18, stream_.get());
      wait();
      const auto got = on_host<std::uint8_t>(out);
      const auto sample = [&](std::size_t plane, int x, int y) {
        return int{levels[plane * levels.size() / 2 +
                          static_cast<std::size_t>(std::min(y, kHeight - 1) / down) * planes.pitch +
                          static_cast<std::size_t>(std::min(x, kWidth - 1) / across)]};
      };
      for (int y = 0; y < 18; ++y) {
        for (int x = 0; x < 39; ++x) {
          for (std::size_t plane = 0; plane < 2; ++plane) {
            const int sum = sample(plane, 2 * x, 2 * y) + sample(plane, 2 * x + 1, 2 * y) +
                            sample(plane, 2 * x, 2 * y + 1) + sample(plane, 2 * x + 1, 2 * y + 1);
            const auto at = static_cast<std::size_t>(y * 128 + 2 * x) + plane;
            ASSERT_EQ(got[at], (sum + 2) / 4) << across << down << ' ' << x << ' ' << y;
          }
        }
        for (std::size_t at = 78; at < 128; ++at) {
          ASSERT_EQ(got[static_cast<std::size_t>(y) * 128 + at], 0xFF) << "beyond the row";
        }
      }
    }
  }
}

struct Kind {
  const char* format;
  int width, height;
};

class CardJpegKinds : public CardJpeg, public testing::WithParamInterface<Kind> {};

TEST_P(CardJpegKinds, HasTheLevelsItWasMadeOf) {
  const auto [format, width, height] = GetParam();
  const auto made = make_jpeg(format, width, height);
  const Expected expected(made.raw, format, width, height);
  JpegDecoder decoder;
  for (int round = 0; round < 3; ++round) {
    const GpuTraffic before = gpu_traffic();
    const auto decoded = decoder.decode(made.jpeg);
    ASSERT_TRUE(decoded);
    // Only the card reads Huffman's codes: no coefficient crosses the bus.
    EXPECT_EQ(gpu_traffic().to_device - before.to_device, made.jpeg.size());
    EXPECT_EQ(gpu_traffic().to_host, before.to_host);
    EXPECT_EQ(decoded->width, width);
    EXPECT_EQ(decoded->height, height);
    EXPECT_TRUE(decoded->picture->full_range);
    EXPECT_FALSE(decoded->picture->bt709);
    EXPECT_LE(mean_difference(luma_of(*decoded), expected.luma), 1.0);
    EXPECT_LE(mean_difference(chroma_of(*decoded), expected.chroma), 1.0);
  }
}

INSTANTIATE_TEST_SUITE_P(Jpegs, CardJpegKinds,
                         testing::Values(Kind{"I420", 1280, 720}, Kind{"Y42B", 1280, 720},
                                         Kind{"Y444", 1280, 720}, Kind{"GRAY8", 1280, 720},
                                         Kind{"I420", 101, 57}, Kind{"Y42B", 101, 57},
                                         Kind{"Y444", 101, 57}, Kind{"GRAY8", 101, 57},
                                         Kind{"I420", 16, 8}, Kind{"Y42B", 1919, 1081}),
                         [](const auto& kind) {
                           return kind.param.format + std::string("_") +
                                  std::to_string(kind.param.width) + "x" +
                                  std::to_string(kind.param.height);
                         });

TEST_F(CardJpeg, ReadsThemWithoutTables) {
  const Bytes jpeg = make_jpeg("Y42B", 640, 480, 85).jpeg;
  JpegDecoder decoder;
  const auto whole = decoder.decode(jpeg);
  const auto bare = decoder.decode(test::without_tables(jpeg));
  ASSERT_TRUE(whole && bare);
  EXPECT_EQ(luma_of(*bare), luma_of(*whole));
  EXPECT_EQ(chroma_of(*bare), chroma_of(*whole));
}

TEST_F(CardJpeg, ADamagedOneIsLeftOutAndTheNextIsNot) {
  const Bytes jpeg = make_jpeg("I420", 640, 480, 85).jpeg;
  const std::size_t scan = outline_of(jpeg)->scan;
  JpegDecoder decoder;
  EXPECT_FALSE(decoder.decode(Bytes{}));
  EXPECT_FALSE(decoder.decode(std::span(jpeg).first(jpeg.size() / 2)));
  const auto sound = decoder.decode(jpeg);
  ASSERT_TRUE(sound);
  const Bytes luma = luma_of(*sound);
  Bytes zeros = jpeg;
  std::fill_n(zeros.begin(), 200, std::uint8_t{0});
  EXPECT_FALSE(decoder.decode(zeros));
  std::mt19937 random(5);
  for (int round = 0; round < 40; ++round) {
    Bytes noisy = jpeg;
    const std::size_t from = round % 2 == 0 ? scan + 14 : 2;
    for (int i = 0; i < 4; ++i) {
      noisy[from + random() % (noisy.size() - 2 - from)] = static_cast<std::uint8_t>(random());
    }
    try {
      (void)decoder.decode(noisy);  // a picture, or none: never a crash
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::source) << error.what();  // a gigantic size
    }
    const auto next = decoder.decode(jpeg);
    ASSERT_TRUE(next) << round;
    ASSERT_EQ(luma_of(*next), luma) << round;
  }
}

TEST_F(CardJpeg, PlacesComeRoundAndAreNotSharedWhileHeld) {
  const Bytes jpeg = make_jpeg("Y42B", 320, 240, 85).jpeg;
  JpegDecoder decoder;
  const std::uint8_t* place = decoder.decode(jpeg)->picture->luma;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(decoder.decode(jpeg)->picture->luma, place);
  const auto held = decoder.decode(jpeg);
  EXPECT_NE(decoder.decode(jpeg)->picture->luma, held->picture->luma);
}

TEST_F(CardJpeg, PicturesOutliveTheirDecoder) {
  const auto made = make_jpeg("I420", 320, 240);
  std::optional<DecodedJpeg> held;
  {
    JpegDecoder decoder;
    held = decoder.decode(made.jpeg);
  }
  ASSERT_TRUE(held);
  EXPECT_LE(mean_difference(luma_of(*held), Expected(made.raw, "I420", 320, 240).luma), 1.0);
}

TEST_F(CardJpeg, SizesAndKindsMayChange) {
  JpegDecoder decoder;
  for (const Kind& kind : {Kind{"I420", 640, 480}, Kind{"Y444", 1280, 720}, Kind{"GRAY8", 64, 48},
                           Kind{"Y42B", 640, 480}, Kind{"I420", 1920, 1080}}) {
    const auto made = make_jpeg(kind.format, kind.width, kind.height);
    const auto decoded = decoder.decode(made.jpeg);
    ASSERT_TRUE(decoded);
    const Expected expected(made.raw, kind.format, kind.width, kind.height);
    EXPECT_LE(mean_difference(luma_of(*decoded), expected.luma), 1.0) << kind.format;
    EXPECT_LE(mean_difference(chroma_of(*decoded), expected.chroma), 1.0) << kind.format;
  }
}

TEST_F(CardJpeg, WhatIsNotDecodedIsRefused) {
  JpegDecoder decoder;
  EXPECT_THROW((void)decoder.decode(make_jpeg("GRAY8", 16400, 16, 50).jpeg), Error);
  Bytes rgb = make_jpeg("Y444", 64, 48).jpeg;
  const Bytes adobe = {0xFF, 0xEE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0};
  rgb.insert(rgb.begin() + 2, adobe.begin(), adobe.end());
  EXPECT_THROW((void)decoder.decode(rgb), Error);
  ASSERT_TRUE(decoder.decode(make_jpeg("Y444", 64, 48).jpeg));
  EXPECT_FALSE(decoder.decode(rgb)) << "in the middle it is a damaged one";
}

class CardJpegFiles : public CardJpeg, public testing::WithParamInterface<const char*> {};

TEST_P(CardJpegFiles, TimesAreTheProcessorsAlsoAfterSeekingAndRewinding) {
  const TempDir dir;
  const std::filesystem::path file = dir / "a";
  test::run_pipeline(
      "videotestsrc num-buffers=40 pattern=ball ! video/x-raw,format=Y42B,width=320,"
      "height=240,framerate=10/1 ! jpegenc ! " +
      std::string(GetParam()) + " ! filesink location=" + file.string());
  const std::stop_source stop;
  PictureDecoder there(file, stop.get_token(), true);
  PictureDecoder here(file, stop.get_token(), false);
  EXPECT_EQ(there.width(), 320);
  EXPECT_EQ(there.height(), 240);
  EXPECT_EQ(there.duration_ns(), here.duration_ns());
  EXPECT_EQ(there.step_ns(), here.step_ns());
  const auto play_both = [&](std::size_t pictures) {
    std::size_t count = 0;
    while (const auto time = there.advance()) {
      ++count;
      const auto expected = here.advance();
      ASSERT_TRUE(expected);
      EXPECT_EQ(time->time_ns, expected->time_ns);
      const auto picture = there.picture();
      ASSERT_TRUE(picture && picture->device);
      EXPECT_FALSE(picture->pixels);
      EXPECT_EQ(picture->width, 320);
    }
    EXPECT_FALSE(here.advance());
    EXPECT_EQ(count, pictures);
    EXPECT_EQ(there.fault(), "");
  };
  play_both(40);
  EXPECT_TRUE(there.rewind());
  EXPECT_TRUE(here.rewind());
  play_both(40);
  EXPECT_TRUE(there.seek(2'000'000'000));
  EXPECT_TRUE(here.seek(2'000'000'000));
  play_both(20);
}

INSTANTIATE_TEST_SUITE_P(Containers, CardJpegFiles,
                         testing::Values("avimux", "matroskamux", "qtmux"));

/// JPEGs as they are, into a file whose header says 320 x 240.
void mux(const std::vector<Bytes>& jpegs, const std::filesystem::path& file) {
  test::write_packets(file, "image/jpeg,width=320,height=240,framerate=10/1", "matroskamux", jpegs,
                      100);
}

TEST_F(CardJpeg, AFileThatChangesItsSize) {
  const TempDir dir;
  const Bytes wide = make_jpeg("I420", 320, 240, 85).jpeg;
  const Bytes narrow = make_jpeg("Y42B", 96, 64, 85).jpeg;
  mux({wide, wide, narrow, narrow, narrow, wide}, dir / "a.mkv");
  const std::stop_source stop;
  PictureDecoder decoder(dir / "a.mkv", stop.get_token(), true);
  std::vector<int> widths;
  while (decoder.advance()) widths.push_back(decoder.picture()->width);
  EXPECT_EQ(widths, (std::vector<int>{320, 320, 96, 96, 96, 320}));
  EXPECT_EQ(decoder.fault(), "");
}

TEST_F(CardJpeg, AFileWithADamagedPictureGoesOnAndSaysSo) {
  const TempDir dir;
  const Bytes sound = make_jpeg("I420", 320, 240, 85).jpeg;
  const Bytes cut(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(sound.size() / 2));
  mux({cut, sound, cut, sound, sound}, dir / "a.mkv");
  const std::stop_source stop;
  PictureDecoder decoder(dir / "a.mkv", stop.get_token(), true);
  std::vector<std::int64_t> times;
  while (const auto time = decoder.advance()) {
    times.push_back(*time->time_ns / 1'000'000);
    EXPECT_TRUE(decoder.picture());
  }
  EXPECT_EQ(times, (std::vector<std::int64_t>{100, 300, 400}));
  EXPECT_NE(decoder.fault().find("2 left out"), std::string::npos) << decoder.fault();
}

TEST_F(CardJpeg, FilesThatNeedMoreThanDecodingAreRefused) {
  const TempDir dir;
  const auto refusal = [&](const std::string& shape, const std::string& muxer, bool turn) {
    test::run_pipeline("videotestsrc num-buffers=5 ! video/x-raw,width=320,height=240" + shape +
                       " ! jpegenc ! " + muxer + " ! filesink location=" + (dir / "a").string());
    if (turn) test::turn_clockwise(dir / "a", 240);
    const std::stop_source stop;
    try {
      const PictureDecoder decoder(dir / "a", stop.get_token(), true);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  EXPECT_NE(refusal(",pixel-aspect-ratio=4/3", "matroskamux", false).find("not square"),
            std::string::npos);
  EXPECT_NE(refusal("", "qtmux", true).find("turned"), std::string::npos);
}

}  // namespace
}  // namespace lazarillo
