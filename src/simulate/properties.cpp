#include "simulate/properties.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "simulate/truth.h"

namespace lazarillo::simulate {
namespace {

constexpr double kAfterContact_s = 0.3;
// An announcement so long before is about another encounter.
constexpr double kSameEncounter_s = 10;
constexpr double kTick_s = 0.01;  ///< the speaker's clock: nothing can be sooner
constexpr double kTiny_s = 1e-6;
// Part of the moments in which it was in view that counts as "all the time": one may be a drop-out.
constexpr double kNearlyAll = 0.9;
constexpr double kWordsWindow_s = 60;

std::string name_of(const Actor& actor) {
  if (!actor.label.empty()) return fmt::format("{} {}", actor.label, actor.id);
  constexpr std::array<const char*, 4> kShapes{"block", "drop", "stairs up", "stairs down"};
  return fmt::format("{} {}", kShapes[static_cast<std::size_t>(actor.shape)], actor.id);
}

/// Whether the cue points to where the actor is: in its direction, at a distance that is wrong by
/// no more than the eyes are.
bool points_to(const World& world, const Said& said, std::size_t actor) {
  std::vector<Solid> pieces;
  add_solids(world, actor, said.decided_s, pieces);
  const double angle = (said.eye.heading_deg + said.cue.bearing_deg) * std::acos(-1.0) / 180;
  const double told_m = said.cue.distance_m.value_or(2.5);
  for (int tenths = 0; tenths <= 10; ++tenths) {
    const double ahead = (0.55 + 0.1 * tenths) * told_m;
    const Point at{said.eye.at.x + ahead * std::sin(angle),
                   said.eye.at.y + ahead * std::cos(angle)};
    for (const Solid& piece : pieces) {
      if (distance(piece, at) <= 0.35 + 0.08 * ahead) return true;
    }
  }
  return false;
}

/// Whether two cues tell of the same.
enum class Same { no, another_track, yes };

Same same_things(const Said& before, const Said& again) {
  if (is_of_path(before.cue.kind) || is_of_path(again.cue.kind)) {
    return before.cue.kind == again.cue.kind && before.actor == again.actor ? Same::yes : Same::no;
  }
  const auto of = [](const Said& said) {
    std::vector<std::pair<int, int>> things{{said.cue.track, said.actor}};
    for (std::size_t i = 0; i < said.cue.others.size(); ++i) {
      things.emplace_back(said.cue.others[i], said.other_actors[i]);
    }
    return things;
  };
  Same same = Same::no;
  for (const auto& [track, actor] : of(before)) {
    for (const auto& [other_track, other_actor] : of(again)) {
      if (track == other_track) return Same::yes;
      if (track != 0 && actor >= 0 && actor == other_actor) same = Same::another_track;
    }
  }
  return same;
}

void judge_announced(const World& world, const Walk& walk, const Record& record,
                     const Limits& limits, const Contact& contact, Judgement& judgement) {
  const double told_by_s = contact.at_s - limits.announce_s;
  const double from_s = told_by_s - limits.notice_s;
  const Actor& actor = world.actors[contact.actor];
  int moments = 0, seen = 0, on_course = 0;
  for (const InView& view : record.in_view) {
    if (view.at_s < from_s - kTiny_s || view.at_s > told_by_s) continue;
    ++moments;
    seen += view.resolved[contact.actor] ? 1 : 0;
    on_course +=
        meets(world, contact.actor, walk.at(view.at_s), view.at_s, kBodyRadius_m, 10) ? 1 : 0;
  }
  const bool had_time = from_s >= 0 && moments > 0 && seen >= kNearlyAll * moments &&
                        on_course >= kNearlyAll * moments;
  if (!had_time) {
    ++judgement.late_courses;
    return;
  }
  Verdict& verdict = judgement[Property::announced];
  ++verdict.cases;
  std::optional<double> decided_s, begun_s;
  for (const Said& said : record.said) {
    if (said.cue.priority == Priority::info) continue;
    if (said.decided_s < contact.at_s - kSameEncounter_s || said.decided_s > contact.at_s) continue;
    const int hit = static_cast<int>(contact.actor);
    const bool about_it = said.actor == hit ||
                          std::count(said.other_actors.begin(), said.other_actors.end(), hit) > 0;
    if (!about_it && !points_to(world, said, contact.actor)) continue;
    if (!decided_s) decided_s = said.decided_s;
    if (said.begun_s < 0 || said.begun_s > contact.at_s) continue;
    if (said.begun_s <= told_by_s) return;
    if (!begun_s) begun_s = said.begun_s;
  }
  // Since when without a break; a moment's drop-out is one.
  std::optional<double> seen_since_s;
  for (auto view = record.in_view.rbegin(); view != record.in_view.rend(); ++view) {
    if (view->at_s > told_by_s) continue;
    if (!view->resolved[contact.actor]) break;
    seen_since_s = view->at_s;
  }
  const auto before = [&](const std::optional<double>& at_s) {
    return at_s ? fmt::format("{:.1f} s before", contact.at_s - *at_s) : std::string("never");
  };
  ++verdict.failures;
  verdict.why.push_back(
      fmt::format("{} is hit at {:.1f} s, in view since {}, decided on {}, told {}", name_of(actor),
                  contact.at_s, before(seen_since_s), before(decided_s), before(begun_s)));
}

void judge_waiting(const Record& record, const Limits& limits, Verdict& verdict) {
  for (const Said& critical : record.said) {
    if (critical.cue.priority != Priority::critical) continue;
    ++verdict.cases;
    const double until_s = critical.begun_s >= 0     ? critical.begun_s
                           : critical.dropped_s >= 0 ? critical.dropped_s
                                                     : record.end_s;
    double behind_s = 0;
    for (const Said& other : record.said) {
      if (other.cue.priority == Priority::critical || other.begun_s < 0) continue;
      const double ended_s = other.ended_s >= 0 ? other.ended_s : record.end_s;
      behind_s +=
          std::max(std::min(ended_s, until_s) - std::max(other.begun_s, critical.decided_s), 0.0);
    }
    if (behind_s <= limits.behind_lesser_s + kTick_s + kTiny_s) continue;
    ++verdict.failures;
    verdict.why.push_back(fmt::format("\"{}\" of {:.1f} s waits {:.2f} s behind a lesser sentence",
                                      critical.sentence, critical.decided_s, behind_s));
  }
}

void judge_words(const Record& record, const Limits& limits, Verdict& verdict) {
  ++verdict.cases;
  int most = 0;
  double most_s = 0;
  for (const Said& first : record.said) {
    if (first.begun_s < 0) continue;
    int words = 0;
    for (const Said& said : record.said) {
      const bool inside =
          said.begun_s >= first.begun_s && said.begun_s < first.begun_s + kWordsWindow_s;
      if (inside && said.cue.priority != Priority::critical) words += said.words;
    }
    if (words <= most) continue;
    most = words;
    most_s = first.begun_s;
  }
  if (most <= limits.words_a_minute) return;
  ++verdict.failures;
  verdict.why.push_back(fmt::format("{} words in the minute from {:.1f} s", most, most_s));
}

/// Seconds after which this may be said again after `before`; 0: at once.
double cooldown(const Cue& before, const Cue& again, const GuideOptions& meant) {
  if (again.priority < before.priority) return 0;  // more urgent now
  const bool closing = again.ttc_s.has_value();
  return again.priority == Priority::critical && closing ? meant.repeat_critical_s : meant.repeat_s;
}

void judge_repeats(const Record& record, const Limits& limits, Judgement& judgement) {
  for (std::size_t i = 0; i < record.said.size(); ++i) {
    const Said& again = record.said[i];
    const bool of_path = is_of_path(again.cue.kind);
    if (again.cue.kind == CueKind::path_clear || (!of_path && again.cue.track == 0)) continue;
    ++judgement[Property::cooldown].cases;
    if (!of_path) ++judgement[Property::known_again].cases;
    // Only against the last time: one before that was answered for by itself.
    for (std::size_t k = i; k-- > 0;) {
      const Said& before = record.said[k];
      if (before.cue.kind == CueKind::path_clear && of_path) break;  // what comes now is another
      const Same same = same_things(before, again);
      if (same == Same::no) continue;
      const double since_s = again.decided_s - before.decided_s;
      if (since_s >= cooldown(before.cue, again.cue, limits.meant) - kTiny_s) break;
      Verdict& verdict = judgement[same == Same::yes ? Property::cooldown : Property::known_again];
      ++verdict.failures;
      verdict.why.push_back(fmt::format("\"{}\" at {:.1f} s, {:.1f} s after \"{}\"", again.sentence,
                                        again.decided_s, since_s, before.sentence));
      break;
    }
  }
}

void judge_vision(const World& world, const Record& record, const Limits& limits, double latency_s,
                  Verdict& verdict) {
  for (const Trouble& trouble : world.troubles) {
    const double lasts_s = trouble.until_s - trouble.from_s;
    // Shorter than the guide's patience is no loss.
    if (lasts_s < limits.meant.vision_lost_s + latency_s + 0.1) continue;
    if (trouble.from_s + limits.vision_told_s > record.end_s) continue;
    ++verdict.cases;
    bool told = false;
    for (const Said& said : record.said) {
      if (said.decided_s < trouble.from_s) {
        // Still lost from before: known.
        if (is_vision_lost(said.cue.kind)) told = said.begun_s >= 0;
        if (said.cue.kind == CueKind::vision_back) told = false;
        continue;
      }
      // Over before it could be said, it is told by "I can see again": the rest would be wrong.
      const bool of_vision = is_vision_lost(said.cue.kind) || said.cue.kind == CueKind::vision_back;
      if (of_vision && said.begun_s >= 0 && said.begun_s <= trouble.from_s + limits.vision_told_s) {
        told = true;
      }
    }
    if (told) continue;
    ++verdict.failures;
    verdict.why.push_back(
        fmt::format("nothing is seen from {:.1f} to {:.1f} s, and that is not told", trouble.from_s,
                    trouble.until_s));
  }
}

}  // namespace

const char* to_string(Property property) {
  constexpr std::array<const char*, kProperties> kNames{
      "announced", "not_waiting", "false_critical", "words",
      "cooldown",  "known_again", "vision_told"};
  return kNames[static_cast<std::size_t>(property)];
}

double Limits::least_kept(Property property) const {
  if (property == Property::announced) return announced;
  return property == Property::known_again ? known_again : 1;
}

bool Judgement::failed() const {
  return std::any_of(of.begin(), of.end(), [](const Verdict& v) { return v.failures > 0; });
}

Outcome play(const World& world, const Trial& trial, const Limits& limits) {
  const Walk walk(world);
  const auto contact = first_contact(world, walk);
  const double end_s =
      contact ? std::min(contact->at_s + kAfterContact_s, world.seconds) : world.seconds;
  Outcome outcome{run(world, walk, trial, end_s), {}};
  const Record& record = outcome.record;
  Judgement& judgement = outcome.judgement;
  judgement.seconds = end_s;
  judgement.contact = contact.has_value();
  if (contact) judge_announced(world, walk, record, limits, *contact, judgement);
  judge_waiting(record, limits, judgement[Property::not_waiting]);
  judge_words(record, limits, judgement[Property::words]);
  judge_repeats(record, limits, judgement);
  judge_vision(world, record, limits, trial.sensor.latency_frames / trial.sensor.fps,
               judgement[Property::vision_told]);
  if (!contact && without_hazards(world, walk, end_s)) {
    judgement.clear_seconds = end_s;
    Verdict& verdict = judgement[Property::false_critical];
    ++verdict.cases;
    for (const Said& said : record.said) {
      const bool of_system = !is_of_path(said.cue.kind) && said.cue.track == 0;
      if (said.cue.priority != Priority::critical || of_system) continue;
      ++verdict.failures;
      verdict.why.push_back(fmt::format("\"{}\" at {:.1f} s, where nothing is in the way",
                                        said.sentence, said.decided_s));
    }
  }
  return outcome;
}

void Tally::add(const Judgement& judgement) {
  ++worlds;
  failing_worlds += judgement.failed() ? 1 : 0;
  contacts += judgement.contact ? 1 : 0;
  late_courses += judgement.late_courses;
  seconds += judgement.seconds;
  clear_seconds += judgement.clear_seconds;
  for (std::size_t i = 0; i < kProperties; ++i) {
    cases[i] += judgement.of[i].cases;
    failures[i] += judgement.of[i].failures;
  }
}

bool Tally::holds(Property property, const Limits& limits) const {
  const auto i = static_cast<std::size_t>(property);
  const double most = property == Property::false_critical
                          ? limits.false_criticals_a_minute * clear_seconds / 60
                          : (1 - limits.least_kept(property)) * cases[i];
  return failures[i] <= most + 1e-9;
}

}  // namespace lazarillo::simulate
