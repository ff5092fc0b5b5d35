#include "guide/groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "guide/pace.h"

namespace lazarillo {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Track thing(int id, const char* label, double bearing_deg, std::optional<double> distance_m,
            ObjectKind kind = ObjectKind::person) {
  Track t;
  t.id = id;
  t.label = label;
  t.kind = kind;
  t.box = {10, 10, 20, 40};
  t.bearing_deg = bearing_deg;
  t.angular_width_deg = 4;
  t.angular_height_deg = 15;
  t.distance_m = distance_m;
  t.distance_sigma_m = 0.1 * distance_m.value_or(0);
  return t;
}

Cue seen(std::vector<Track> items, const std::vector<Wish>& of_path = {}) {
  Tracks tracks;
  tracks.items = std::move(items);
  return around(tracks, of_path, GuideOptions());
}

TEST(Around, ThreePeopleAheadAndACarOnTheLeft) {
  const Cue answer = seen({thing(4, "car", -30, 4, ObjectKind::vehicle), thing(1, "person", 3, 3.4),
                           thing(2, "person", -6, 3), thing(3, "person", 8, 4)});
  ASSERT_EQ(answer.parts.size(), 2U);
  // A car counts from twice as far as a person: it comes first.
  EXPECT_EQ(answer.parts[0].label, "car");
  EXPECT_EQ(answer.parts[0].side, Side::left);
  EXPECT_EQ(answer.parts[0].distance_m, 4);
  const Cue& people = answer.parts[1];
  EXPECT_EQ(count_of(people), 3);
  EXPECT_EQ(people.side, Side::ahead);
  EXPECT_EQ(people.track, 2);  // the nearest
  EXPECT_EQ(people.distance_m, 3);
  EXPECT_THAT(people.others, UnorderedElementsAre(1, 3));
}

TEST(Around, OthersAreNotOneGroup) {
  // Another side, another distance, another name, no distance.
  const Track person = thing(1, "person", 0, 3);
  for (const Track& other : {thing(2, "person", 20, 3), thing(2, "person", 0, 9),
                             thing(2, "dog", 0, 3), thing(2, "person", 2, std::nullopt)}) {
    EXPECT_EQ(seen({person, other}).parts.size(), 2U);
  }
  EXPECT_EQ(seen({person, thing(2, "person", 2, 3.5)}).parts.size(), 1U);
}

TEST(Around, WhatIsUrgentComesFirst) {
  // The chair is nearer; the person is in the way.
  const Cue answer =
      seen({thing(1, "chair", 40, 1.5, ObjectKind::furniture), thing(2, "person", 0, 2.2)});
  ASSERT_EQ(answer.parts.size(), 2U);
  EXPECT_EQ(answer.parts[0].label, "person");
}

TEST(Around, WhatIsNotInViewIsNotTold) {
  Tracks tracks;
  tracks.stamp.stream_ns = 10'000'000'000;
  tracks.items = {thing(1, "person", 0, 3), thing(2, "person", 0, 3), thing(3, "person", 0, 3)};
  tracks.items[0].last_seen_ns = 9'900'000'000;
  tracks.items[1].last_seen_ns = 9'000'000'000;  // a second ago
  tracks.items[2].last_seen_ns = 9'900'000'000;
  tracks.items[2].box = {};  // predicted to have left the picture
  const Cue answer = around(tracks, {}, GuideOptions());
  ASSERT_EQ(answer.parts.size(), 1U);
  EXPECT_EQ(answer.parts[0].track, 1);
  EXPECT_THAT(answer.parts[0].others, IsEmpty());
}

TEST(Around, FarThingsAreToldWhenThereIsNothingElse) {
  EXPECT_EQ(seen({thing(1, "person", 0, 60)}).parts.size(), 1U);
  EXPECT_THAT(seen({}).parts, IsEmpty());
}

TEST(Around, IsShortHoweverMuchThereIs) {
  std::mt19937 random(11);
  const auto between = [&](double least, double most) {
    return std::uniform_real_distribution<double>(least, most)(random);
  };
  std::size_t most_parts = 0;
  for (int scene = 0; scene < 300; ++scene) {
    std::vector<Track> items;
    const int count = static_cast<int>(between(1, 30));
    for (int i = 1; i <= count; ++i) {
      const char* label = std::array{"person", "car", "chair", "dog"}[random() % 4];
      const auto distance = random() % 5 == 0 ? std::nullopt : std::optional(between(0.5, 40));
      items.push_back(thing(i, label, between(-35, 35), distance));
    }
    const Cue answer = seen(items);
    ASSERT_FALSE(answer.parts.empty());
    most_parts = std::max(most_parts, answer.parts.size());
    if (answer.parts.size() > 1) {
      EXPECT_LE(words_of(answer), kMostAroundWords);
    }
    std::set<int> told;
    for (const Cue& part : answer.parts) {
      EXPECT_TRUE(told.insert(part.track).second);
      for (const int other : part.others) EXPECT_TRUE(told.insert(other).second);
      // The distance is that of the nearest of them.
      for (const int other : part.others) {
        const auto& member = items[static_cast<std::size_t>(other - 1)];
        EXPECT_EQ(member.distance_m.has_value(), part.distance_m.has_value());
        if (part.distance_m) {
          EXPECT_GE(*member.distance_m, *part.distance_m);
        }
      }
    }
  }
  EXPECT_GE(most_parts, 3U);
}

Wish wish(int track, const char* label, Side side, double distance_m,
          Priority priority = Priority::info, CueKind kind = CueKind::object) {
  Wish w;
  w.cue.track = track;
  w.cue.label = label;
  w.cue.side = side;
  w.cue.distance_m = distance_m;
  w.cue.priority = w.threat.priority = priority;
  w.cue.kind = kind;
  return w;
}

TEST(Groups, OneSentenceForThoseAlike) {
  std::vector<Wish> wishes{wish(1, "person", Side::ahead, 4), wish(2, "car", Side::ahead, 4),
                           wish(3, "person", Side::ahead, 3.5), wish(4, "person", Side::left, 4),
                           wish(5, "person", Side::ahead, 4.5)};
  join_groups(wishes);
  ASSERT_EQ(wishes.size(), 3U);
  EXPECT_EQ(wishes[0].cue.track, 3);
  EXPECT_EQ(wishes[0].cue.distance_m, 3.5);
  EXPECT_THAT(wishes[0].cue.others, UnorderedElementsAre(1, 5));
  std::vector<int> members;
  for (const Cue& member : wishes[0].members) members.push_back(member.track);
  EXPECT_THAT(members, UnorderedElementsAre(1, 3, 5));
  EXPECT_EQ(wishes[1].cue.track, 2);
  EXPECT_EQ(wishes[2].cue.track, 4);
  EXPECT_THAT(wishes[2].members, IsEmpty());
}

TEST(Groups, WhatIsCriticalStaysByItself) {
  for (const Priority priority : {Priority::critical, Priority::warning}) {
    std::vector<Wish> wishes{wish(1, "person", Side::ahead, 1, priority),
                             wish(2, "person", Side::ahead, 1, priority),
                             wish(3, "person", Side::ahead, 1.5)};
    join_groups(wishes);
    // Warnings join each other, but no information.
    EXPECT_EQ(wishes.size(), priority == Priority::critical ? 3U : 2U);
  }
}

TEST(Groups, WhoComesIsNotOneOfThoseWhoStand) {
  std::vector<Wish> wishes{wish(1, "person", Side::ahead, 4),
                           wish(2, "person", Side::ahead, 4, Priority::info, CueKind::approaching),
                           wish(3, "person", Side::ahead, 4, Priority::info, CueKind::approaching)};
  join_groups(wishes);
  ASSERT_EQ(wishes.size(), 2U);
  EXPECT_EQ(wishes[1].cue.kind, CueKind::approaching);
  EXPECT_THAT(wishes[1].cue.others, ElementsAre(3));
}

TEST(Groups, AGroupIsToldOnceForAllOfIt) {
  Guide guide{GuideOptions()};
  std::vector<Cue> told;
  for (std::int64_t frame = 1; frame < 400; ++frame) {
    Tracks tracks;
    tracks.stamp.stream_ns = frame * 50'000'000;
    for (int id = 1; id <= 3; ++id) {
      tracks.items.push_back(thing(id, "person", 20 + 6 * id, 6));
      tracks.items.back().last_seen_ns = tracks.stamp.stream_ns;
    }
    for (const Cue& cue : guide.update(tracks, {tracks.stamp.stream_ns})) told.push_back(cue);
  }
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(count_of(told[0]), 3);
}

}  // namespace
}  // namespace lazarillo
