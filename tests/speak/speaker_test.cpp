#include "speak/speaker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <vector>

#include "error.h"
#include "fake_espeak.h"
#include "sound.h"
#include "speak/earcon.h"
#include "speak/sound_info.h"
#include "speak/voice.h"

namespace lazarillo {
namespace {

std::int64_t ns(double seconds) { return std::llround(seconds * 1e9); }

/// A speaker that renders into memory, moved on in steps of a video of 30 frames a second.
struct Room {
  explicit Room(SpeakerOptions options = {})
      : speaker(options, [this](std::span<const float> samples) {
          sound.insert(sound.end(), samples.begin(), samples.end());
        }) {}

  void until(double seconds) {
    for (; now < seconds - 1e-9; now = std::min(now + 1 / 30.0, seconds)) speaker.advance(ns(now));
    now = seconds;
    speaker.advance(ns(now));
  }
  void say(double at, Priority priority, double bearing_deg, const std::string& text,
           int track = 1) {
    until(at);
    Cue cue;
    cue.priority = priority;
    cue.track = track;
    cue.bearing_deg = bearing_deg;
    cue.distance_m = 3;
    speaker.say(cue, text, ns(at));
  }
  [[nodiscard]] std::span<const float> piece(double from, double to) const {
    const auto at = [](double s) { return 2 * static_cast<std::size_t>(s * kSampleRate); };
    return std::span(sound).subspan(at(from), at(to) - at(from));
  }
  /// Seconds of the first sample louder than `level`.
  [[nodiscard]] double onset(double from, float level = 0.005F) const {
    auto i = 2 * static_cast<std::size_t>(from * kSampleRate);
    while (i < sound.size() && std::abs(sound[i]) <= level) ++i;
    return static_cast<double>(i / 2) / kSampleRate;
  }

