#include "eval/guidance.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "error.h"
#include "eval/quantile.h"
#include "guide/pace.h"

namespace lazarillo {
namespace {

bool is_of_object(CueKind kind) { return kind == CueKind::object || kind == CueKind::approaching; }

/// The kind of cue that tells a hazard of this kind, whatever its label.
bool tells(CueKind cue, CueKind hazard) {
  switch (hazard) {
    case CueKind::obstacle:
    case CueKind::head_level:
      return cue == CueKind::obstacle || cue == CueKind::head_level;
    case CueKind::drop:
    case CueKind::stairs_down:
      return cue == CueKind::drop || cue == CueKind::stairs_down;
    case CueKind::stairs_up:
      return cue == CueKind::stairs_up || cue == CueKind::obstacle;
    default:
      return false;
  }
}

/// Whether the cue names what the hazard is, urgently enough: what is in the way, or comes, is told
/// as a warning at least.
bool names(const ToldCue& cue, const Hazard& hazard) {
  if (!is_of_object(cue.kind)) return false;
  const bool urgent = cue.priority != Priority::info;
  switch (hazard.kind) {
    case CueKind::object:
      return cue.label == hazard.label;
    case CueKind::approaching:
      return cue.label == hazard.label && urgent;
    case CueKind::obstacle:
      return (hazard.label.empty() || cue.label == hazard.label) && urgent;
    default:
      return false;
  }
}

bool is_opposite(Side a, Side b) {
  return (a == Side::left && b == Side::right) || (a == Side::right && b == Side::left);
}

/// The hazard that the cue tells; nullptr: none.
HazardOutcome* told_by(const ToldCue& cue, std::vector<HazardOutcome>& outcomes) {
  HazardOutcome* best = nullptr;
  const auto order = [&cue](const HazardOutcome& o) {
    const bool same_track = cue.track != 0 && o.cue && o.cue->track == cue.track;
    const bool named = !o.hazard.label.empty() && o.hazard.label == cue.label;
    return std::tuple{!same_track, !named, o.hazard.side != cue.side, o.hazard.tell_by_s};
  };
  for (HazardOutcome& outcome : outcomes) {
    if (!is_about(cue, outcome.hazard)) continue;
    if (outcome.cue && !(cue.track != 0 && outcome.cue->track == cue.track)) continue;
    if (best == nullptr || order(outcome) < order(*best)) best = &outcome;
  }
  return best;
}

/// Where nothing is in the way, up to the end of the stream.
std::vector<Span> quiet_of(const AnnotatedSequence& sequence, double seconds) {
  std::vector<Span> spans = sequence.quiet;
  if (sequence.quiet_elsewhere) {
    std::vector<Hazard> hazards = sequence.hazards;
    std::sort(hazards.begin(), hazards.end(),
              [](const Hazard& a, const Hazard& b) { return a.from_s < b.from_s; });
    double from = 0;
    for (const Hazard& hazard : hazards) {
      if (hazard.from_s > from) spans.push_back({from, hazard.from_s});
      from = std::max(from, hazard.end_s);
    }
    spans.push_back({from, seconds});
  }
  for (Span& span : spans) span.to_s = std::min(span.to_s, seconds);
  std::erase_if(spans, [](const Span& span) { return span.to_s <= span.from_s; });
  return spans;
}

bool warns(const ToldCue& cue) {
  return cue.priority != Priority::info &&
         (is_of_object(cue.kind) || (is_of_path(cue.kind) && cue.kind != CueKind::path_clear));
}

void count(Telling telling, TellingCount& counts) {
  switch (telling) {
    case Telling::hit:
      ++counts.hit;
      break;
    case Telling::late:
      ++counts.late;
      break;
    case Telling::missed:
      ++counts.missed;
      break;
  }
}

}  // namespace

const char* to_string(Telling telling) {
  switch (telling) {
    case Telling::hit:
      return "hit";
    case Telling::late:
      return "late";
    default:
      return "missed";
  }
}

bool is_about(const ToldCue& cue, const Hazard& hazard) {
  return cue.at_s >= hazard.from_s && cue.at_s <= hazard.end_s &&
         (tells(cue.kind, hazard.kind) || names(cue, hazard)) &&
         !(hazard.side && is_opposite(*hazard.side, cue.side));
}

SequenceOutcome match(const AnnotatedSequence& sequence, const Told& told) {
  SequenceOutcome result;
  result.name = sequence.name;
  result.seconds = told.seconds;
  for (const Hazard& hazard : sequence.hazards) {
    if (hazard.tell_by_s > told.seconds) {
      throw Error(ExitCode::source,
                  fmt::format("'{}' has a hazard to be told by {:g} s, and lasts for {:.2f} s: "
                              "nobody can say whether it would have been told",
                              sequence.name, hazard.tell_by_s, told.seconds));
    }
    result.hazards.push_back({hazard, Telling::missed, std::nullopt});
  }
  const std::vector<CueKind>& never = sequence.never;
  result.knows_never = !never.empty();
  const std::vector<Span> quiet = quiet_of(sequence, told.seconds);
  for (const Span& span : quiet) result.quiet_s += span.to_s - span.from_s;
  for (const ToldCue& cue : told.cues) {
    ++result.cues;
    result.words += static_cast<std::size_t>(words_in(cue.text));
    HazardOutcome* outcome = told_by(cue, result.hazards);
    if (outcome != nullptr && !outcome->cue) {
      outcome->cue = cue;
      outcome->telling = cue.at_s <= outcome->hazard.tell_by_s ? Telling::hit : Telling::late;
    }
    const bool in_quiet = std::any_of(quiet.begin(), quiet.end(), [&cue](const Span& span) {
      return cue.at_s > span.from_s && cue.at_s < span.to_s;
    });
    if (!warns(cue)) continue;
    if (in_quiet) result.false_cues.push_back(cue);
    if (std::find(never.begin(), never.end(), cue.kind) != never.end()) {
      result.impossible_cues.push_back(cue);
    }
  }
  return result;
}

GuidanceScore score(const std::vector<SequenceOutcome>& sequences) {
  GuidanceScore score;
  double cues = 0, words = 0, known_s = 0;
  std::vector<double> leads;
  for (const SequenceOutcome& sequence : sequences) {
    score.seconds += sequence.seconds;
    score.quiet_s += sequence.quiet_s;
    score.false_cues += sequence.false_cues.size();
    score.impossible_cues += sequence.impossible_cues.size();
    if (sequence.knows_never) known_s += sequence.seconds;
    cues += static_cast<double>(sequence.cues);
    words += static_cast<double>(sequence.words);
    for (const HazardOutcome& outcome : sequence.hazards) {
      count(outcome.telling, score.all);
      count(outcome.telling, score.kinds[to_string(outcome.hazard.kind)]);
      if (outcome.cue) leads.push_back(outcome.hazard.tell_by_s - outcome.cue->at_s);
    }
  }
  if (score.quiet_s > 0) {
    score.false_per_minute = static_cast<double>(score.false_cues) / score.quiet_s * 60;
  }
  if (known_s > 0) {
    score.impossible_per_minute = static_cast<double>(score.impossible_cues) / known_s * 60;
  }
  if (score.seconds > 0) {
    score.cues_per_minute = cues / score.seconds * 60;
    score.words_per_minute = words / score.seconds * 60;
  }
  if (!leads.empty()) score.lead_median_s = quantile(leads, 0.5);
  return score;
}

}  // namespace lazarillo
