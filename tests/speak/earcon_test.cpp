#include "speak/earcon.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sound.h"
#include "speak/speaker.h"

namespace lazarillo {
namespace {

constexpr std::array kAll{Priority::critical, Priority::warning, Priority::info};

double seconds(Priority priority) {
  return static_cast<double>(earcon(priority).size()) / kSampleRate;
}

/// Pulses: stretches above a third of the peak, with at least 10 ms below it between them.
int pulses(Priority priority) {
  const auto sound = earcon(priority);
  const auto level = sound::envelope(sound, 1, 0, kSampleRate / 200);
  const double limit = *std::max_element(level.begin(), level.end()) / 5;
  int count = 0;
  std::size_t quiet = 10;
  for (const double x : level) {
    if (x >= limit && quiet >= 2) ++count;
    quiet = x < limit ? quiet + 1 : 0;
  }
  return count;
}

TEST(Earcon, IsShort) {
  for (const Priority priority : kAll) {
    EXPECT_GT(seconds(priority), 0.1);
    EXPECT_LE(seconds(priority), 0.35);
  }
}

TEST(Earcon, RepeatsFasterTheMoreUrgent) {
  EXPECT_EQ(pulses(Priority::info), 1);
  EXPECT_EQ(pulses(Priority::warning), 2);
  EXPECT_EQ(pulses(Priority::critical), 3);
  EXPECT_GT(pulses(Priority::critical) / seconds(Priority::critical),
            1.4 * pulses(Priority::warning) / seconds(Priority::warning));
}

/// Strongest frequency between 200 and 2000 Hz.
double pitch_hz(Priority priority) {
  double best = 0, strongest = 0;
  for (double hz = 200; hz < 2000; hz += 5) {
    const double power = sound::power_at(earcon(priority), kSampleRate, hz);
    if (power > strongest) std::tie(best, strongest) = std::pair(hz, power);
  }
  return best;
}

TEST(Earcon, IsHigherTheMoreUrgent) {
  EXPECT_GT(pitch_hz(Priority::warning), 1.3 * pitch_hz(Priority::info));
  EXPECT_GT(pitch_hz(Priority::critical), 1.3 * pitch_hz(Priority::warning));
}

TEST(Earcon, LiesWhereEarsLocaliseAndIsBroad) {
  for (const Priority priority : kAll) {
    const auto sound = earcon(priority);
    const double step = static_cast<double>(kSampleRate) / static_cast<double>(sound.size());
    double all = 0, inside = 0, above_2k = 0;
    for (double hz = step; hz < kSampleRate / 2.0; hz += step) {
      const double power = sound::power_at(sound, kSampleRate, hz);
      all += power;
      if (hz >= 300 && hz <= 6000) inside += power;
      if (hz >= 2000) above_2k += power;
    }
    EXPECT_GT(inside / all, 0.95) << to_string(priority);
    // Level differences between the ears need frequencies a head is large for.
    EXPECT_GT(above_2k / all, 0.03) << to_string(priority);
  }
}

TEST(Earcon, DoesNotClick) {
  for (const Priority priority : kAll) {
    const auto sound = earcon(priority);
    const float loudest = sound::peak(sound);
    EXPECT_LE(loudest, 0.7F);
    EXPECT_LT(std::abs(sound.front()), 0.02F * loudest);
    EXPECT_LT(std::abs(sound.back()), 0.02F * loudest);
  }
}

TEST(Earcon, NearerIsLouderAndNothingIsInaudible) {
  double before = 1.01;
  for (const double metres : {0.3, 1.0, 2.5, 4.0, 8.0, 15.0}) {
    const double gain = gain_by_distance(metres);
    EXPECT_LE(gain, before);
    EXPECT_GE(gain, 0.3);
    before = gain;
  }
  EXPECT_GT(gain_by_distance(2.0), 1.35 * gain_by_distance(5.0));
  EXPECT_EQ(gain_by_distance(500.0), gain_by_distance(5000.0));
  EXPECT_GT(gain_by_distance(std::nullopt), gain_by_distance(50.0));
}

}  // namespace
}  // namespace lazarillo
