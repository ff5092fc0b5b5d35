// What a walker asks of the guide, at moments of the stream.

#include "guide/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "guide/guide.h"
#include "guide/pace.h"

namespace lazarillo {
namespace {

struct Said {
  double at_s;
  Cue cue;
  bool answer;
};

Track thing(int id, const char* label, ObjectKind kind, double bearing_deg, double distance_m,
            double now_s) {
  Track t;
  t.id = id;
  t.label = label;
  t.kind = kind;
  t.box = {10, 10, 20, 40};
  t.bearing_deg = bearing_deg;
  t.angular_width_deg = 5;
  t.angular_height_deg = 20;
  t.distance_m = distance_m;
  t.distance_sigma_m = 0.05 * distance_m;
  t.first_seen_ns = 0;
  t.last_seen_ns = static_cast<std::int64_t>(now_s * 1e9);
  return t;
}

using World = std::function<std::vector<Track>(double now_s)>;

/// Plays `seconds` at 20 frames a second; each command is given after the frame of its time.
/// Nothing is seen from `blind_s` on.
std::vector<Said> play(double seconds, const World& world,
                       const std::multimap<double, Command>& commands, double blind_s = 1e9,
                       double words_per_minute = 60) {
  GuideOptions options;
  options.words_per_minute = words_per_minute;
  Guide guide(options);
  std::vector<Said> said;
  Vision vision;
  auto next = commands.begin();
  for (int frame = 1; frame <= static_cast<int>(seconds * 20); ++frame) {
    const double t = frame / 20.0;
    Tracks tracks;
    tracks.stamp.stream_ns = static_cast<std::int64_t>(t * 1e9);
    tracks.items = world(t);
    if (t < blind_s) vision.last_seen_ns = tracks.stamp.stream_ns;
    for (const Cue& cue : guide.update(tracks, vision)) said.push_back({t, cue, false});
    for (; next != commands.end() && next->first <= t; ++next) {
      said.push_back({t, guide.obey(next->second, tracks, vision), true});
    }
  }
  return said;
}

std::vector<Said> answers(const std::vector<Said>& said) {
  std::vector<Said> some;
  for (const Said& s : said) {
    if (s.answer) some.push_back(s);
  }
  return some;
}

int words_between(const std::vector<Said>& said, double from_s, double to_s) {
  int words = 0;
  for (const Said& s : said) {
    if (!s.answer && s.at_s >= from_s && s.at_s < to_s) words += words_of(s.cue);
  }
  return words;
}

std::vector<Track> empty(double) { return {}; }

/// Somebody new to the right, far from the last one, every two seconds: always something to tell.
std::vector<Track> crowd(double now_s) {
  const int id = 1 + static_cast<int>(now_s / 2);
  std::vector<Track> tracks{thing(id, id % 2 == 0 ? "person" : "dog", ObjectKind::person,
                                  id % 4 < 2 ? 40 : -40, 6, now_s)};
  tracks[0].first_seen_ns = static_cast<std::int64_t>((now_s - std::fmod(now_s, 2)) * 1e9);
  return tracks;
}

TEST(Command, EachHasANameOfItsOwn) {
  for (int i = 0; i < kCommands; ++i) {
    const auto command = static_cast<Command>(i);
    EXPECT_EQ(command_of(to_string(command)), command);
    EXPECT_THAT(command_names(), testing::HasSubstr(to_string(command)));
  }
  EXPECT_FALSE(command_of("shout"));
  EXPECT_FALSE(command_of(""));
  EXPECT_FALSE(command_of("mute "));
}

TEST(Command, ThePresetsAreThoseOfThePace) {
  for (int i = 0; i < static_cast<int>(pace_presets().size()); ++i) {
    const auto command = static_cast<Command>(i);
    EXPECT_EQ(pace_presets()[static_cast<std::size_t>(i)].name, to_string(command));
    Guide guide{GuideOptions()};
    const Cue cue = guide.obey(command, {}, {});
    EXPECT_EQ(guide.manner().words_per_minute, words_per_minute_of(to_string(command)));
    std::string kind = "pace_" + std::string(to_string(command));
    std::replace(kind.begin(), kind.end(), '-', '_');
    EXPECT_EQ(to_string(cue.kind), kind);
  }
}

TEST(Command, MoreAndLessAreOneStep) {
  GuideOptions options;
  options.words_per_minute = 45;  // between two presets
  Guide guide(options);
  const auto after = [&](Command command) {
    (void)guide.obey(command, {}, {});
    return guide.manner().words_per_minute;
  };
  EXPECT_EQ(after(Command::more), 60);
  EXPECT_EQ(after(Command::more), 120);
  EXPECT_EQ(after(Command::more), 120);
  EXPECT_EQ(after(Command::less), 60);
  EXPECT_EQ(after(Command::less), 30);
  EXPECT_EQ(after(Command::less), 0);
  EXPECT_EQ(after(Command::less), 0);
}

TEST(Command, APaceHoldsFromTheMomentItIsChosen) {
  const auto said = play(180, crowd, {{60, Command::critical_only}, {120, Command::dense}});
  EXPECT_GT(words_between(said, 0, 60), 20);
  EXPECT_EQ(words_between(said, 60, 120), 0);
  EXPECT_GT(words_between(said, 120, 180), words_between(said, 0, 60));
}

TEST(Command, MutedOnlyWhatIsCriticalAndSightAreTold) {
  // A chair comes up to the walker; vision is lost at the end.
  const World world = [](double t) {
    std::vector<Track> tracks = crowd(t);
    if (t > 20) tracks.push_back(thing(900, "chair", ObjectKind::furniture, 0, 24 - t, t));
    return tracks;
  };
  const auto said = play(26, world, {{5, Command::mute}}, 25);
  ASSERT_EQ(answers(said).size(), 1U);
  EXPECT_EQ(answers(said)[0].cue.kind, CueKind::muted);
  bool chair = false, lost = false;
  for (const Said& s : said) {
    if (s.answer || s.at_s <= 5) continue;
    EXPECT_EQ(s.cue.priority, Priority::critical) << to_string(s.cue.kind);
    chair |= s.cue.label == "chair";
    lost |= s.cue.kind == CueKind::vision_lost;
  }
  EXPECT_TRUE(chair);
  EXPECT_TRUE(lost);
  EXPECT_GT(words_between(said, 0, 5), 0);
}

TEST(Command, WhatWasSilencedIsToldOnceItIsWantedAgain) {
  const World somebody = [](double t) {
    return std::vector{thing(7, "person", ObjectKind::person, 30, 5, t)};
  };
  const auto said = play(20, somebody, {{0, Command::toggle_mute}, {10, Command::toggle_mute}});
  ASSERT_EQ(said.size(), 3U);
  EXPECT_EQ(said[0].cue.kind, CueKind::muted);
  EXPECT_EQ(said[1].cue.kind, CueKind::unmuted);
  EXPECT_EQ(said[2].cue.track, 7);
  // Not into the answer: information waits its gap.
  EXPECT_GE(said[2].at_s, 14);
}

TEST(Command, ItSaysThatItSeesAgainAlsoWhenMuted) {
  Guide guide{GuideOptions()};
  (void)guide.obey(Command::mute, {}, {1});
  std::vector<CueKind> kinds;
  for (std::int64_t frame = 1; frame < 80; ++frame) {
    Tracks tracks;
    tracks.stamp.stream_ns = frame * 50'000'000;
    const bool seen = frame < 20 || frame > 50;
    const Vision vision{seen ? tracks.stamp.stream_ns : 950'000'000};
    for (const Cue& cue : guide.update(tracks, vision)) kinds.push_back(cue.kind);
  }
  EXPECT_THAT(kinds, testing::ElementsAre(CueKind::vision_lost, CueKind::vision_back));
}

TEST(Command, AChosenPaceEndsBeingMuted) {
  Guide guide{GuideOptions()};
  (void)guide.obey(Command::mute, {}, {});
  EXPECT_TRUE(guide.manner().muted);
  (void)guide.obey(Command::more, {}, {});
  EXPECT_FALSE(guide.manner().muted);
}

TEST(Command, AMannerIsTakenOver) {
  Guide guide{GuideOptions()};
  guide.set_manner({30, true});
  EXPECT_EQ(guide.manner().words_per_minute, 30);
  EXPECT_EQ(guide.obey(Command::toggle_mute, {}, {}).kind, CueKind::unmuted);
}

TEST(Command, AroundIsAnsweredWhateverThePace) {
  const auto said = play(
      30, crowd, {{10.5, Command::around}, {11, Command::around}, {20.5, Command::around}}, 1e9, 0);
  const auto told = answers(said);
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(said.size(), 3U);  // and nothing else: the pace is 0
  for (const Said& s : told) {
    EXPECT_EQ(s.cue.kind, CueKind::around);
    ASSERT_EQ(s.cue.parts.size(), 1U);
    EXPECT_EQ(s.cue.parts[0].track, 1 + static_cast<int>(s.at_s / 2));
  }
}

TEST(Command, AnAnswerCostsNoWordsOfTheBudget) {
  std::multimap<double, Command> often;
  for (double t = 1; t < 59; t += 1.1) often.emplace(t, Command::around);
  // Information waits after an answer; warnings do not, and only the budget could hold them back.
  const World warned = [](double t) {
    std::vector<Track> tracks = crowd(t);
    tracks[0].bearing_deg = 0;
    tracks[0].distance_m = 2;
    return tracks;
  };
  EXPECT_EQ(words_between(play(60, warned, often), 0, 60),
            words_between(play(60, warned, {}), 0, 60));
}

TEST(Command, AroundSaysSoWhenNothingIsSeen) {
  const auto kinds = [](const std::vector<Said>& said) {
    std::vector<CueKind> all;
    for (const Said& s : said) all.push_back(s.cue.kind);
    return all;
  };
  // There is nothing; that is not the same as seeing nothing.
  EXPECT_THAT(kinds(play(2, empty, {{1, Command::around}})), testing::ElementsAre(CueKind::around));
  const auto blind = play(3, empty, {{1.3, Command::around}, {2, Command::around}}, 1);
  ASSERT_FALSE(blind.empty());
  EXPECT_THAT(kinds(answers(blind)), testing::Contains(CueKind::vision_lost));
  EXPECT_EQ(answers(blind).back().cue.kind, CueKind::vision_lost);
  EXPECT_EQ(answers(blind).back().cue.priority, Priority::critical);
  // Before the first picture.
  Guide guide{GuideOptions()};
  EXPECT_EQ(guide.obey(Command::around, {}, {}).kind, CueKind::vision_lost);
}

TEST(Command, AroundTellsOfTheWayToo) {
  Guide guide{GuideOptions()};
  Tracks tracks;
  for (int i = 1; i <= 8; ++i) {
    tracks.stamp.stream_ns = std::int64_t{i} * 100'000'000;
    CorridorView view;
    view.stamp = tracks.stamp;
    view.ground.seen = true;
    view.obstacle = Obstacle{4, 0.4, 0, 0.1, 1};  // farther than what is warned of
    guide.see_path(view);
    EXPECT_TRUE(guide.update(tracks, {tracks.stamp.stream_ns}).empty());
  }
  const Cue answer = guide.obey(Command::around, tracks, {tracks.stamp.stream_ns});
  ASSERT_EQ(answer.parts.size(), 1U);
  EXPECT_EQ(answer.parts[0].kind, CueKind::obstacle);
  EXPECT_NEAR(*answer.parts[0].distance_m, 4, 0.1);
}

TEST(Command, TheSameCommandsGiveTheSameCues) {
  const std::multimap<double, Command> commands{
      {3, Command::around}, {9, Command::less}, {12, Command::mute}, {40, Command::more}};
  const auto first = play(60, crowd, commands);
  const auto second = play(60, crowd, commands);
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].at_s, second[i].at_s);
    EXPECT_EQ(first[i].cue.kind, second[i].cue.kind);
    EXPECT_EQ(first[i].cue.track, second[i].cue.track);
  }
}

}  // namespace
}  // namespace lazarillo
