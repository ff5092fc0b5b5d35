#include "show/recorder.h"

#include <gmock/gmock.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <numbers>
#include <thread>

#include "error.h"
#include "source/source.h"

namespace lazarillo {
namespace {

using testing::AllOf;
using testing::HasSubstr;
constexpr std::int64_t kMs = 1'000'000;
constexpr int kWidth = 160;
constexpr int kHeight = 120;

class RecorderTest : public testing::Test {
 protected:
  RecorderTest() {
    // A child that dies in a test runs it anew from its beginning: it must find the same directory.
    const char* given = std::getenv("LAZARILLO_RECORDER_TEST");
    std::string name = (std::filesystem::temp_directory_path() / "lazarillo-XXXXXX").string();
    owner_ = given == nullptr;
    dir_ = owner_ ? mkdtemp(name.data()) : given;
    setenv("LAZARILLO_RECORDER_TEST", dir_.c_str(), 1);
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }
  ~RecorderTest() override {
    if (!owner_) return;
    unsetenv("LAZARILLO_RECORDER_TEST");
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  std::filesystem::path dir_;
  bool owner_;
};

Canvas grey(int level) {
  return {kWidth, kHeight,
          std::vector<std::uint8_t>(std::size_t{kWidth} * kHeight * 4,
                                    static_cast<std::uint8_t>(level))};
}

/// Hard to compress: fills a disk soon.
Canvas noise(unsigned seed) {
  Canvas canvas = grey(0);
  for (auto& byte : canvas.bgrx) {
    seed = seed * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(seed >> 24);
  }
  return canvas;
}

std::vector<float> silence(double seconds) {
  return std::vector<float>(static_cast<std::size_t>(seconds * 48000) * 2);
}

struct Shown {
  std::vector<std::int64_t> times_ms;
  std::vector<int> levels;
  std::string fault;
};

Shown read_pictures(const std::filesystem::path& file) {
  Shown shown;
  const auto source = open_source(file.string(), {});
  while (const auto frame = source->next()) {
    shown.times_ms.push_back((frame->stamp.stream_ns + kMs / 2) / kMs);
    shown.levels.push_back(
        frame->pixels.get()[frame->stride_bytes * (frame->height / 2) + std::ptrdiff_t{3} * 80]);
  }
  shown.fault = source->fault();
  return shown;
}

/// The left channel at 48 kHz, placed by its timestamps on the file's time axis; empty where the
/// file has no sound.
std::vector<float> read_sound(const std::filesystem::path& file) {
  gst_init(nullptr, nullptr);
  GstElement* pipeline = gst_parse_launch(
      ("filesrc location=" + file.string() +
       " ! decodebin name=d  d. ! audio/x-raw ! audioconvert ! audioresample ! appsink name=out "
       "sync=false caps=audio/x-raw,format=F32LE,layout=interleaved,channels=2,rate=48000  "
       "d. ! video/x-raw ! fakesink sync=false async=false")
          .c_str(),
      nullptr);
  auto* out = reinterpret_cast<GstAppSink*>(
      gst_bin_get_by_name(reinterpret_cast<GstBin*>(pipeline), "out"));
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  std::vector<float> left;
  while (GstSample* sample = gst_app_sink_try_pull_sample(out, 5 * GST_SECOND)) {
    GstBuffer* buffer = gst_sample_get_buffer(sample);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_READ);
    const auto at = static_cast<std::size_t>(
        std::llround(static_cast<double>(gst_segment_to_stream_time(
                         gst_sample_get_segment(sample), GST_FORMAT_TIME, GST_BUFFER_PTS(buffer))) *
                     48000 / 1e9));
    const auto* values = reinterpret_cast<const float*>(map.data);
    const std::size_t count = map.size / sizeof(float) / 2;
    if (left.size() < at + count) left.resize(at + count);
    for (std::size_t i = 0; i < count; ++i) left[at + i] = values[2 * i];
    gst_buffer_unmap(buffer, &map);
    gst_sample_unref(sample);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(out);
  gst_object_unref(pipeline);
  return left;
}

std::size_t count_in_file(const std::filesystem::path& file, const std::string& word) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::size_t count = 0;
  for (auto at = bytes.find(word); at != std::string::npos; at = bytes.find(word, at + 1)) ++count;
  return count;
}

/// Uneven times, as a live camera gives them: 20 to 59 ms apart.
std::vector<std::int64_t> uneven_times_ms(std::int64_t end_ms) {
  std::vector<std::int64_t> times;
  unsigned seed = 5;
  for (std::int64_t t = 0; t < end_ms; t += 20 + (seed >> 16) % 40) {
    times.push_back(t);
    seed = seed * 1664525U + 1013904223U;
  }
  return times;
}

/// Five seconds: every second at .5 a white flash of 200 ms and a beep of 100 ms.
std::filesystem::path record_flashes(const std::filesystem::path& stem,
                                     const std::vector<std::int64_t>& times_ms) {
  Recorder recorder(stem, kWidth, kHeight, true);
  std::thread hearing([&] {
    std::vector<float> block(960);  // 10 ms
    for (int n = 0; n < 5 * 48000;) {
      for (std::size_t i = 0; i < block.size(); i += 2, ++n) {
        const double t = n / 48000.0;
        const double in_second = std::fmod(t, 1.0);
        const bool on = in_second >= 0.5 && in_second < 0.6;
        block[i] = block[i + 1] =
            on ? 0.5F * static_cast<float>(std::cos(2 * std::numbers::pi * 1000 * t)) : 0.0F;
      }
      recorder.sound(block);
    }
  });
  for (const auto t : times_ms) {
    recorder.picture(grey(t % 1000 >= 500 && t % 1000 < 700 ? 250 : 20), t * kMs);
  }
  hearing.join();
  recorder.finish();
  EXPECT_EQ(recorder.fault(), "");
  return recorder.file();
}

void expect_flashes_in_step(const std::filesystem::path& file,
                            const std::vector<std::int64_t>& times_ms) {
  const Shown shown = read_pictures(file);
  EXPECT_EQ(shown.fault, "");
  ASSERT_EQ(shown.times_ms, times_ms);
  for (std::size_t i = 0; i < times_ms.size(); ++i) {
    const bool on = times_ms[i] % 1000 >= 500 && times_ms[i] % 1000 < 700;
    EXPECT_NEAR(shown.levels[i], on ? 250 : 20, 25) << times_ms[i];
  }
  const auto sound = read_sound(file);
  EXPECT_NEAR(static_cast<double>(sound.size()) / 48000, 5, 0.1);
  for (int second = 0; second < 5; ++second) {
    std::size_t i = static_cast<std::size_t>(second) * 48000;
    while (i < sound.size() && std::abs(sound[i]) < 0.2F) ++i;
    EXPECT_NEAR(static_cast<double>(i) / 48, second * 1000 + 500, 5) << "beep of second " << second;
  }
}

TEST_F(RecorderTest, PicturesAndSoundComeBackInStep) {
  const auto times = uneven_times_ms(5000);
  const auto file = record_flashes(dir_ / "a.b", times);
  expect_flashes_in_step(file, times);
  if (file.extension() == ".mp4") {
    EXPECT_EQ(file.filename(), "a.b.mp4");
    EXPECT_EQ(count_in_file(file, "moof"), 0U) << "a finished file has one index, no fragments";
  }
}

/// Makes elements look uninstalled as long as it lives.
class Uninstalled {
 public:
  explicit Uninstalled(const std::vector<std::string>& names) {
    gst_init(nullptr, nullptr);
    for (const auto& name : names) {
      GstPluginFeature* feature = gst_registry_lookup_feature(gst_registry_get(), name.c_str());
      if (feature == nullptr) continue;
      gst_registry_remove_feature(gst_registry_get(), feature);
      features_.push_back(feature);
    }
  }
  ~Uninstalled() {
    for (auto* feature : features_) gst_registry_add_feature(gst_registry_get(), feature);
  }
  Uninstalled(const Uninstalled&) = delete;
  Uninstalled& operator=(const Uninstalled&) = delete;

