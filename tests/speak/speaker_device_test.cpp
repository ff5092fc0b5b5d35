#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "fake_espeak.h"
#include "speak/sound_info.h"
#include "speak/speaker.h"

// Sound played in real time. These run with ALSOFT_DRIVERS=null (tests/speak/CMakeLists.txt): a
// sound card that keeps time and makes no noise. Elsewhere they are skipped.

namespace lazarillo {
namespace {

class SpeakerDevice : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("ALSOFT_DRIVERS", "null", 1);
    ASSERT_TRUE(has_playback_device());
    options.voice = "en-gb";
    options.device = true;
  }
  static Cue cue(Priority priority, int track) {
    Cue c;
    c.priority = priority;
    c.track = track;
    c.bearing_deg = 30;
    c.distance_m = 3;
    return c;
  }
  /// Until something is being said; the test's own time limit ends it otherwise.
  static std::string first_said(const Speaker& speaker) {
    for (;;) {
      const std::string text = speaker.spoken_now().text;
      if (!text.empty()) return text;
      std::this_thread::yield();
    }
  }
  SpeakerOptions options;
};

TEST_F(SpeakerDevice, SaysASentenceToItsEnd) {
  Speaker speaker(options, nullptr);
  speaker.say(cue(Priority::info, 1), "Chair", 0);
  EXPECT_EQ(first_said(speaker), "Chair");
  speaker.finish(30);
  EXPECT_EQ(speaker.spoken_now().text, "");
  const Speaker::Dropped dropped = speaker.dropped();
  EXPECT_EQ(dropped.expired + dropped.replaced + dropped.interrupted + dropped.failed, 0);
}

TEST_F(SpeakerDevice, ACriticalSentenceCutsOffALesserOne) {
  Speaker speaker(options, nullptr);
  speaker.say(cue(Priority::info, 1), "One two three four five six seven eight nine ten eleven", 0);
  (void)first_said(speaker);
  speaker.say(cue(Priority::critical, 2), "Car!", 0);
  while (speaker.spoken_now().text != "Car!") std::this_thread::yield();
  EXPECT_EQ(speaker.dropped().interrupted, 1);
  speaker.finish(30);
}

TEST_F(SpeakerDevice, EndsWhileSpeakingAndWithoutAWord) {
  ::testing::internal::CaptureStderr();
  std::optional<Speaker> speaker;
  speaker.emplace(options, nullptr);
  speaker->say(cue(Priority::info, 1), "One two three four five six seven eight nine ten", 0);
  (void)first_said(*speaker);
  speaker.reset();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST_F(SpeakerDevice, EndsThoughEspeakHangs) {
  const FakeEspeak fake("case \"$*\" in *hang*) exec sleep 1000;; esac");
  Speaker speaker(options, nullptr);
  speaker.say(cue(Priority::warning, 1), "hang", 0);
  speaker.finish(0.5);
}

TEST_F(SpeakerDevice, AnEspeakThatHangsDoesNotSilenceTheRest) {
  const FakeEspeak fake("case \"$*\" in *hang*) exec sleep 1000;; esac");
  Speaker speaker(options, nullptr);
  speaker.say(cue(Priority::warning, 1), "hang", 0);
  while (speaker.dropped().failed == 0) std::this_thread::yield();
  speaker.say(cue(Priority::warning, 2), "Chair", 0);
  while (speaker.spoken_now().text != "Chair") std::this_thread::yield();
  speaker.finish(30);
}

}  // namespace
}  // namespace lazarillo
