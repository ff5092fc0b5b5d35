#include "speak/speech_queue.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <optional>
#include <sstream>

namespace lazarillo {
namespace {

constexpr double kGrace = 0.25, kExpire = 2.5;

std::int64_t ns(double seconds) { return std::llround(seconds * 1e9); }

/// Plays a scenario on a clock of 10 ms: sentences are asked for at given times and take a given
/// time each; tells what was heard, as "begin-end text" ("!" where it was cut off).
class Scene {
 public:
  void ask(double at, Priority priority, int track, const std::string& text, double lasts,
           double earcon = 0) {
    asked_.emplace(ns(at), Utterance{text, priority, track, 0, ns(at), ns(at + earcon)});
    lasts_[text] = ns(lasts);
  }

  /// About something so far away, `ttc_s` where it is known.
  void ask_of(double at, Priority priority, int track, const std::string& text, double metres,
              std::optional<double> ttc_s = {}) {
    Cue cue;
    cue.priority = priority;
    cue.track = track;
    cue.distance_m = metres;
    cue.ttc_s = ttc_s;
    asked_.emplace(ns(at), utterance_of(cue, text, ns(at), ns(at)));
    lasts_[text] = ns(1);
  }

  void answer(double at, const std::string& text, double lasts) {
    asked_.emplace(ns(at), Utterance{text, Priority::info, -10, 0, ns(at), ns(at), true});
    lasts_[text] = ns(lasts);
  }

  std::string heard(double until = 10) {
    std::ostringstream out;
    std::int64_t begun = 0, ends = 0;
    std::string text;
    const auto told = [&](std::int64_t now, const char* how) {
      out << (out.tellp() > 0 ? "; " : "") << static_cast<double>(begun) / 1e9 << '-'
          << static_cast<double>(now) / 1e9 << ' ' << text << how;
      text.clear();
    };
    for (std::int64_t now = 0; now <= ns(until); now += ns(0.01)) {
      if (!text.empty() && now >= ends) {
        told(now, "");
        queue.ended();
      }
      for (auto [it, end] = asked_.equal_range(now); it != end; ++it) queue.add(it->second);
      const SpeechQueue::Step step = queue.step(now);
      if (step.cut_off) told(now, "!");
      if (step.begin) {
        text = step.begin->text;
        begun = now;
        ends = now + lasts_.at(text);
      }
      EXPECT_EQ(queue.speaking().has_value(), !text.empty());
    }
    return out.str();
  }

  SpeechQueue queue{ns(kGrace), ns(kExpire)};

