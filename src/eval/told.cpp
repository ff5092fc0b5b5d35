#include "eval/told.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "error.h"
#include "eval/data_files.h"

namespace lazarillo {
namespace {

using nlohmann::json;

constexpr int kSchema = 1;  ///< that docs/events.md describes
constexpr std::array kPriorities{Priority::critical, Priority::warning, Priority::info};
constexpr std::array kSides{Side::left, Side::ahead, Side::right};

/// A line that docs/events.md does not describe.
struct Unknown {};

CueKind kind_of(const json& line) {
  const auto& name = line.at("kind").get_ref<const std::string&>();
  for (int i = 0; i < kCueKinds; ++i) {
    if (name == to_string(static_cast<CueKind>(i))) return static_cast<CueKind>(i);
  }
  throw Unknown{};
}

template <class Names>
auto named(const Names& values, const json& line, const char* key) {
  const auto& name = line.at(key).get_ref<const std::string&>();
  for (const auto value : values) {
    if (name == to_string(value)) return value;
  }
  throw Unknown{};
}

template <class Value>
Value value_or(const json& line, const char* key, Value otherwise) {
  const json& value = line.at(key);
  return value.is_null() ? otherwise : value.get<Value>();
}

double place_s(const json& line) { return line.at("stream_ns").get<double>() / 1e9; }

ToldCue cue_of(const json& line) {
  ToldCue cue;
  cue.at_s = place_s(line);
  cue.kind = kind_of(line);
  cue.priority = named(kPriorities, line, "priority");
  if (!line.at("side").is_null()) cue.side = named(kSides, line, "side");
  cue.track = value_or(line, "track", 0);
  cue.label = value_or(line, "label", std::string());
  cue.text = line.at("text").get<std::string>();
  return cue;
}

class Reader {
 public:
  void take(const json& line) {
    const auto& type = line.at("type").get_ref<const std::string&>();
    if (type == "run") {
      told_.models = line.at("models").get<std::string>();
      if (line.at("schema") != kSchema) throw Unknown{};
    } else if (type == "frame") {
      last_s_ = place_s(line);
      ++frames_;
    } else if (type == "cue") {
      ToldCue cue = cue_of(line);
      // What somebody asked for is no guidance.
      if (!is_answer(cue.kind)) told_.cues.push_back(std::move(cue));
    }
  }

  /// nullopt without frames. The last frame lasts as long as the others do in the middle.
  [[nodiscard]] std::optional<Told> told() && {
    if (frames_ == 0) return std::nullopt;
    told_.seconds = frames_ > 1 ? last_s_ * frames_ / (frames_ - 1) : last_s_;
    return std::move(told_);
  }

 private:
  Told told_;
  double last_s_ = 0;
  int frames_ = 0;
};

}  // namespace

Told read_told(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  const auto refuse = [&file](int number) {
    return Error(ExitCode::source,
                 fmt::format("'{}' line {}: is no line of an events.jsonl (docs/events.md)",
                             file.string(), number));
  };
  Reader reader;
  int number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;
    ++number;
    try {
      reader.take(json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                              text.begin() + static_cast<std::ptrdiff_t>(end)));
    } catch (const json::exception&) {
      throw refuse(number);
    } catch (const Unknown&) {
      throw refuse(number);
    }
    begin = end + 1;
  }
  std::optional<Told> told = std::move(reader).told();
  if (!told) {
    throw Error(ExitCode::source,
                "'" + file.string() + "' has no frame: there is nothing to measure");
  }
  return std::move(*told);
}

}  // namespace lazarillo
