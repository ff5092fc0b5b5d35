#include "eval/guidance.h"

#include <gtest/gtest.h>

#include "error.h"

namespace lazarillo {
namespace {

ToldCue path_cue(double at_s, CueKind kind = CueKind::obstacle,
                 Priority priority = Priority::warning, Side side = Side::ahead) {
  return {at_s, kind, priority, side, 0, "", "obstacle, two metres"};
}

ToldCue object_cue(double at_s, const char* label, int track, Side side = Side::ahead,
                   Priority priority = Priority::warning) {
  return {at_s, CueKind::object, priority, side, track, label, "person ahead"};
}

/// To be told from 2 s, by 4 s, over at 6 s.
Hazard hazard(CueKind kind, std::optional<Side> side = std::nullopt, const char* label = "") {
  return {kind, label, side, 2, 4, 6};
}

SequenceOutcome told(std::vector<Hazard> hazards, std::vector<ToldCue> cues) {
  AnnotatedSequence sequence;
  sequence.name = "walk";
  sequence.hazards = std::move(hazards);
  return match(sequence, {"lznet", 20, std::move(cues)});
}

Telling telling(const Hazard& hazard, const ToldCue& cue) {
  return told({hazard}, {cue}).hazards[0].telling;
}

TEST(Guidance, InTimeLateOrMissed) {
  const Hazard h = hazard(CueKind::obstacle);
  EXPECT_EQ(telling(h, path_cue(1.99)), Telling::missed) << "it was not there yet";
  EXPECT_EQ(telling(h, path_cue(2)), Telling::hit);
  EXPECT_EQ(telling(h, path_cue(4)), Telling::hit);
  EXPECT_EQ(telling(h, path_cue(4.01)), Telling::late);
  EXPECT_EQ(telling(h, path_cue(6)), Telling::late);
  EXPECT_EQ(telling(h, path_cue(6.01)), Telling::missed) << "it is over";
  EXPECT_EQ(told({h}, {}).hazards[0].telling, Telling::missed);
}

TEST(Guidance, TheFirstCueAboutItCounts) {
  const SequenceOutcome outcome = told(
      {hazard(CueKind::drop)},
      {path_cue(3, CueKind::obstacle), path_cue(3.5, CueKind::drop), path_cue(4.5, CueKind::drop)});
  EXPECT_EQ(outcome.hazards[0].telling, Telling::hit);
  EXPECT_EQ(outcome.hazards[0].cue->at_s, 3.5);
}

TEST(Guidance, KindsThatTell) {
  using enum CueKind;
  EXPECT_EQ(telling(hazard(drop), path_cue(3, stairs_down)), Telling::hit);
  EXPECT_EQ(telling(hazard(drop), path_cue(3, obstacle)), Telling::missed);
  EXPECT_EQ(telling(hazard(obstacle), path_cue(3, drop)), Telling::missed);
  EXPECT_EQ(telling(hazard(obstacle), path_cue(3, path_clear)), Telling::missed);
  EXPECT_EQ(telling(hazard(stairs_up), path_cue(3, stairs_down)), Telling::missed);
  EXPECT_EQ(telling(hazard(stairs_up), path_cue(3, obstacle)), Telling::hit);
  EXPECT_EQ(telling(hazard(head_level), path_cue(3, obstacle)), Telling::hit);
  EXPECT_EQ(telling(hazard(head_level), object_cue(3, "lamp", 1)), Telling::missed);
  EXPECT_EQ(telling(hazard(head_level), path_cue(3, vision_lost)), Telling::missed);
}

TEST(Guidance, ObjectsAreToldByTheirName) {
  const Hazard person = hazard(CueKind::object, std::nullopt, "person");
  EXPECT_EQ(telling(person, object_cue(3, "person", 1)), Telling::hit);
  EXPECT_EQ(telling(person, object_cue(3, "chair", 1)), Telling::missed);
  EXPECT_EQ(telling(person, path_cue(3)), Telling::missed);
  const Hazard comes = hazard(CueKind::approaching, std::nullopt, "person");
  EXPECT_EQ(telling(comes, object_cue(3, "person", 1)), Telling::hit);
  EXPECT_EQ(telling(comes, object_cue(3, "person", 1, Side::ahead, Priority::info)),
            Telling::missed)
      << "who comes is told as a warning";
  const Hazard something = hazard(CueKind::obstacle);
  EXPECT_EQ(telling(something, object_cue(3, "chair", 1)), Telling::hit) << "whatever it is";
  EXPECT_EQ(telling(something, object_cue(3, "chair", 1, Side::ahead, Priority::info)),
            Telling::missed);
  EXPECT_EQ(telling(hazard(CueKind::obstacle, std::nullopt, "door"), object_cue(3, "chair", 1)),
            Telling::missed);
}

TEST(Guidance, TheOtherSideIsWrong) {
  using enum Side;
  const auto from = [](Side is, Side said) {
    return telling(hazard(CueKind::obstacle, is),
                   path_cue(3, CueKind::obstacle, Priority::warning, said));
  };
  EXPECT_EQ(from(left, left), Telling::hit);
  EXPECT_EQ(from(left, ahead), Telling::hit);
  EXPECT_EQ(from(left, right), Telling::missed);
  EXPECT_EQ(from(ahead, right), Telling::hit);
  EXPECT_EQ(
      telling(hazard(CueKind::obstacle), path_cue(3, CueKind::obstacle, Priority::warning, right)),
      Telling::hit);
}

TEST(Guidance, OneCueTellsOneHazard) {
  const Hazard first{CueKind::obstacle, "", std::nullopt, 2, 4, 8};
  const Hazard second{CueKind::obstacle, "", std::nullopt, 3, 6, 8};
  EXPECT_EQ(told({second, first}, {path_cue(3.5)}).hazards[0].telling, Telling::missed);
  EXPECT_EQ(told({second, first}, {path_cue(3.5)}).hazards[1].telling, Telling::hit)
      << "the one that is due first";
  const SequenceOutcome both = told({second, first}, {path_cue(3.5), path_cue(5)});
  EXPECT_EQ(both.hazards[0].telling, Telling::hit);
  EXPECT_EQ(both.hazards[0].cue->at_s, 5);
}

TEST(Guidance, WhoIsToldAgainIsNobodyElse) {
  const Hazard left{CueKind::object, "person", Side::left, 2, 4, 8};
  const Hazard right{CueKind::object, "person", Side::right, 2, 5, 8};
  SequenceOutcome outcome =
      told({left, right}, {object_cue(3, "person", 7), object_cue(4.5, "person", 7)});
  EXPECT_EQ(outcome.hazards[0].telling, Telling::hit);
  EXPECT_EQ(outcome.hazards[1].telling, Telling::missed);
  outcome = told({left, right}, {object_cue(3, "person", 7), object_cue(4.5, "person", 8)});
  EXPECT_EQ(outcome.hazards[1].telling, Telling::hit);
  outcome = told({left, right}, {object_cue(3, "person", 7, Side::right)});
  EXPECT_EQ(outcome.hazards[1].telling, Telling::hit) << "its own side";
}

TEST(Guidance, FalseIsWhatWarnsWhereNothingIs) {
  AnnotatedSequence sequence;
  sequence.hazards = {hazard(CueKind::obstacle)};
  sequence.quiet = {{8, 12}, {14, 30}};
  const std::vector<ToldCue> cues{
      path_cue(1),                                                  // before: not judged
      path_cue(3),                                                  // the hazard
      path_cue(9),                                                  // false
      object_cue(10, "person", 1, Side::left, Priority::critical),  // false
      object_cue(10.5, "person", 2, Side::left, Priority::info),    // no warning
      path_cue(11, CueKind::path_clear, Priority::info),            //
      path_cue(11.5, CueKind::vision_lost, Priority::critical),     // of the system
      path_cue(13),                                                 // not quiet
      path_cue(15, CueKind::drop, Priority::critical),              // false
  };
  const SequenceOutcome outcome = match(sequence, {"lznet", 20, cues});
  ASSERT_EQ(outcome.false_cues.size(), 3U);
  EXPECT_EQ(outcome.false_cues[0].at_s, 9);
  EXPECT_EQ(outcome.false_cues[1].at_s, 10);
  EXPECT_EQ(outcome.false_cues[2].at_s, 15);
  EXPECT_DOUBLE_EQ(outcome.quiet_s, 4 + 6) << "not beyond the end";
  const GuidanceScore s = score({outcome});
  EXPECT_DOUBLE_EQ(*s.false_per_minute, 18);
  EXPECT_DOUBLE_EQ(s.cues_per_minute, 27);
  EXPECT_DOUBLE_EQ(*s.lead_median_s, 1);
}

TEST(Guidance, QuietElsewhere) {
  AnnotatedSequence sequence;
  sequence.quiet_elsewhere = true;
  sequence.hazards = {{CueKind::obstacle, "", std::nullopt, 4, 5, 8},
                      {CueKind::drop, "", std::nullopt, 2, 3, 5}};
  const SequenceOutcome outcome =
      match(sequence, {"lznet", 20, {path_cue(1), path_cue(3, CueKind::drop), path_cue(19)}});
  EXPECT_DOUBLE_EQ(outcome.quiet_s, 2 + 12);
  ASSERT_EQ(outcome.false_cues.size(), 2U);
  EXPECT_EQ(outcome.false_cues[1].at_s, 19);
}

TEST(Guidance, WhatThereNeverIs) {
  AnnotatedSequence sequence;
  sequence.never = {CueKind::drop, CueKind::stairs_down};
  sequence.quiet = {{10, 20}};
  const SequenceOutcome outcome =
      match(sequence, {"lznet",
                       20,
                       {path_cue(1, CueKind::drop), path_cue(2, CueKind::obstacle),
                        path_cue(3, CueKind::stairs_down, Priority::info),
                        path_cue(12, CueKind::stairs_down, Priority::critical)}});
  ASSERT_EQ(outcome.impossible_cues.size(), 2U);
  EXPECT_EQ(outcome.impossible_cues[0].at_s, 1);
  EXPECT_EQ(outcome.impossible_cues[1].at_s, 12);
  EXPECT_EQ(outcome.false_cues.size(), 1U) << "where it is quiet it counts there, too";
  EXPECT_DOUBLE_EQ(*score({outcome}).impossible_per_minute, 6);
  EXPECT_DOUBLE_EQ(*score({outcome, told({}, {path_cue(1, CueKind::drop)})}).impossible_per_minute,
                   6)
      << "nobody said that there is none in the other";
}

TEST(Guidance, SequencesTogether) {
  const SequenceOutcome walk =
      told({hazard(CueKind::obstacle), hazard(CueKind::drop)}, {path_cue(5)});
  const GuidanceScore s = score({walk, walk});
  EXPECT_EQ(s.all.hit, 0U);
  EXPECT_EQ(s.all.late, 2U);
  EXPECT_EQ(s.all.missed, 2U);
  EXPECT_EQ(s.kinds.at("drop").missed, 2U);
  EXPECT_EQ(s.kinds.at("obstacle").late, 2U);
  EXPECT_FALSE(s.false_per_minute) << "nobody said where it is quiet";
  EXPECT_DOUBLE_EQ(s.words_per_minute, 2 * 3 / 40.0 * 60);
  EXPECT_DOUBLE_EQ(*s.lead_median_s, -1);
}

TEST(Guidance, WhatLiesBeyondTheEndIsNotJudged) {
  Hazard late = hazard(CueKind::obstacle);
  late.tell_by_s = late.end_s = 21;
  EXPECT_THROW(static_cast<void>(told({late}, {})), Error);
}

}  // namespace
}  // namespace lazarillo
