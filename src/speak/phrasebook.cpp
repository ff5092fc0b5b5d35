#include "speak/phrasebook.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "error.h"
#include "guide/pace.h"
#include "nearest.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;
using Table = std::map<std::string, std::string>;

const std::map<std::string, std::vector<std::string>> kKeys{
    {"side", {"left", "ahead", "right"}},
    {"distance", {"half", "one", "one_and_half", "metres", "about"}},
    {"steps", {"one", "steps", "about"}},
    {"sentence",
     {"object",
      "approaching",
      "critical",
      "critical_approaching",
      "vision_lost",
      "vision_back",
      "too_dark",
      "view_blocked",
      "too_bright",
      "view_blurred",
      "vision_slow",
      "obstacle",
      "critical_obstacle",
      "head_level",
      "critical_head_level",
      "drop",
      "critical_drop",
      "stairs_down",
      "critical_stairs_down",
      "stairs_up",
      "path_clear",
      "group",
      "group_approaching",
      "nothing_around",
      "nothing_to_repeat",
      "muted",
      "unmuted",
      "pace_critical_only",
      "pace_calm",
      "pace_normal",
      "pace_dense"}},
    {"way", {"left", "right"}},
};
/// Placeholders: of a sentence about an object, of a number of metres, of anything else.
const std::vector<std::string> kObject{"object"}, kPlace{"object", "side", "clock", "distance"},
    kUrgent{"object", "side", "distance"}, kOfPath{"distance"}, kWithWay{"distance", "way"},
    kGroup{"n", "objects", "side", "distance"}, kCount{"n"}, kNothing;

const std::vector<std::string>& placeholders_of(const std::string& sentence) {
  static const std::set<std::string> kPlain{
      "vision_lost",    "vision_back", "too_dark",     "view_blocked",
      "vision_slow",    "too_bright",  "view_blurred", "path_clear",
      "nothing_around", "muted",       "unmuted",      "nothing_to_repeat",
      "pace_calm",      "pace_normal", "pace_dense",   "pace_critical_only"};
  if (kPlain.contains(sentence)) return kNothing;
  if (sentence.starts_with("group")) return kGroup;
  if (sentence == "obstacle") return kWithWay;
  if (sentence == "object" || sentence == "approaching") return kPlace;
  if (sentence == "critical" || sentence == "critical_approaching") return kUrgent;
  return kOfPath;
}

constexpr std::size_t kHours = 12;

[[noreturn]] void refuse(const fs::path& file, const std::string& problem) {
  throw Error(ExitCode::usage, "language file '" + file.string() + "': " + problem);
}

std::string text_at(const toml::table& table, const std::string& key, const std::string& shown,
                    const fs::path& file) {
  const toml::node* node = table.get(key);
  if (node == nullptr) refuse(file, "'" + shown + "' is missing");
  const auto text = node->value_exact<std::string>();
  if (!text || text->empty()) refuse(file, "'" + shown + "' must be a text");
  return *text;
}

/// A section that must hold exactly these keys.
Table exact_section(const toml::table& document, const std::string& name, const fs::path& file) {
  const toml::table* table = document[name].as_table();
  if (table == nullptr) refuse(file, "the section [" + name + "] is missing");
  const std::vector<std::string>& keys = kKeys.at(name);
  for (const auto& [key, node] : *table) {
    const std::string word(key.str());
    if (std::find(keys.begin(), keys.end(), word) == keys.end()) {
      refuse(file, "nobody asks for '" + name + "." + word + "'; the nearest is '" + name + "." +
                       nearest(word, keys) + "'");
    }
  }
  Table result;
  for (const std::string& key : keys) result[key] = text_at(*table, key, name + "." + key, file);
  return result;
}

/// Refuses a text with a placeholder nobody fills, or without one that it needs.
void check_placeholders(const std::string& text, const std::string& shown,
                        const std::vector<std::string>& needed, const fs::path& file) {
  for (std::size_t open = text.find('{'); open != std::string::npos;
       open = text.find('{', open + 1)) {
    const std::size_t close = std::min(text.find('}', open), text.size());
    const std::string name = text.substr(open + 1, close - open - 1);
    if (std::find(needed.begin(), needed.end(), name) == needed.end()) {
      refuse(file, "'" + shown + "' has the placeholder {" + name + "}, which nobody fills");
    }
  }
  for (const std::string& name : needed) {
    if (text.find("{" + name + "}") == std::string::npos) {
      refuse(file, "'" + shown + "' lacks the placeholder {" + name + "}");
    }
  }
}

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

