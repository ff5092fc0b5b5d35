#include <fmt/format.h>

#include <ostream>

#include "eval/report_parts.h"

namespace lazarillo {
namespace {

using nlohmann::ordered_json;

ordered_json counts_json(const TellingCount& counts) {
  return {{"hazards", counts.hit + counts.late + counts.missed},
          {"hit", counts.hit},
          {"late", counts.late},
          {"missed", counts.missed}};
}

ordered_json cue_json(const ToldCue& cue) {
  return {{"at_s", cue.at_s},
          {"kind", to_string(cue.kind)},
          {"priority", to_string(cue.priority)},
          {"side", to_string(cue.side)},
          {"label", cue.label.empty() ? ordered_json(nullptr) : ordered_json(cue.label)},
          {"text", cue.text}};
}

ordered_json hazard_json(const HazardOutcome& outcome) {
  const Hazard& hazard = outcome.hazard;
  return {{"kind", to_string(hazard.kind)},
          {"label", hazard.label.empty() ? ordered_json(nullptr) : ordered_json(hazard.label)},
          {"side", hazard.side ? ordered_json(to_string(*hazard.side)) : ordered_json(nullptr)},
          {"from_s", hazard.from_s},
          {"tell_by_s", hazard.tell_by_s},
          {"end_s", hazard.end_s},
          {"telling", to_string(outcome.telling)},
          {"lead_s", outcome.cue ? ordered_json(hazard.tell_by_s - outcome.cue->at_s)
                                 : ordered_json(nullptr)},
          {"cue", outcome.cue ? cue_json(*outcome.cue) : ordered_json(nullptr)}};
}

ordered_json sequence_json(const SequenceOutcome& sequence) {
  const GuidanceScore score = lazarillo::score({sequence});
  ordered_json result{{"name", sequence.name},
                      {"seconds_of_stream", sequence.seconds},
                      {"quiet_s", sequence.quiet_s}};
  result.update(counts_json(score.all));
  result["false"] = score.false_cues;
  result["impossible"] = score.impossible_cues;
  result["cues"] = sequence.cues;
  result["words"] = sequence.words;
  ordered_json& hazards = result["each"] = ordered_json::array();
  for (const HazardOutcome& outcome : sequence.hazards) hazards.push_back(hazard_json(outcome));
  ordered_json& cues = result["false_cues"] = ordered_json::array();
  for (const ToldCue& cue : sequence.false_cues) cues.push_back(cue_json(cue));
  ordered_json& impossible = result["impossible_cues"] = ordered_json::array();
  for (const ToldCue& cue : sequence.impossible_cues) impossible.push_back(cue_json(cue));
  return result;
}

ordered_json number(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

std::string row(const std::string& name, const TellingCount& counts) {
  return fmt::format("  {:<16}{:>8}{:>7}{:>7}{:>8}\n", name,
                     counts.hit + counts.late + counts.missed, counts.hit, counts.late,
                     counts.missed);
}

std::string about(const HazardOutcome& outcome) {
  const Hazard& hazard = outcome.hazard;
  std::string line = fmt::format("  {:>7.2f} s  {:<7}{}", hazard.tell_by_s,
                                 to_string(outcome.telling), to_string(hazard.kind));
  if (!hazard.label.empty()) line += ' ' + hazard.label;
  if (hazard.side) line += fmt::format(", {}", to_string(*hazard.side));
  if (outcome.cue) line += fmt::format("; at {:.2f} s: {}", outcome.cue->at_s, outcome.cue->text);
  return line + '\n';
}

}  // namespace

std::string to_json(const Guidance& guidance, const EvalAbout& about) {
  const GuidanceScore score = lazarillo::score(guidance.sequences);
  ordered_json result = heading("guidance", about);
  result.update(counts_json(score.all));
  result["false"] = score.false_cues;
  result["seconds_of_stream"] = score.seconds;
  result["quiet_s"] = score.quiet_s;
  result["false_per_minute"] = number(score.false_per_minute);
  result["impossible"] = score.impossible_cues;
  result["impossible_per_minute"] = number(score.impossible_per_minute);
  result["cues_per_minute"] = score.cues_per_minute;
  result["words_per_minute"] = score.words_per_minute;
  result["lead_median_s"] = number(score.lead_median_s);
  ordered_json& kinds = result["per_kind"] = ordered_json::object();
  for (const auto& [name, counts] : score.kinds) kinds[name] = counts_json(counts);
  ordered_json& sequences = result["sequences"] = ordered_json::array();
  for (const SequenceOutcome& s : guidance.sequences) sequences.push_back(sequence_json(s));
  return result.dump(2);
}

void print(const Guidance& guidance, std::ostream& out) {
  const GuidanceScore score = lazarillo::score(guidance.sequences);
  for (const SequenceOutcome& sequence : guidance.sequences) {
    out << fmt::format("  {}, {:.1f} s, {:.1f} s of these quiet\n", sequence.name, sequence.seconds,
                       sequence.quiet_s);
    for (const HazardOutcome& outcome : sequence.hazards) out << about(outcome);
    for (const ToldCue& cue : sequence.false_cues) {
      out << fmt::format("  {:>7.2f} s  false  {}\n", cue.at_s, cue.text);
    }
    for (const ToldCue& cue : sequence.impossible_cues) {
      out << fmt::format("  {:>7.2f} s  there is none here: {}\n", cue.at_s, cue.text);
    }
    out << '\n';
  }
  out << fmt::format("  {:<16}{:>8}{:>7}{:>7}{:>8}\n", "kind", "hazards", "hit", "late", "missed");
  for (const auto& [name, counts] : score.kinds) out << row(name, counts);
  out << row("all", score.all) << '\n';
  out << fmt::format("  a minute: {:.1f} cues, {:.1f} words, {} false in {:.1f} s of quiet\n",
                     score.cues_per_minute, score.words_per_minute,
                     score.false_per_minute ? fmt::format("{:.2f}", *score.false_per_minute) : "-",
                     score.quiet_s);
  if (score.impossible_per_minute) {
    out << fmt::format("  {:.2f} a minute of a kind that there is not\n",
                       *score.impossible_per_minute);
  }
  if (score.lead_median_s) {
    out << fmt::format("  told {:.2f} s before it had to be, in the middle\n",
                       *score.lead_median_s);
  }
}

}  // namespace lazarillo