 private:
  std::vector<GstPluginFeature*> features_;
};

TEST_F(RecorderTest, OtherEncodersServeWhereTheFirstIsMissing) {
  const auto times = uneven_times_ms(5000);
  const std::vector<std::vector<std::string>> missing = {
      {"avenc_aac", "fdkaacenc"},
      {"avenc_aac", "fdkaacenc", "voaacenc"},
      {"x264enc"},
      {"x264enc", "vp8enc", "opusenc"},
  };
  for (std::size_t i = 0; i < missing.size(); ++i) {
    SCOPED_TRACE(testing::PrintToString(missing[i]));
    const Uninstalled without(missing[i]);
    const auto file = record_flashes(dir_ / std::to_string(i), times);
    EXPECT_EQ(file.extension(), i < 1 ? ".mp4" : ".mkv");
    expect_flashes_in_step(file, times);
  }
}

TEST_F(RecorderTest, NoEncoderAtAllIsSaid) {
  const Uninstalled without({"x264enc", "vp8enc", "jpegenc"});
  try {
    const Recorder recorder(dir_ / "a", kWidth, kHeight, false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::output);
    EXPECT_THAT(error.what(), HasSubstr("apt install"));
  }
}

TEST_F(RecorderTest, SilentVideo) {
  Recorder recorder(dir_ / "a", kWidth, kHeight, false);
  for (int i = 0; i < 50; ++i) recorder.picture(grey(100), i * 40 * kMs);
  recorder.sound(silence(1));
  recorder.finish();
  EXPECT_EQ(recorder.fault(), "");
  EXPECT_EQ(read_pictures(recorder.file()).times_ms.size(), 50U);
  EXPECT_EQ(count_in_file(recorder.file(), "smhd"), 0U);  // the header of a sound track
}

TEST_F(RecorderTest, SoundThatLagsOrNeverComesBlocksNothing) {
  for (const double seconds : {0.0, 0.001, 2.0, 30.0}) {
    Recorder recorder(dir_ / "a", kWidth, kHeight, true);
    for (int i = 0; i < 250; ++i) recorder.picture(grey(i), i * 40 * kMs);
    recorder.sound(silence(seconds));
    recorder.finish();
    EXPECT_EQ(recorder.fault(), "");
    EXPECT_EQ(read_pictures(recorder.file()).times_ms.size(), 250U) << seconds;
    if (recorder.file().extension() == ".mp4") {
      EXPECT_EQ(count_in_file(recorder.file(), "moof"), 0U) << seconds;
    }
  }
}

TEST_F(RecorderTest, PicturesThatDoNotComeLaterAreLeftOut) {
  Recorder recorder(dir_ / "a", kWidth, kHeight, false);
  for (const int t : {0, 40, 40, 20, 80}) recorder.picture(grey(100), t * kMs);
  recorder.finish();
  EXPECT_EQ(recorder.fault(), "");
  EXPECT_THAT(read_pictures(recorder.file()).times_ms, testing::ElementsAre(0, 40, 80));
}

TEST_F(RecorderTest, WithoutPicturesNoFileIsLeft) {
  for (const bool sound : {false, true}) {
    Recorder recorder(dir_ / "a", kWidth, kHeight, sound);
    recorder.sound(silence(1));
    recorder.finish();
    EXPECT_TRUE(std::filesystem::is_empty(dir_)) << sound;
    EXPECT_EQ(recorder.fault(), "");
  }
}

TEST_F(RecorderTest, OnePictureIsAVideo) {
  {
    Recorder recorder(dir_ / "a", kWidth, kHeight, true);
    recorder.picture(grey(100), 0);
  }  // ended by the destructor
  const auto file = std::filesystem::directory_iterator(dir_)->path();
  EXPECT_EQ(read_pictures(file).times_ms.size(), 1U);
}

TEST_F(RecorderTest, RefusesWhatCannotBeWritten) {
  const auto refusal = [](const std::filesystem::path& stem, int width) -> std::string {
    try {
      const Recorder recorder(stem, width, kHeight, true);
      ADD_FAILURE() << stem << " was opened";
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::output);
      return error.what();
    }
  };
  EXPECT_THAT(refusal(dir_ / "nowhere" / "a", kWidth),
              AllOf(HasSubstr("cannot write"), HasSubstr("No such file or directory")));
  EXPECT_THAT(refusal(dir_ / "a", kWidth + 1), HasSubstr("even"));
  // Root writes everywhere: such a run steps down for the moment.
  const bool root = geteuid() == 0;
  std::filesystem::permissions(
      dir_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec |
                std::filesystem::perms::others_read | std::filesystem::perms::others_exec);
  ASSERT_TRUE(!root || seteuid(65534) == 0);
  const std::string line = refusal(dir_ / "a", kWidth);
  ASSERT_TRUE(!root || seteuid(0) == 0);
  std::filesystem::permissions(dir_, std::filesystem::perms::owner_all);
  EXPECT_THAT(line, HasSubstr("Permission denied"));
}

using RecorderDeathTest = RecorderTest;

TEST_F(RecorderDeathTest, AKilledProcessLeavesAFileThatPlays) {
  const auto stem = dir_ / "a";
  EXPECT_EXIT(
      {
        Recorder recorder(stem, kWidth, kHeight, true);
        for (int i = 0; count_in_file(recorder.file(), "moof") < 8; ++i) {
          recorder.picture(noise(static_cast<unsigned>(i)), i * 40 * kMs);
          recorder.sound(silence(0.04));
        }
        std::raise(SIGKILL);
      },
      testing::KilledBySignal(SIGKILL), "");
  const auto file = dir_ / "a.mp4";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no H.264 and AAC encoders";
  const Shown shown = read_pictures(file);
  EXPECT_EQ(shown.fault, "");
  EXPECT_GT(shown.times_ms.size(), 25U);
  for (std::size_t i = 0; i < shown.times_ms.size(); ++i) {
    EXPECT_EQ(shown.times_ms[i], static_cast<std::int64_t>(i) * 40);
  }
  EXPECT_GT(read_sound(file).size(), 48000U);
}

TEST_F(RecorderDeathTest, AFullDiskIsToldAndWhatWasWrittenStays) {
  const auto stem = dir_ / "a";
  EXPECT_EXIT(
      {
        Recorder recorder(stem, kWidth, kHeight, true);
        std::signal(SIGXFSZ,
                    SIG_IGN);  // writing beyond the limit is then an error, as on a full disk
        rlimit limit = {};
        limit.rlim_cur = limit.rlim_max = 1'500'000;
        setrlimit(RLIMIT_FSIZE, &limit);
        // Far more than fits; must neither hang nor throw.
        for (int i = 0; i < 1000; ++i) {
          recorder.picture(noise(static_cast<unsigned>(i)), i * 40 * kMs);
          recorder.sound(silence(0.04));
        }
        recorder.finish();
        std::cerr << recorder.fault() << std::endl;
        std::_Exit(recorder.fault().empty() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "cannot write .*a.*");
  const auto file = dir_ / "a.mp4";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no H.264 and AAC encoders";
  EXPECT_LE(std::filesystem::file_size(file), 1'500'000U);
  EXPECT_GT(read_pictures(file).times_ms.size(), 25U);
}

TEST_F(RecorderDeathTest, NoRoomForTheOrdinaryCopyLeavesTheFragments) {
  const auto stem = dir_ / "a";
  EXPECT_EXIT(
      {
        Recorder recorder(stem, kWidth, kHeight, true);
        for (int i = 0; i < 100; ++i)
          recorder.picture(noise(static_cast<unsigned>(i)), i * 40 * kMs);
        // The copy's name is taken by a directory.
        std::filesystem::create_directory(recorder.file().string() + ".part");
        recorder.finish();
        std::_Exit(recorder.fault().empty() ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
  const auto file = dir_ / "a.mp4";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no H.264 and AAC encoders";
  EXPECT_GT(count_in_file(file, "moof"), 0U);
  EXPECT_EQ(read_pictures(file).times_ms.size(), 100U);
}

}  // namespace
}  // namespace lazarillo