/// Fills {placeholders}; a part in [brackets] falls away when a placeholder in it is empty.
std::string fill(std::string text, const Table& values) {
  for (std::size_t open = text.find('['); open != std::string::npos; open = text.find('[', open)) {
    const std::size_t close = text.find(']', open);
    if (close == std::string::npos) break;
    std::string part = text.substr(open + 1, close - open - 1);
    const bool empty = std::any_of(values.begin(), values.end(), [&](const auto& value) {
      return value.second.empty() && part.find("{" + value.first + "}") != std::string::npos;
    });
    if (empty) part.clear();
    text.replace(open, close - open + 1, part);
  }
  for (const auto& [name, value] : values) replace_all(text, "{" + name + "}", value);
  return text;
}

/// With a capital at its beginning.
std::string capitalised(std::string text) {
  // Spanish opens with "¡" or "¿": the capital comes after it.
  const std::size_t first = text.starts_with("\xC2\xA1") || text.starts_with("\xC2\xBF") ? 2 : 0;
  if (first < text.size() && text[first] >= 'a' && text[first] <= 'z') {
    text[first] = static_cast<char>(text[first] - 'a' + 'A');
  }
  return text;
}

}  // namespace

struct Phrasebook::Words {
  std::string voice;
  std::array<std::string, kHours> clock;  ///< index 0: one o'clock
  Table side, way, distance, steps, sentence, objects, plurals;
  std::string obstacle;   ///< for objects without a word
  std::string obstacles;  ///< for several of them
  std::string maybe;      ///< for objects that may be something else
};

