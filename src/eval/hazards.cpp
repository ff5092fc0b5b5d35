#include "eval/hazards.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>

#include "error.h"
#include "eval/data_files.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kEnding = ".hazards.json";
constexpr std::array kKinds{CueKind::obstacle,    CueKind::head_level, CueKind::drop,
                            CueKind::stairs_down, CueKind::stairs_up,  CueKind::object,
                            CueKind::approaching};
constexpr std::array kSides{Side::left, Side::ahead, Side::right};

/// Why a file is not as it should be; which one is added by who reads it.
struct Bad {
  std::string why;
};

/// What is misspelt would be left out without a word.
void know_all(const json& object, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) throw Bad{"must be a JSON object"};
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw Bad{fmt::format("has an unknown '{}'", key)};
    }
  }
}

double seconds_of(const json& value, std::string_view key) {
  if (!value.is_number()) throw Bad{fmt::format("needs a number of seconds in '{}'", key)};
  return value.get<double>();
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return "";
  if (!found->is_string()) throw Bad{fmt::format("needs a text in '{}'", key)};
  return found->get<std::string>();
}

template <class Names>
auto named(const Names& values, const std::string& name, const char* key) {
  std::string known;
  for (const auto value : values) {
    if (name == to_string(value)) return value;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", to_string(value));
  }
  throw Bad{fmt::format("has '{}' \"{}\", known are {}", key, name, known)};
}

Hazard hazard_of(const json& row, const ObjectCatalog& catalog) {
  know_all(row, {"kind", "label", "side", "from_s", "tell_by_s", "end_s"});
  Hazard hazard;
  hazard.kind = named(kKinds, text_of(row, "kind"), "kind");
  const std::string label = text_of(row, "label");
  if (!label.empty()) hazard.label = catalog.find(label).name;
  if (label.empty() && !is_of_path(hazard.kind)) throw Bad{"needs a 'label': what it is"};
  if (row.contains("side")) hazard.side = named(kSides, text_of(row, "side"), "side");
  for (const auto& [key, place] : {std::pair{"from_s", &hazard.from_s},
                                   {"tell_by_s", &hazard.tell_by_s},
                                   {"end_s", &hazard.end_s}}) {
    *place = seconds_of(row.value(key, json()), key);
  }
  if (hazard.from_s < 0 || hazard.tell_by_s < hazard.from_s || hazard.end_s < hazard.tell_by_s) {
    throw Bad{"needs 0 <= from_s <= tell_by_s <= end_s"};
  }
  return hazard;
}

std::vector<Span> quiet_of(const json& list) {
  constexpr const char* kNeeds = "needs 'quiet' as \"elsewhere\" or as a list of [from, to], s";
  if (!list.is_array()) throw Bad{kNeeds};
  std::vector<Span> spans;
  for (const json& pair : list) {
    if (!pair.is_array() || pair.size() != 2) throw Bad{kNeeds};
    const Span span{seconds_of(pair[0], "quiet"), seconds_of(pair[1], "quiet")};
    if (span.from_s < 0 || span.to_s <= span.from_s) throw Bad{kNeeds};
    if (!spans.empty() && span.from_s < spans.back().to_s) {
      throw Bad{"has 'quiet' stretches that overlap, or are not in order"};
    }
    spans.push_back(span);
  }
  return spans;
}

std::vector<CueKind> never_of(const json& list) {
  if (!list.is_array()) throw Bad{"needs a list of kinds in 'never'"};
  std::vector<CueKind> kinds;
  for (const json& name : list) {
    if (!name.is_string()) throw Bad{"needs a list of kinds in 'never'"};
    kinds.push_back(named(kKinds, name.get<std::string>(), "never"));
    if (!is_of_path(kinds.back())) throw Bad{"has objects in 'never', it is for the path's kinds"};
  }
  return kinds;
}

void forbid_overlap(const AnnotatedSequence& sequence) {
  for (const Hazard& hazard : sequence.hazards) {
    if (std::find(sequence.never.begin(), sequence.never.end(), hazard.kind) !=
        sequence.never.end()) {
      throw Bad{
          fmt::format("has a hazard of the kind {}, which is in 'never'", to_string(hazard.kind))};
    }
    for (const Span& span : sequence.quiet) {
      if (hazard.from_s >= span.to_s || hazard.end_s <= span.from_s) continue;
      throw Bad{
          fmt::format("says that {:g} to {:g} s is quiet, and has a hazard there ({}, {:g} s "
                      "to {:g} s)",
                      span.from_s, span.to_s, to_string(hazard.kind), hazard.from_s, hazard.end_s)};
    }
  }
}

AnnotatedSequence sequence_of(const json& file, const ObjectCatalog& catalog) {
  know_all(file, {"schema", "video", "hfov_deg", "hazards", "quiet", "never"});
  if (file.value("schema", json()) != 1) throw Bad{"needs \"schema\": 1"};
  AnnotatedSequence sequence;
  sequence.video = text_of(file, "video");
  if (sequence.video.empty()) throw Bad{"needs the name of its 'video'"};
  if (file.contains("hfov_deg")) {
    const json& angle = file["hfov_deg"];
    if (!angle.is_number() || angle < 5 || angle > 170) throw Bad{"needs 'hfov_deg' in 5 to 170"};
    sequence.hfov_deg = angle.get<double>();
  }
  const json hazards = file.value("hazards", json::array());
  if (!hazards.is_array()) throw Bad{"needs a list in 'hazards'"};
  for (std::size_t i = 0; i < hazards.size(); ++i) {
    try {
      sequence.hazards.push_back(hazard_of(hazards[i], catalog));
    } catch (const Bad& bad) {
      throw Bad{fmt::format("hazard {}: {}", i + 1, bad.why)};
    }
  }
  const json quiet = file.value("quiet", json::array());
  sequence.quiet_elsewhere = quiet == "elsewhere";
  if (!sequence.quiet_elsewhere) sequence.quiet = quiet_of(quiet);
  sequence.never = never_of(file.value("never", json::array()));
  forbid_overlap(sequence);
  return sequence;
}

AnnotatedSequence read_sequence(const fs::path& file, const ObjectCatalog& catalog) {
  const auto refuse = [&](const std::string& why) {
    return Error(ExitCode::source, "'" + file.string() + "': " + why);
  };
  try {
    AnnotatedSequence sequence = sequence_of(json::parse(read_file(file)), catalog);
    const std::string name = file.filename().string();
    sequence.name = name.substr(0, name.size() - kEnding.size());
    sequence.video = file.parent_path() / sequence.video;
    return sequence;
  } catch (const json::exception&) {
    throw refuse("is not JSON");
  } catch (const Bad& bad) {
    throw refuse(bad.why);
  }
}

}  // namespace

std::vector<AnnotatedSequence> read_sequences(const fs::path& folder,
                                              const ObjectCatalog& catalog) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().ends_with(kEnding)) files.push_back(entry.path());
  }
  if (error) {
    throw Error(ExitCode::source, "'" + folder.string() + "' is no folder that can be read");
  }
  if (files.empty()) {
    throw Error(ExitCode::source,
                "'" + folder.string() +
                    "' has no NAME.hazards.json: docs/evaluation.md says what is in it");
  }
  std::sort(files.begin(), files.end());
  std::vector<AnnotatedSequence> sequences;
  sequences.reserve(files.size());
  for (const fs::path& file : files) sequences.push_back(read_sequence(file, catalog));
  return sequences;
}

}  // namespace lazarillo
