#include "speak/earcon.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <random>
#include <vector>

#include "speak/speaker.h"

namespace lazarillo {
namespace {

struct Design {
  double pitch_hz;
  double next;  ///< pitch of a tone over that of the one before
  int tones;
  double tone_s;
  double pause_s;
  double level;
};

constexpr double kAttackS = 0.004;
constexpr double kNoiseS = 0.02;
constexpr double kNoiseLevel = 0.5;
constexpr double kHighestHz = 6000;

std::vector<float> synthesise(const Design& design) {
  const double step = 1.0 / kSampleRate;
  const auto length = static_cast<std::size_t>(
      (design.tones * design.tone_s + (design.tones - 1) * design.pause_s) * kSampleRate);
  std::vector<float> sound(length, 0.0F);
  std::minstd_rand random(1);
  std::uniform_real_distribution<double> white(-1, 1);
  double smooth = 0;
  double highest = 0;
  for (std::size_t i = 0; i < length; ++i) {
    const double at = static_cast<double>(i) * step;
    const double t = std::fmod(at, design.tone_s + design.pause_s);
    const double pitch_hz =
        design.pitch_hz * std::pow(design.next, std::floor(at / (design.tone_s + design.pause_s)));
    smooth += 0.5 * (white(random) - smooth);  // takes the hiss above 6 kHz out of the noise
    if (t >= design.tone_s) continue;
    double value = 0;
    for (int k = 1; k * pitch_hz < kHighestHz && k <= 6; ++k) {
      value += std::sin(2 * std::numbers::pi * k * pitch_hz * t) / k;
    }
    value += kNoiseLevel * smooth * std::exp(-t / kNoiseS) * 2;
    const double attack = std::min(t / kAttackS, 1.0);
    const double release = std::min((design.tone_s - t) / (0.4 * design.tone_s), 1.0);
    sound[i] = static_cast<float>(value * attack * release);
    highest = std::max(highest, std::abs(static_cast<double>(sound[i])));
  }
  for (float& sample : sound) sample = static_cast<float>(sample * design.level / highest);
  return sound;
}

}  // namespace

std::span<const float> earcon(Priority priority) {
  static const std::array<std::vector<float>, 3> kSounds{
      synthesise({1000, 1, 3, 0.035, 0.01, 0.55}),
      synthesise({700, 1, 2, 0.05, 0.03, 0.5}),
      synthesise({440, 1, 1, 0.16, 0, 0.4}),
  };
  return kSounds[static_cast<std::size_t>(priority)];
}

std::span<const float> earcon(const Cue& cue) {
  static const std::vector<float> kHead = synthesise({900, 1.5, 2, 0.055, 0.015, 0.55});
  static const std::vector<float> kDrop = synthesise({900, 0.67, 3, 0.035, 0.01, 0.55});
  static const std::vector<float> kClear = synthesise({880, 1, 1, 0.14, 0, 0.3});
  static const std::vector<float> kAnswer = synthesise({300, 1, 1, 0.1, 0, 0.3});
  if (is_answer(cue.kind)) return kAnswer;
  switch (cue.kind) {
    case CueKind::head_level:
      return kHead;
    case CueKind::drop:
    case CueKind::stairs_down:
      return kDrop;
    case CueKind::path_clear:
      return kClear;
    default:
      return earcon(cue.priority);
  }
}

std::span<const float> heartbeat() {
  static const std::vector<float> kTick = synthesise({1600, 1, 1, 0.012, 0, 0.2});
  return kTick;
}

std::span<const float> way_tone() {
  static const std::vector<float> kTone = [] {
    std::vector<float> tone = synthesise({260, 1, 1, 0.16, 0, 0.4});
    tone.resize(kSampleRate / 2, 0.0F);
    return tone;
  }();
  return kTone;
}

double gain_by_distance(const std::optional<double>& distance_m) {
  const double distance = std::max(distance_m.value_or(5.0), 0.1);
  return std::clamp(std::sqrt(2.0 / distance), 0.316, 1.0);
}

}  // namespace lazarillo
