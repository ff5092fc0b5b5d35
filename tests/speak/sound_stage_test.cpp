#include "speak/sound_stage.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sound.h"
#include "speak/earcon.h"
#include "speak/speaker.h"

namespace lazarillo {
namespace {

constexpr std::array kAll{Priority::critical, Priority::warning, Priority::info};

std::vector<float> heard(std::span<const float> mono, int rate, double bearing_deg,
                         double seconds = 0.5) {
  SoundStage stage(SoundStage::Output::rendered);
  stage.play(mono, rate, bearing_deg, 1);
  std::vector<float> stereo(2 * static_cast<std::size_t>(seconds * kSampleRate));
  stage.render(stereo);
  return stereo;
}

TEST(SoundStage, TheNearerEarHearsMore) {
  for (const Priority priority : kAll) {
    for (int bearing = -80; bearing <= 80; bearing += 5) {
      if (bearing == 0) continue;
      const double db = sound::ear_difference_db(heard(earcon(priority), kSampleRate, bearing));
      EXPECT_EQ(db > 0, bearing > 0) << to_string(priority) << " at " << bearing << ": " << db;
    }
  }
}

TEST(SoundStage, TheFartherToTheSideTheMore) {
  for (const Priority priority : kAll) {
    for (const int side : {-1, 1}) {
      double before = 0;
      for (int bearing = 10; bearing <= 50; bearing += 10) {
        const double db =
            side * sound::ear_difference_db(heard(earcon(priority), kSampleRate, side * bearing));
        EXPECT_GT(db, before) << to_string(priority) << " at " << side * bearing;
        before = db;
      }
      EXPECT_GT(before, 5) << to_string(priority);
    }
  }
}

TEST(SoundStage, LeftAndRightAreMirrorImages) {
  const auto left = heard(earcon(Priority::warning), kSampleRate, -40);
  const auto right = heard(earcon(Priority::warning), kSampleRate, 40);
  EXPECT_NEAR(sound::ear_difference_db(left), -sound::ear_difference_db(right), 0.5);
  EXPECT_NEAR(sound::ear_difference_db(heard(earcon(Priority::warning), kSampleRate, 0)), 0, 0.2);
}

/// By how many samples the left ear hears later, from the best match of both ears.
int left_later_by(const std::vector<float>& stereo) {
  const auto frames = static_cast<int>(stereo.size() / 2);
  double best = -1;
  int at = 0;
  for (int lag = -60; lag <= 60; ++lag) {
    double sum = 0;
    for (int i = 60; i < frames - 60; ++i) {
      sum += double{stereo[static_cast<std::size_t>(2 * (i + lag))]} *
             stereo[static_cast<std::size_t>(2 * i + 1)];
    }
    if (sum > best) {
      best = sum;
      at = lag;
    }
  }
  return at;
}

TEST(SoundStage, SoundReachesTheFarEarLater) {
  // A sphere of 8.75 cm radius: r / c * (b + sin b) (Woodworth, 1938); measured heads differ.
  for (const int bearing : {-75, -45, 45, 75}) {
    const double b = bearing * std::numbers::pi / 180;
    const double expected = 0.0875 / 343 * (b + std::sin(b)) * kSampleRate;
    // A click, because the match of periodic tones is ambiguous.
    std::vector<float> click(480, 0.0F);
    click[200] = 1;
    EXPECT_NEAR(left_later_by(heard(click, kSampleRate, bearing)), expected, 10) << bearing;
  }
}

TEST(SoundStage, ASoundBeginsAtOnce) {
  for (const int bearing : {-80, 0, 80}) {
    const auto stereo = heard(earcon(Priority::critical), kSampleRate, bearing);
    const float loudest = sound::peak(stereo);
    std::size_t first = 0;
    while (std::abs(stereo[first]) < 0.05F * loudest) ++first;
    EXPECT_LT(static_cast<double>(first / 2) / kSampleRate, 0.005) << bearing;
  }
}

TEST(SoundStage, SilenceIsZero) {
  SoundStage stage(SoundStage::Output::rendered);
  EXPECT_TRUE(stage.silent());
  std::vector<float> stereo(2 * kSampleRate, 1.0F);
  stage.render(stereo);
  EXPECT_EQ(sound::peak(stereo), 0.0F);
}

TEST(SoundStage, TheGainIsAFactor) {
  SoundStage stage(SoundStage::Output::rendered);
  std::vector<float> loud(2 * kSampleRate), soft(loud.size());
  stage.play(earcon(Priority::info), kSampleRate, 20, 0.8);
  stage.render(loud);
  stage.play(earcon(Priority::info), kSampleRate, 20, 0.2);
  stage.render(soft);
  EXPECT_NEAR(sound::peak(loud) / sound::peak(soft), 4, 0.05);
}

TEST(SoundStage, FadesOutWithoutAClick) {
  // A steady tone, so that any jump is the stage's own.
  std::vector<float> tone(kSampleRate);
  for (std::size_t i = 0; i < tone.size(); ++i) {
    tone[i] = 0.5F * static_cast<float>(std::sin(2 * std::numbers::pi * 300 *
                                                 static_cast<double>(i) / kSampleRate));
  }
  SoundStage stage(SoundStage::Output::rendered);
  const int handle = stage.play(tone, kSampleRate, 0, 1);
  std::vector<float> before(2 * 4800), after(2 * 4800);
  stage.render(before);
  stage.stop(handle);
  EXPECT_FALSE(stage.playing(handle));
  for (std::size_t i = 0; i < after.size(); i += 960)
    stage.render(std::span(after).subspan(i, 960));
  const auto largest_step = [](std::span<const float> stereo) {
    float step = 0;
    for (std::size_t i = 2; i < stereo.size(); ++i)
      step = std::max(step, std::abs(stereo[i] - stereo[i - 2]));
    return step;
  };
  EXPECT_LE(largest_step(after), 1.1F * largest_step(std::span(before).last(4800)));
  EXPECT_LT(sound::peak(std::span(after).subspan(2 * 1440)), 1e-3F) << "still heard after 30 ms";
  EXPECT_TRUE(stage.silent());
}

TEST(SoundStage, SeveralLiveInOneProcess) {
  SoundStage one(SoundStage::Output::rendered);
  SoundStage other(SoundStage::Output::rendered);
  one.play(earcon(Priority::warning), kSampleRate, -60, 1);
  other.play(earcon(Priority::warning), kSampleRate, 60, 1);
  std::vector<float> a(2 * 24000), b(a.size());
  one.render(a);
  other.render(b);
  EXPECT_LT(sound::ear_difference_db(a), -5);
  EXPECT_GT(sound::ear_difference_db(b), 5);
}

TEST(SoundStage, ThousandsOfSoundsDoNotUseItUp) {
  SoundStage stage(SoundStage::Output::rendered);
  const std::vector<float> click(100, 0.1F);
  std::vector<float> stereo(2 * 480);
  for (int i = 0; i < 5000; ++i) {
    const int handle = stage.play(click, kSampleRate, 0, 1);
    EXPECT_TRUE(stage.playing(handle));
    stage.render(stereo);
    ASSERT_GT(sound::peak(stereo), 0.0F) << "sound " << i << " is not heard";
  }
  EXPECT_TRUE(stage.silent());
}

}  // namespace
}  // namespace lazarillo