 private:
  std::multimap<std::int64_t, Utterance> asked_;
  std::map<std::string, std::int64_t> lasts_;
};

constexpr auto kCritical = Priority::critical;
constexpr auto kWarning = Priority::warning;
constexpr auto kInfo = Priority::info;

TEST(SpeechQueue, ASentenceWaitsForItsEarcon) {
  Scene s;
  s.ask(1, kInfo, 1, "chair", 1, 0.2);
  EXPECT_EQ(s.heard(), "1.2-2.2 chair");
  EXPECT_TRUE(s.queue.idle());
}

TEST(SpeechQueue, OneAtATimeTheMostUrgentFirst) {
  Scene s;
  s.ask(0, kInfo, 1, "chair", 1);
  s.ask(0.1, kInfo, 2, "bench", 1);
  s.ask(0.8, kWarning, 3, "dog", 0.8);
  EXPECT_EQ(s.heard(), "0-1 chair; 1-1.8 dog; 1.8-2.8 bench");
}

// The walker is at the sofa 3.8 s after it was seen; the car that was seen last takes 5 s.
TEST(SpeechQueue, OfEqualsWhatIsMetSoonestIsSaidFirst) {
  Scene s;
  s.ask_of(0, kWarning, 1, "car", 1);
  s.ask_of(0.3, kWarning, 2, "sofa", 5);
  s.ask_of(0.6, kWarning, 3, "car far away", 40, 5);
  EXPECT_EQ(s.heard(), "0-1 car; 1-2 sofa; 2-3 car far away");
  // Fast enough, what is far away comes first.
  Scene fast;
  fast.ask_of(0, kWarning, 1, "car", 1);
  fast.ask_of(0.3, kWarning, 2, "sofa", 5);
  fast.ask_of(0.6, kWarning, 3, "car far away", 40, 2);
  EXPECT_EQ(fast.heard(), "0-1 car; 1-2 car far away; 2-3 sofa");
  // What is met within 4 s does not wait until all of what is met later is heard.
  Scene near;
  near.ask_of(0, kWarning, 1, "car", 8);
  near.ask_of(0.2, kWarning, 2, "chair", 2);
  EXPECT_EQ(near.heard(), "0-0.5 car!; 0.5-1.5 chair");
  // Nothing waits for information about what is near.
  Scene informed;
  informed.ask_of(0, kInfo, 1, "chair", 2);
  informed.ask_of(0.3, kInfo, 2, "bench", 1);
  informed.ask_of(0.6, kInfo, 3, "door", 8);
  EXPECT_EQ(informed.heard(), "0-1 chair; 1-2 door; 2-3 bench");
}

TEST(SpeechQueue, ACriticalOneCutsOffALesserOneAfterTheGrace) {
  for (const Priority lesser : {kWarning, kInfo}) {
    Scene s;
    s.ask(0, lesser, 1, "chair", 2);
    s.ask(0.5, kCritical, 2, "car", 1);
    EXPECT_EQ(s.heard(), "0-0.75 chair!; 0.75-1.75 car");
    EXPECT_EQ(s.queue.interrupted(), 1);
  }
}

TEST(SpeechQueue, WhatEndsWithinTheGraceEndsByItself) {
  Scene s;
  s.ask(0, kInfo, 1, "chair", 0.7);
  s.ask(0.5, kCritical, 2, "car", 1);
  EXPECT_EQ(s.heard(), "0-0.7 chair; 0.7-1.7 car");
  EXPECT_EQ(s.queue.interrupted(), 0);
}

TEST(SpeechQueue, CutOffWhileTheEarconOfTheCriticalOneStillSounds) {
  Scene s;
  s.ask(0, kInfo, 1, "chair", 2);
  s.ask(0.5, kCritical, 2, "car", 1, 0.35);
  EXPECT_EQ(s.heard(), "0-0.75 chair!; 0.85-1.85 car");
}

TEST(SpeechQueue, WhatIsAsUrgentWaitsForAShortSentence) {
  Scene s;
  s.ask(0, kCritical, 1, "car", 1);
  s.ask(0.1, kCritical, 2, "bus", 1);
  s.ask(0.2, kWarning, 3, "dog", 1);
  EXPECT_EQ(s.heard(), "0-1 car; 1-2 bus; 2-3 dog");
  EXPECT_EQ(s.queue.interrupted(), 0);
}

TEST(SpeechQueue, AWarningCutsOffAnotherOnceItsEssentialWasHeard) {
  Scene s;
  s.ask(0, kWarning, 1, "chair", 2);
  s.ask(0.5, kWarning, 2, "dog", 1);
  EXPECT_EQ(s.heard(), "0-1 chair!; 1-2 dog");
}

TEST(SpeechQueue, AWarningCutsOffInformationAfterTheGrace) {
  Scene s;
  s.ask(0, kInfo, 1, "chair", 2);
  s.ask(0.5, kWarning, 2, "dog", 1);
  EXPECT_EQ(s.heard(), "0-0.75 chair!; 0.75-1.75 dog");
}

// Nearly the same words are being said of it: what it is and where are heard out.
TEST(SpeechQueue, AWarningCutsOffInformationAboutTheSameThingOnceItsEssentialWasHeard) {
  Scene s;
  s.ask(0, kInfo, 1, "car far away", 3);
  s.ask(0.5, kWarning, 1, "car", 1);
  EXPECT_EQ(s.heard(), "0-1 car far away!; 1-2 car");
  Scene again;
  again.ask(0, kWarning, 1, "car", 2.5);
  again.ask(0.5, kWarning, 1, "car nearer", 1);
  EXPECT_EQ(again.heard(), "0-2.5 car; 2.5-3.5 car nearer");
}

TEST(SpeechQueue, InformationInterruptsNothing) {
  Scene s;
  s.ask(0, kInfo, 1, "chair", 2);
  s.ask(0.5, kInfo, 2, "bench", 1);
  EXPECT_EQ(s.heard(), "0-2 chair; 2-3 bench");
}

TEST(SpeechQueue, ACriticalOneIsCutOffByAnotherOnceItsEssentialWasHeard) {
  Scene s;
  s.ask(0, kCritical, 1, "car from the left", 2.5);
  s.ask(0.2, kCritical, 1, "car nearer", 1);
  s.ask(0.5, kCritical, 2, "bus", 1);
  EXPECT_EQ(s.heard(), "0-1 car from the left!; 1-2 bus; 2-3 car nearer");
}

TEST(SpeechQueue, NotSeeingIsSaidBeforeEverythingElse) {
  Scene s;
  s.ask(0, kCritical, 1, "car", 2);
  s.ask(0.2, kCritical, 2, "bus", 1);
  s.ask(0.4, kCritical, 0, "I cannot see", 1);
  EXPECT_EQ(s.heard(), "0-0.65 car!; 0.65-1.65 I cannot see; 1.65-2.65 bus");
}

TEST(SpeechQueue, ALesserOneDoesNotSlipInBeforeAMoreUrgentOne) {
  Scene s;
  s.ask(0, kCritical, 1, "car", 1, 0.3);
  s.ask(0.1, kInfo, 2, "chair", 1);
  EXPECT_EQ(s.heard(), "0.3-1.3 car; 1.3-2.3 chair");
}

TEST(SpeechQueue, TheNewerSentenceAboutATrackReplacesTheOneThatWaits) {
  Scene s;
  s.ask(0, kWarning, 1, "chair", 1);
  s.ask(0.2, kWarning, 2, "dog 5 metres", 1);
  s.ask(0.6, kWarning, 2, "dog 3 metres", 1);
  EXPECT_EQ(s.heard(), "0-1 chair; 1-2 dog 3 metres");
  EXPECT_EQ(s.queue.replaced(), 1);
}

// What became critical while it waited has waited already.
TEST(SpeechQueue, TheGraceBeginsWithTheFirstSentenceAboutATrack) {
  Scene s;
  s.ask(0, kInfo, 1, "chair", 2);
  s.ask(0.5, kWarning, 2, "dog", 1);
  s.ask(0.6, kCritical, 2, "dog!", 1);
  EXPECT_EQ(s.heard(), "0-0.75 chair!; 0.75-1.75 dog!");
}

TEST(SpeechQueue, WhatIsBeingSaidIsNotReplaced) {
  Scene s;
  s.ask(0, kWarning, 2, "dog 5 metres", 1);
  s.ask(0.5, kWarning, 2, "dog 3 metres", 1);
  EXPECT_EQ(s.heard(), "0-1 dog 5 metres; 1-2 dog 3 metres");
  EXPECT_EQ(s.queue.replaced(), 0);
}

TEST(SpeechQueue, WhatTheSystemSaysOfItselfIsTheLatest) {
  Scene s;
  s.ask(0, kWarning, 1, "chair", 0.9);
  s.ask(0.5, kWarning, 0, "I cannot see", 1);
  s.ask(0.7, kInfo, 0, "I see again", 1);
  EXPECT_EQ(s.heard(), "0-0.9 chair; 0.9-1.9 I see again");
}

TEST(SpeechQueue, WhatWaitedTooLongIsDropped) {
  Scene s;
  s.ask(0, kCritical, 1, "car", 3);
  s.ask(0.4, kInfo, 2, "chair", 1);
  s.ask(0.6, kInfo, 3, "bench", 1);
  EXPECT_EQ(s.heard(), "0-3 car; 3-4 bench");
  EXPECT_EQ(s.queue.expired(), 1);
  EXPECT_TRUE(s.queue.idle());
}

TEST(SpeechQueue, EverySentenceIsAccountedFor) {
  // Many sentences at once, the same every time: each is heard, or counted under one reason.
  Scene s;
  const int count = 60;
  std::uint32_t random = 7;
  const auto up_to = [&](std::uint32_t n) {
    random = random * 1664525U + 1013904223U;
    return random / 65536 % n;
  };
  for (int i = 0; i < count; ++i) {
    s.ask(0.01 * up_to(900), up_to(8) == 0 ? kCritical : kInfo, 1 + static_cast<int>(up_to(8)),
          std::to_string(i).insert(0, 1, 's'), 0.3 + 0.01 * up_to(100), 0.01 * up_to(30));
  }
  const std::string heard = s.heard(20);
  const auto said = std::count(heard.begin(), heard.end(), 's');
  EXPECT_EQ(said + s.queue.expired() + s.queue.replaced(), count) << heard;
  EXPECT_EQ(std::count(heard.begin(), heard.end(), '!'), s.queue.interrupted());
  EXPECT_GT(s.queue.interrupted(), 0);
}

TEST(SpeechQueue, AnAnswerCutsOffInformation) {
  Scene scene;
  scene.ask(0, kInfo, 7, "dog", 3);
  scene.answer(0.5, "calm", 1);
  EXPECT_EQ(scene.heard(), "0-0.75 dog!; 0.75-1.75 calm");
}

TEST(SpeechQueue, AnAnswerCutsOffAnother) {
  Scene scene;
  scene.answer(0, "three people", 5);
  scene.answer(1, "muted", 1);
  EXPECT_EQ(scene.heard(), "0-1.25 three people!; 1.25-2.25 muted");
}

TEST(SpeechQueue, AnAnswerWaitsBehindWhatIsUrgent) {
  Scene scene;
  scene.ask(0, kWarning, 7, "dog", 2);
  scene.answer(0.5, "calm", 1);
  scene.ask(2.5, kCritical, 8, "car", 1);
  EXPECT_EQ(scene.heard(), "0-2 dog; 2-2.75 calm!; 2.75-3.75 car");
}

TEST(SpeechQueue, AnAnswerDoesNotTakeThePlaceOfBlindness) {
  Scene scene;
  scene.ask(0, kCritical, 7, "car", 0.2);
  scene.ask(0.1, kCritical, 0, "blind", 1);
  scene.answer(0.1, "calm", 1);
  EXPECT_EQ(scene.heard(), "0-0.2 car; 0.2-1.2 blind; 1.2-2.2 calm");
}

TEST(SpeechQueue, HushedOnlyWhatIsCriticalOrOfTheSystemIsSaid) {
  SpeechQueue queue(ns(kGrace), ns(kExpire));
  queue.add({"dog", kInfo, 7, 0, 0, 0});
  EXPECT_EQ(queue.step(0).begin->text, "dog");
  queue.add({"bus", kWarning, 8, 0, 0, 0});
  queue.add({"sees", kWarning, 0, 0, 0, 0});
  queue.add({"car", kCritical, 9, 0, 0, 0});
  queue.hush();
  const SpeechQueue::Step step = queue.step(ns(0.01));
  EXPECT_TRUE(step.cut_off);
  EXPECT_EQ(step.begin->text, "car");
  queue.hush();  // what is critical goes on
  EXPECT_FALSE(queue.step(ns(0.02)).cut_off);
  queue.ended();
  EXPECT_EQ(queue.step(ns(1)).begin->text, "sees");
  queue.ended();
  EXPECT_TRUE(queue.idle());
}

}  // namespace
}  // namespace lazarillo