std::vector<std::string> Phrasebook::languages(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Phrasebook Phrasebook::load(const fs::path& directory, const std::string& language,
                            const Wording& wording) {
  const auto one_of = [](const char* setting, const std::string& value,
                         const std::vector<std::string>& all) {
    if (std::find(all.begin(), all.end(), value) != all.end()) return;
    throw Error(ExitCode::usage, std::string(setting) + " is '" + value + "', must be " + all[0] +
                                     ", " + all[1] + (all.size() > 2 ? " or " + all[2] : ""));
  };
  one_of("speak.distance", wording.distance, {"metres", "steps"});
  one_of("speak.direction", wording.direction, {"both", "side", "clock"});
  const std::vector<std::string> known = languages(directory);
  if (std::find(known.begin(), known.end(), language) == known.end()) {
    std::string all;
    for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
    throw Error(ExitCode::usage, "there is no language '" + language + "'; known are: " + all +
                                     " (docs/languages.md says how to add one)");
  }
  const fs::path file = directory / (language + ".toml");
  toml::table document;
  try {
    document = toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    refuse(file, "line " + std::to_string(error.source().begin.line) + ": " +
                     std::string(error.description()));
  }
  auto words = std::make_shared<Words>();
  words->voice = text_at(document, "voice", "voice", file);
  words->obstacle = text_at(document, "obstacle", "obstacle", file);
  words->obstacles = text_at(document, "obstacles", "obstacles", file);
  words->maybe = text_at(document, "maybe", "maybe", file);
  check_placeholders(words->maybe, "maybe", kObject, file);
  const toml::array* hours = document["clock"].as_array();
  if (hours == nullptr || hours->size() != kHours) {
    refuse(file, "'clock' must hold the twelve hours, one o'clock first");
  }
  for (std::size_t i = 0; i < kHours; ++i) {
    words->clock[i] = hours->get(i)->value_or(std::string{});
    if (words->clock[i].empty()) refuse(file, "'clock' must hold texts");
  }
  words->side = exact_section(document, "side", file);
  words->way = exact_section(document, "way", file);
  words->distance = exact_section(document, "distance", file);
  words->steps = exact_section(document, "steps", file);
  words->sentence = exact_section(document, "sentence", file);
  for (const auto& [name, text] : words->distance) {
    const bool counts = name == "metres" || name == "about";
    check_placeholders(text, "distance." + name, counts ? kCount : kNothing, file);
  }
  for (const auto& [name, text] : words->steps) {
    check_placeholders(text, "steps." + name, name == "one" ? kNothing : kCount, file);
  }
  for (const auto& [name, text] : words->sentence) {
    check_placeholders(text, "sentence." + name, placeholders_of(name), file);
  }
  const toml::table* objects = document["objects"].as_table();
  const toml::table* plurals = document["plurals"].as_table();
  if (objects == nullptr) refuse(file, "the section [objects] is missing");
  if (plurals == nullptr) refuse(file, "the section [plurals] is missing");
  for (const auto& [key, node] : *objects) {
    const std::string name(key.str());
    words->objects[name] = text_at(*objects, name, "objects." + name, file);
    words->plurals[name] = text_at(*plurals, name, "plurals." + name, file);
  }
  for (const auto& [key, node] : *plurals) {
    const std::string name(key.str());
    if (!words->objects.contains(name)) refuse(file, "'plurals." + name + "' is no object");
  }
  for (const auto& [key, node] : document) {
    const std::string name(key.str());
    const std::vector<std::string> top{"voice", "obstacle", "obstacles", "maybe",
                                       "clock", "side",     "way",       "distance",
                                       "steps", "sentence", "objects",   "plurals"};
    if (std::find(top.begin(), top.end(), name) == top.end()) {
      refuse(file, "nobody asks for '" + name + "'; the nearest is '" + nearest(name, top) + "'");
    }
  }
  return Phrasebook(std::move(words), wording);
}

const std::string& Phrasebook::voice() const { return words_->voice; }

bool Phrasebook::knows(const std::string& label) const { return words_->objects.contains(label); }

std::string Phrasebook::distance(double metres) const {
  if (wording_.distance == "steps") {
    const long steps = std::max(std::lround(metres / wording_.step_m), 1L);
    if (steps == 1) return words_->steps.at("one");
    const bool many = steps > 10;
    const long told =
        many ? std::max(std::lround(static_cast<double>(steps) / 5.0) * 5, 10L) : steps;
    return fill(words_->steps.at(many ? "about" : "steps"), {{"n", std::to_string(told)}});
  }
  const Table& words = words_->distance;
  if (metres < 0.75) return words.at("half");
  if (metres < 1.25) return words.at("one");
  if (metres < 1.75) return words.at("one_and_half");
  const bool far = metres >= 10.5;
  const long rounded = far ? std::lround(metres / 5) * 5 : std::lround(metres);
  return fill(words.at(far ? "about" : "metres"), {{"n", std::to_string(rounded)}});
}

std::string Phrasebook::sentence(const Cue& cue) const {
  const Words& words = *words_;
  if (cue.kind == CueKind::around) {
    if (cue.parts.empty()) return words.sentence.at("nothing_around");
    std::string all;
    for (const Cue& part : cue.parts) {
      all += (all.empty() ? "" : " ") + sentence(as_part(part)) + ".";
    }
    return all;
  }
  if (cue.kind == CueKind::repeated) return "";
  if (is_answer(cue.kind) || is_of_vision(cue.kind)) {
    return words.sentence.at(to_string(cue.kind));
  }
  const std::string distance_words =
      cue.distance_m && !is_vague(*cue.distance_m, cue.distance_sigma_m) ? distance(*cue.distance_m)
                                                                         : "";
  if (is_of_path(cue.kind)) {
    std::string name = to_string(cue.kind);
    if (cue.priority == Priority::critical) name = "critical_" + name;
    const std::string way = cue.way_round ? words.way.at(to_string(*cue.way_round)) : "";
    return capitalised(fill(words.sentence.at(name), {{"distance", distance_words}, {"way", way}}));
  }
  return capitalised(cue.others.empty() ? of_one(cue, distance_words)
                                        : of_several(cue, distance_words));
}

std::pair<std::string, std::string> Phrasebook::direction(const Cue& cue) const {
  const std::string& side = words_->side.at(to_string(cue.side));
  const std::string& hour = words_->clock[static_cast<std::size_t>(cue.clock_hour + 11) % kHours];
  if (wording_.direction == "clock") return {hour, ""};
  // Just beside the way the nearest hour is twelve; "left, twelve o'clock" contradicts itself.
  const bool told = wording_.direction == "both" && cue.side != Side::ahead && cue.clock_hour != 12;
  return {side, told ? hour : ""};
}

std::string Phrasebook::of_one(const Cue& cue, const std::string& distance_words) const {
  const Words& words = *words_;
  const auto known = words.objects.find(cue.label);
  std::string object = known == words.objects.end() ? words.obstacle : known->second;
  // An obstacle it is in any case.
  if (cue.maybe && known != words.objects.end()) object = fill(words.maybe, {{"object", object}});
  const auto [side, clock] = direction(cue);
  const Table values{
      {"object", object}, {"side", side}, {"clock", clock}, {"distance", distance_words}};
  std::string name = cue.kind == CueKind::approaching ? "approaching" : "object";
  if (cue.priority == Priority::critical) {
    name = cue.kind == CueKind::approaching ? "critical_approaching" : "critical";
  }
  return fill(words.sentence.at(name), values);
}

std::string Phrasebook::of_several(const Cue& cue, const std::string& distance_words) const {
  const Words& words = *words_;
  const auto known = words.plurals.find(cue.label);
  const bool named = known != words.plurals.end();
  const bool coming = cue.kind == CueKind::approaching;
  const std::string text = fill(words.sentence.at(coming ? "group_approaching" : "group"),
                                {{"n", std::to_string(count_of(cue))},
                                 {"objects", named ? known->second : words.obstacles},
                                 {"side", direction(cue).first},
                                 {"distance", distance_words}});
  return cue.maybe && named ? fill(words.maybe, {{"object", text}}) : text;
}

}  // namespace lazarillo