  std::vector<float> sound;
  Speaker speaker;
  double now = 0;
};

SpeakerOptions english() {
  SpeakerOptions options;
  options.voice = "en-gb";
  return options;
}

SpeakerOptions only_speech() {
  SpeakerOptions options = english();
  options.earcons = false;
  return options;
}

SpeakerOptions only_earcons() {
  SpeakerOptions options;
  options.speech = false;
  return options;
}

TEST(Speaker, IsSilentUntilThereIsSomethingToSay) {
  Room room(english());
  room.until(1);
  EXPECT_EQ(room.sound.size(), 2U * kSampleRate);
  EXPECT_EQ(sound::peak(room.sound), 0.0F);
}

TEST(Speaker, RendersExactlyUpToTheStreamsTime) {
  Room room(only_earcons());
  for (const double t : {0.001, 0.0333333, 0.1, 0.100001, 1.7}) {
    room.speaker.advance(ns(t));
    EXPECT_NEAR(static_cast<double>(room.sound.size()) / 2, t * kSampleRate, 1.01);
  }
}

TEST(Speaker, AnEarconBeginsWithItsCue) {
  Room room(only_earcons());
  // Never on a multiple of a block.
  for (const double at : {0.5003, 1.7777, 2.90011}) {
    room.say(at, Priority::critical, 25, "");
    room.until(at + 0.6);
    EXPECT_EQ(sound::peak(room.piece(at - 0.05, at - 0.0001)), 0.0F) << "sound before the cue";
    EXPECT_GE(room.onset(at - 0.05), at - 0.0001);
    EXPECT_LE(room.onset(at - 0.05), at + 0.008);
  }
}

TEST(Speaker, SoundComesFromTheBearingOfItsCue) {
  for (const bool speech : {false, true}) {
    for (int bearing = -80; bearing <= 80; bearing += 20) {
      if (bearing == 0) continue;
      Room room(speech ? only_speech() : only_earcons());
      room.say(0.1, Priority::warning, bearing, "Person");
      room.until(1);
      EXPECT_EQ(sound::ear_difference_db(room.sound) > 0, bearing > 0) << bearing;
    }
  }
}

TEST(Speaker, TheSentenceFollowsItsEarcon) {
  Room room(english());
  room.say(0.2, Priority::info, 0, "Chair");
  EXPECT_EQ(room.speaker.spoken_now().text, "");
  const double earcon_s = static_cast<double>(earcon(Priority::info).size()) / kSampleRate;
  room.until(0.2 + earcon_s);
  EXPECT_EQ(room.speaker.spoken_now().text, "") << "speech over the earcon";
  room.until(0.2 + earcon_s + 0.1);
  EXPECT_EQ(room.speaker.spoken_now().text, "Chair");
  EXPECT_EQ(room.speaker.spoken_now().track, 1);
  room.until(3);
  EXPECT_EQ(room.speaker.spoken_now().text, "");
  EXPECT_GT(sound::peak(room.piece(0.2 + earcon_s + 0.05, 0.8)), 0.05F);
  EXPECT_EQ(sound::peak(room.piece(2, 3)), 0.0F);
}

TEST(Speaker, SpeechIsEspeaksOwn) {
  const std::string text = "Person on the left, ten o'clock, 5 metres";
  Room room(only_speech());
  room.say(0, Priority::warning, 0, text);
  room.until(4);
  const Speech spoken = run_espeak("en-gb", 190, text);
  const auto theirs =
      sound::envelope(spoken.samples, 1, 0, static_cast<std::size_t>(spoken.rate) / 100);
  const std::vector<double> ours =
      sound::envelope(room.piece(0, static_cast<double>(theirs.size()) / 100), 2, 0, 480);
  // A rate of 22050 does not divide into 10 ms pieces exactly: 220 samples instead of 220.5.
  EXPECT_GT(sound::best_correlation(ours, theirs, 3), 0.9);
  // And not just anybody's.
  const Speech another = run_espeak("en-gb", 190, "A bus is coming from behind, take care");
  const auto other =
      sound::envelope(another.samples, 1, 0, static_cast<std::size_t>(another.rate) / 100);
  EXPECT_LT(sound::best_correlation(ours, other, 3), 0.6);
}

TEST(Speaker, ACriticalCueCutsSpeechOffAfterTheGrace) {
  SpeakerOptions options = only_speech();
  Room room(options);
  const std::string lesser = "A very long sentence about a chair that stands far away on the left";
  room.say(0, Priority::info, -60, lesser, 1);
  room.say(1, Priority::critical, 60, "Car!", 2);
  room.until(1.15);
  EXPECT_EQ(room.speaker.spoken_now().text, lesser);
  room.until(1.2);
  EXPECT_EQ(room.speaker.spoken_now().text, "Car!");
  room.until(4);
  EXPECT_EQ(room.speaker.dropped().interrupted, 1);
  // Heard, too: from the left before, from the right afterwards.
  EXPECT_LT(sound::ear_difference_db(room.piece(0.5, 1.2)), -4);
  EXPECT_GT(sound::ear_difference_db(room.piece(1.30, 1.6)), 4);
}

TEST(Speaker, EarconsDoNotWaitForSpeech) {
  Room room(english());
  room.say(0, Priority::info, 0, "A long sentence about a chair that stands ahead", 1);
  Room quiet(english());
  quiet.say(0, Priority::info, 0, "A long sentence about a chair that stands ahead", 1);
  room.say(1, Priority::warning, 0, "Dog", 2);
  room.until(1.3);
  quiet.until(1.3);
  std::vector<float> added;
  for (std::size_t i = 0; i < room.sound.size(); ++i)
    added.push_back(room.sound[i] - quiet.sound[i]);
  EXPECT_EQ(sound::peak(std::span(added).first(2 * kSampleRate - 8)), 0.0F);
  EXPECT_GT(sound::peak(std::span(added).subspan(2 * kSampleRate, 2 * 480)), 0.01F);
}

TEST(Speaker, AnEarconIsPlacedThoughASentenceComesFromTheOtherSide) {
  Room room(english());
  room.say(0.5, Priority::info, -70, "Person left, ten o'clock, about fifteen metres", 1);
  room.say(1.5, Priority::info, 70, "Car right, two o'clock, about twenty metres", 2);
  room.until(2.5);
  const double earcon_s =
      static_cast<double>(earcon(Priority::info).size()) / static_cast<double>(kSampleRate);
  EXPECT_LT(sound::ear_difference_db(room.piece(1.3, 1.5)), -3) << "the sentence, from the left";
  EXPECT_GT(sound::ear_difference_db(room.piece(1.5, 1.5 + earcon_s)), 3) << "the earcon";
  EXPECT_LT(sound::ear_difference_db(room.piece(1.6 + earcon_s, 2.2)), -3)
      << "the sentence goes on";
}

TEST(Speaker, TheSameCallsGiveTheSameSound) {
  const auto run = [] {
    Room room(english());
    room.say(0.31, Priority::info, -30, "Chair", 1);
    room.say(0.9, Priority::critical, 12, "Person ahead, one metre!", 2);
    room.say(1.4, Priority::warning, 50, "Dog", 3);
    room.until(5);
    room.speaker.finish();
    return room.sound;
  };
  const auto first = run();
  EXPECT_EQ(first, run());
  EXPECT_GT(sound::peak(first), 0.05F);
}

TEST(Speaker, ManySoundsAtOnceDoNotClip) {
  Room room(english());
  for (int i = 0; i < 12; ++i) {
    room.say(0.5 + 0.02 * i, Priority::critical, 80 - 2 * i, "Attention, attention!", i);
  }
  room.until(3);
  EXPECT_LE(sound::peak(room.sound), 1.0F);
  // Squared-off tops are runs of the same extreme value.
  int run = 0, longest = 0;
  for (std::size_t i = 3; i < room.sound.size(); i += 2) {
    const bool flat = std::abs(room.sound[i]) > 0.99F && room.sound[i] == room.sound[i - 2];
    run = flat ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  EXPECT_LE(longest, 3);
}

TEST(Speaker, OneSoundAloneStaysFarFromTheLimit) {
  Room room(english());
  room.say(0, Priority::critical, 80, "Attention, attention!");
  room.until(3);
  EXPECT_LT(sound::peak(room.sound), 0.9F);
  EXPECT_GT(sound::peak(room.sound), 0.1F);
}

/// Frames of 1/30 s in which the system sees, or does not.
void go_on(Room& room, double until, bool sees, std::optional<double> way_deg) {
  for (; room.now < until - 1e-9; room.until(std::min(room.now + 1 / 30.0, until))) {
    room.speaker.seeing(sees, way_deg, ns(room.now));
  }
}

TEST(Speaker, AHeartbeatTicksWhileItSeesAndNothingIsHeard) {
  SpeakerOptions options = only_earcons();
  options.heartbeat_s = 1;
  Room room(options);
  go_on(room, 3.5, true, {});
  const auto loud = [&](double from, double to) {
    return sound::peak(room.piece(from, to)) > 0.005F;
  };
  EXPECT_FALSE(loud(0, 0.95));
  EXPECT_TRUE(loud(0.95, 1.1));
  EXPECT_FALSE(loud(1.1, 1.95));
  EXPECT_TRUE(loud(1.95, 2.15));
  room.say(3.5, Priority::info, 0, "x");
  go_on(room, 4.45, true, {});
  EXPECT_FALSE(loud(3.8, 4.4));  // a second after the cue, not after the last tick
  go_on(room, 4.7, true, {});
  EXPECT_TRUE(loud(4.45, 4.7));
  go_on(room, 8, false, {});
  EXPECT_FALSE(loud(5, 8));
}

TEST(Speaker, TheToneComesFromWhereTheWayIsFree) {
  SpeakerOptions options = only_earcons();
  options.way_tone = true;
  Room room(options);
  go_on(room, 2, true, -50);
  go_on(room, 4, true, 50);
  EXPECT_LT(sound::ear_difference_db(room.piece(0.5, 2)), -3);
  EXPECT_GT(sound::ear_difference_db(room.piece(2.5, 4)), 3);
  go_on(room, 6, true, {});  // no way in view
  EXPECT_LT(sound::peak(room.piece(4.3, 6)), 1e-4F);
}

TEST(Speaker, TheToneEndsWhenNothingMoreIsTold) {
  SpeakerOptions options = only_earcons();
  options.way_tone = true;
  Room room(options);
  go_on(room, 1, true, 0);
  room.until(4);
  EXPECT_GT(sound::peak(room.piece(0, 1)), 0.01F);
  EXPECT_LT(sound::peak(room.piece(1.7, 4)), 1e-4F);
}

TEST(Speaker, TheToneIsSofterUnderAnEarcon) {
  SpeakerOptions options = only_earcons();
  options.way_tone = true;
  Room room(options);
  go_on(room, 2, true, 80);
  const double alone = sound::energy(room.piece(1, 1.16), 1);
  Cue cue;
  cue.priority = Priority::warning;
  cue.bearing_deg = -80;
  room.speaker.say(cue, "", ns(2));
  go_on(room, 2.16, true, 80);
  EXPECT_LT(sound::ear_difference_db(room.piece(2.02, 2.16)), 0);
  EXPECT_GT(alone, 0);
}

TEST(Speaker, FinishLetsTheSentenceEnd) {
  Room room(english());
  room.say(0, Priority::info, 0, "Chair on the left");
  room.until(0.5);
  room.speaker.finish();
  const double length = static_cast<double>(room.sound.size()) / 2 / kSampleRate;
  const double earcon_s = static_cast<double>(earcon(Priority::info).size()) / kSampleRate;
  const Speech speech = run_espeak("en-gb", 190, "Chair on the left");
  const double speech_s = static_cast<double>(speech.samples.size()) / speech.rate;
  EXPECT_GT(length, earcon_s + speech_s);
  EXPECT_LT(length, earcon_s + speech_s + 0.2);
}

TEST(Speaker, FinishDoesNotOutstayItsLimit) {
  Room room(english());
  room.say(0, Priority::info, 0, "One two three four five six seven eight nine ten eleven twelve");
  room.speaker.finish(0.5);
  EXPECT_LE(room.sound.size(), 2U * (kSampleRate / 2 + 480));
}

TEST(Speaker, WhatEspeakCannotSayIsCountedAndItsEarconHeard) {
  const FakeEspeak fake("case \"$*\" in *broken*) exit 1;; esac");
  Room room(english());
  room.say(0.1, Priority::warning, 30, "broken", 1);
  room.say(1.0, Priority::warning, 30, "Chair", 2);
  room.until(3);
  EXPECT_EQ(room.speaker.dropped().failed, 1);
  EXPECT_GT(sound::peak(room.piece(0.1, 0.3)), 0.02F);
  EXPECT_GT(sound::peak(room.piece(1.4, 1.8)), 0.02F) << "the next sentence was lost as well";
}

TEST(Speaker, EndsThoughEspeakHangs) {
  const FakeEspeak fake("case \"$*\" in *hang*) exec sleep 1000;; esac");
  Room room(english());
  room.say(0.1, Priority::warning, 30, "hang", 1);
  // The test's own time limit is the assertion: leaving this scope must not wait for the sleep.
}

TEST(Speaker, SaysSoWhereThereIsNoSoundCard) {
  if (has_playback_device()) GTEST_SKIP() << "there is a sound card here";
  SpeakerOptions options = english();
  options.device = true;
  try {
    const Speaker speaker(options, nullptr);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::sound);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("no sound card"));
  }
}

TEST(SoundReport, KnowsWhatSpeaks) {
  const SoundReport report = sound_report({"es", "en-gb", "klingon-opera"});
  EXPECT_TRUE(report.hrtf);
  EXPECT_TRUE(report.espeak);
  EXPECT_THAT(report.voices, ::testing::ElementsAre("es", "en-gb"));
}

}  // namespace
}  // namespace lazarillo
