#pragma once

#include <array>
#include <string>
#include <vector>

#include "simulate/run.h"

namespace lazarillo::simulate {

/// What must hold of every walk. docs/simulator.md defines each.
enum class Property {
  announced,       ///< a collision course is told early enough
  not_waiting,     ///< no critical sentence waits behind a lesser one
  false_critical,  ///< where nothing is in the way, nothing is critical
  words,           ///< no more words than the limit
  cooldown,        ///< nothing is repeated too soon
  known_again,     ///< nor is what goes on under another track
  vision_told,     ///< that the system does not see is told
};
inline constexpr std::size_t kProperties = 7;
[[nodiscard]] const char* to_string(Property property);

struct Limits {
  double announce_s = 1.5;   ///< before contact the sentence must have begun
  double notice_s = 1.0;     ///< so long before that the eyes must have resolved the thing
  double announced = 0.995;  ///< part of all courses
  double behind_lesser_s = 0.25;
  double false_criticals_a_minute = 0.2;
  double known_again = 0.999;  ///< part of all cues
  double words_a_minute = 60;  ///< outside of critical sentences
  double vision_told_s = 3.0;
  /// What the cooldowns are compared with: the settings meant, not those of a broken guide.
  GuideOptions meant{};

  /// The part of all cases in which a property must hold at least (false_critical has a rate).
  [[nodiscard]] double least_kept(Property property) const;
};

/// One property in one walk.
struct Verdict {
  int cases = 0;  ///< in which it could fail
  int failures = 0;
  std::vector<std::string> why;  ///< a line a failure
};

struct Judgement {
  std::array<Verdict, kProperties> of{};
  double seconds = 0;        ///< walked
  double clear_seconds = 0;  ///< of these in worlds without hazards
  bool contact = false;
  int late_courses = 0;  ///< contacts with what was not in view, or not a collision course, in time
  [[nodiscard]] const Verdict& operator[](Property p) const {
    return of[static_cast<std::size_t>(p)];
  }
  [[nodiscard]] Verdict& operator[](Property p) { return of[static_cast<std::size_t>(p)]; }
  [[nodiscard]] bool failed() const;
};

/// A walk, told and judged. It ends a moment after the first contact.
struct Outcome {
  Record record;
  Judgement judgement;
};
[[nodiscard]] Outcome play(const World& world, const Trial& trial, const Limits& limits);

/// Judgements of many worlds together.
struct Tally {
  int worlds = 0, failing_worlds = 0, contacts = 0, late_courses = 0;
  double seconds = 0, clear_seconds = 0;
  std::array<int, kProperties> cases{}, failures{};

  void add(const Judgement& judgement);
  /// Whether all of them together are as they must be: false_critical, announced and known_again by
  /// their rates, the rest without a single failure.
  [[nodiscard]] bool holds(Property property, const Limits& limits) const;
};

}  // namespace lazarillo::simulate
