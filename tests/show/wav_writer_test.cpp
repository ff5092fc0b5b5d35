#include "show/wav_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sndfile.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <numbers>
#include <vector>

#include "error.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

fs::path fresh(const char* name) {
  const fs::path file = test::temp_dir() / name;
  fs::remove(file);
  return file;
}

/// 440 Hz on the left, half as loud 880 Hz on the right.
std::vector<float> tones(int frames) {
  std::vector<float> samples;
  for (int i = 0; i < frames; ++i) {
    const double t = i / 48000.0 * 2 * std::numbers::pi;
    samples.push_back(static_cast<float>(0.8 * std::sin(440 * t)));
    samples.push_back(static_cast<float>(0.4 * std::sin(880 * t)));
  }
  return samples;
}

struct Sound {
  SF_INFO info{};
  std::vector<float> samples;
};

Sound read(const fs::path& file) {
  Sound sound;
  SNDFILE* in = sf_open(file.c_str(), SFM_READ, &sound.info);
  if (in == nullptr) return sound;
  sound.samples.resize(static_cast<std::size_t>(sound.info.frames * sound.info.channels));
  sound.info.frames = sf_readf_float(in, sound.samples.data(), sound.info.frames);
  sf_close(in);
  return sound;
}

TEST(WavWriter, ReadsBackAsWritten) {
  const fs::path file = fresh("lazarillo-tones.wav");
  const auto samples = tones(10000);
  {
    WavWriter writer(file);
    const std::span all(samples);
    writer.write(all.first(2 * 3333));
    writer.write(all.subspan(2 * 3333, 0));
    writer.write(all.subspan(2 * 3333));
    EXPECT_EQ(writer.frames(), 10000);
    EXPECT_EQ(writer.fault(), "");
  }
  const Sound sound = read(file);
  EXPECT_EQ(sound.info.samplerate, 48000);
  EXPECT_EQ(sound.info.channels, 2);
  EXPECT_EQ(sound.info.format, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  ASSERT_EQ(sound.samples.size(), samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    ASSERT_NEAR(sound.samples[i], samples[i], 2.0 / 32768) << i;
  }
}

TEST(WavWriter, TooLoudIsClippedNotWrappedAround) {
  const fs::path file = fresh("lazarillo-loud.wav");
  const std::vector<float> samples{1.5F, -1.5F, 40.0F, -40.0F};
  {
    WavWriter writer(file);
    writer.write(samples);
  }
  const Sound sound = read(file);
  ASSERT_EQ(sound.samples.size(), 4U);
  EXPECT_GT(sound.samples[0], 0.99F);
  EXPECT_LT(sound.samples[1], -0.99F);
  EXPECT_GT(sound.samples[2], 0.99F);
  EXPECT_LT(sound.samples[3], -0.99F);
}

TEST(WavWriter, PlaysAfterTheProcessWasKilled) {
  const fs::path file = fresh("lazarillo-killed.wav");
  const auto samples = tones(4800);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    WavWriter writer(file);
    for (int i = 0; i < 10; ++i) writer.write(samples);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  const Sound sound = read(file);
  EXPECT_EQ(sound.info.frames, 48000);
  ASSERT_EQ(sound.samples.size(), 96000U);
  EXPECT_NEAR(sound.samples[2 * 4800 + 50], samples[50], 2.0 / 32768);
}

TEST(WavWriter, GoesOnAtTheEndAndFillsWithSilence) {
  const fs::path file = fresh("lazarillo-go-on.wav");
  const auto samples = tones(1000);
  {
    WavWriter writer(file);
    writer.write(samples);
  }
  {
    WavWriter writer(file, true);
    EXPECT_EQ(writer.frames(), 1000);
    writer.write_silence_until(1500);
    writer.write_silence_until(700);  // is long past
    writer.write(samples);
    EXPECT_EQ(writer.frames(), 2500);
  }
  const Sound sound = read(file);
  ASSERT_EQ(sound.info.frames, 2500);
  for (std::size_t i = 0; i < 2000; ++i) {
    EXPECT_NEAR(sound.samples[i], samples[i], 1e-4);
    EXPECT_NEAR(sound.samples[3000 + i], samples[i], 1e-4);
  }
  for (std::size_t i = 2000; i < 3000; ++i) EXPECT_EQ(sound.samples[i], 0);
}

TEST(WavWriter, FullDiskIsAFaultAndKeepsWhatFitted) {
  const fs::path file = fresh("lazarillo-full.wav");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100'000, 100'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    WavWriter writer(file);
    const auto samples = tones(4800);
    for (int i = 0; i < 20; ++i) writer.write(samples);
    const bool told = writer.fault().find("lazarillo-full.wav") != std::string::npos &&
                      writer.fault().find("File too large") != std::string::npos;
    writer.close();
    _exit(told ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const Sound sound = read(file);
  EXPECT_GE(sound.info.frames, 4 * 4800);
  EXPECT_LE(sound.info.frames, 100'000 / 4);
}

TEST(WavWriter, SaysWhyItCannotBeCreated) {
  try {
    WavWriter writer("/proc/nonexistent/audio.wav");
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::output);
    EXPECT_THAT(e.what(), HasSubstr("/proc/nonexistent/audio.wav"));
    EXPECT_THAT(e.what(), HasSubstr("No such file"));
  }
}

}  // namespace
}  // namespace lazarillo
