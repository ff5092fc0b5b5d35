#include "run/record/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "error.h"
#include "record/recording_reader.h"
#include "run/config.h"
#include "run/parts.h"
#include "run/record/run_recorder.h"
#include "source/media_file.h"
#include "version.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::int64_t kSameCue_ns = 2'000'000'000;

ToldCue told_cue(const std::string& line) {
  const Json j = Json::parse(line);
  ToldCue cue{j.at("stream_ns").get<std::int64_t>(), "", j.at("text").get<std::string>(), line};
  cue.subject = j.at("track").is_null() ? j.at("kind").get<std::string>()
                                        : fmt::format("track {}", j.at("track").get<int>());
  return cue;
}

void write_file(const fs::path& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw Error(ExitCode::output, "cannot write '" + file.string() + "'");
}

/// Changed settings of what is recorded as it was found: they change nothing here.
std::vector<std::string> without_effect(Config& before, Config& now) {
  std::vector<std::string> keys;
  const std::vector<Setting> old = settings_of(before);
  const std::vector<Setting> chosen = settings_of(now);
  for (std::size_t i = 0; i < old.size(); ++i) {
    const std::string& key = old[i].key;
    if (key.starts_with("guide.") || key == "language" || key == "path.enabled") continue;
    const bool same = std::visit(
        [&](auto* value) { return *value == *std::get<decltype(value)>(chosen[i].value); },
        old[i].value);
    if (!same) keys.push_back(key);
  }
  return keys;
}

struct Nowhere final : Sink<Scene>, Sink<Foresight> {
  bool push(Scene) override { return true; }
  bool push(Foresight) override { return true; }
};

/// The guide of a recording, and what it tells this time.
class Replay final : GuideWitness {
 public:
  Replay(const Json& header, const ReplayOptions& options) {
    const Json& models = header.at("models");
    labels_ = std::make_shared<const std::vector<std::string>>(
        models.at("labels").get<std::vector<std::string>>());
    const std::string recorded = header.at("config").get<std::string>();
    Config config;
    read_config_text(recorded, options.file.string(), config);
    if (!options.config_file.empty()) read_config(options.config_file, config);
    for (const std::string& setting : options.settings) read_setting(setting, config);
    same_settings_ = to_toml(config) == recorded;
    Config before;
    read_config_text(recorded, options.file.string(), before);
    idle_settings_ = without_effect(before, config);
    GuideStage::Parts parts = guide_parts(
        config, {models.at("calibrated").get<bool>(), models.at("score_threshold").get<double>()},
        header.at("live").get<bool>());
    parts.witness = this;
    const fs::path& out = options.out_directory;
    if (!out.empty()) write_file(made_directory(out) / "config.toml", to_toml(config));
    parts.events = std::make_unique<EventsWriter>(
        out.empty() ? fs::path() : out / "events.jsonl",
        RunInfo{kVersion, header.at("source").get<std::string>(),
                models.at("name").get<std::string>(), config.language},
        false, [this](const std::string& line) { told(line); });
    stage_.emplace(std::move(parts), metrics_, nowhere_, nowhere_);
  }

  void give(const Json& line) {
    call_ = recorded_call(line, labels_);
    clock_ = tracks_ = views_ = 0;
    if (call_.number > next_) missing_ += call_.number - next_;
    next_ = call_.number + 1;
    if (const auto* frame = std::get_if<Frame>(&call_.value)) {
      ++frames_;
      stream_ns_ = std::max(stream_ns_, frame->stamp.stream_ns);
    }
    call(*stage_, std::move(call_.value));
  }

  [[nodiscard]] const std::vector<ToldCue>& cues() const { return cues_; }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  [[nodiscard]] std::uint64_t missing() const { return missing_; }
  [[nodiscard]] double stream_s() const { return static_cast<double>(stream_ns_) / 1e9; }
  [[nodiscard]] bool same_settings() const { return same_settings_; }
  [[nodiscard]] const std::vector<std::string>& idle_settings() const { return idle_settings_; }

 private:
  // As recorded. Who asks more often than then hears the last time again, and his own.
  std::int64_t now() override {
    if (clock_ < call_.clock.size()) last_ns_ = call_.clock[clock_++];
    return last_ns_;
  }
  Tracks followed(Tracks own) override {
    return tracks_ < call_.tracks.size() ? call_.tracks[tracks_++] : std::move(own);
  }
  std::optional<CorridorView> along(const std::function<CorridorView()>&) override {
    if (views_ == call_.views.size()) return std::nullopt;
    return call_.views[views_++];
  }
  LastSaid said(LastSaid own) override { return call_.said.value_or(std::move(own)); }

  void told(const std::string& line) {
    if (line.starts_with(R"({"type":"cue")")) cues_.push_back(told_cue(line));
  }

  Labels labels_;
  Metrics metrics_;
  Nowhere nowhere_;
  std::optional<GuideStage> stage_;
  RecordedCall call_;
  std::size_t clock_ = 0, tracks_ = 0, views_ = 0;  ///< so many were asked for
  std::int64_t last_ns_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t missing_ = 0;
  std::uint64_t frames_ = 0;
  std::int64_t stream_ns_ = 0;
  std::vector<ToldCue> cues_;
  bool same_settings_ = true;
  std::vector<std::string> idle_settings_;
};

Json header_of(RecordingReader& reader, const fs::path& file) {
  const Json header = Json::parse(reader.next().value_or(""), nullptr, false);
  if (!header.is_object() || header.value("type", "") != "recording") {
    throw Error(ExitCode::source,
                quoted(file) + " has a track of text, but is no recording of this program's");
  }
  const int format = header.value("format", 0);
  if (format != kRecordingFormat) {
    throw Error(ExitCode::source,
                fmt::format("{} is a recording of format {}, this program reads {}: use lazarillo "
                            "{} for it",
                            quoted(file), format, kRecordingFormat, header.value("version", "?")));
  }
  return header;
}

void write_calibration(const Json& line, const fs::path& out) {
  if (out.empty()) return;
  const fs::path name = fs::path(line.at("file").get<std::string>()).filename();
  write_file(out / (name.empty() ? "calibration" : name), line.at("text").get<std::string>());
}

}  // namespace

std::vector<CueChange> compared(const std::vector<ToldCue>& recorded,
                                const std::vector<ToldCue>& replayed) {
  std::vector<const ToldCue*> partner(recorded.size(), nullptr);
  std::vector<bool> used(replayed.size(), false);
  const auto match = [&](auto&& same) {
    for (std::size_t i = 0; i < recorded.size(); ++i) {
      for (std::size_t k = 0; k < replayed.size() && partner[i] == nullptr; ++k) {
        if (used[k] || !same(recorded[i], replayed[k])) continue;
        partner[i] = &replayed[k];
        used[k] = true;
      }
    }
  };
  match([](const ToldCue& a, const ToldCue& b) { return a.line == b.line; });
  match([](const ToldCue& a, const ToldCue& b) {
    return a.subject == b.subject && std::abs(a.stream_ns - b.stream_ns) <= kSameCue_ns;
  });
  std::vector<CueChange> changes;
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    if (partner[i] == nullptr) {
      changes.push_back({CueChange::Kind::gone, recorded[i], {}});
    } else if (partner[i]->line != recorded[i].line) {
      changes.push_back({CueChange::Kind::changed, recorded[i], *partner[i]});
    }
  }
  for (std::size_t k = 0; k < replayed.size(); ++k) {
    if (!used[k]) changes.push_back({CueChange::Kind::added, {}, replayed[k]});
  }
  const auto time = [](const CueChange& c) {
    return c.kind == CueChange::Kind::added ? c.replayed.stream_ns : c.recorded.stream_ns;
  };
  std::stable_sort(changes.begin(), changes.end(),
                   [&](const CueChange& a, const CueChange& b) { return time(a) < time(b); });
  return changes;
}

ReplayResult replay(const ReplayOptions& options) {
  RecordingReader reader(options.file);
  const Json header = header_of(reader, options.file);
  ReplayResult result;
  std::vector<ToldCue> recorded;
  std::optional<Json> end;
  std::uint64_t number = 1;
  try {
    Replay again(header, options);
    while (const auto line = reader.next()) {
      ++number;
      const Json j = Json::parse(*line);
      const std::string type = j.at("type").get<std::string>();
      if (type == "given") again.give(j);
      if (type == "cue") recorded.push_back(told_cue(*line));
      if (type == "calibration") write_calibration(j, options.out_directory);
      if (type == "end") end = j;
    }
    result.frames = again.frames();
    result.stream_s = again.stream_s();
    result.recorded_cues = recorded.size();
    result.replayed_cues = again.cues().size();
    result.changes = compared(recorded, again.cues());
    result.same_settings = again.same_settings();
    for (const std::string& key : again.idle_settings()) {
      result.notes.push_back(
          fmt::format("'{}' changes nothing in a replay: `lazarillo run {}` looks and follows anew",
                      key, options.file.string()));
    }
    if (again.missing() > 0) {
      result.notes.push_back(fmt::format(
          "{} values that the guide was given are not in the recording (the disk was too slow): "
          "cues may differ after them",
          again.missing()));
    }
  } catch (const std::exception& error) {
    if (dynamic_cast<const Error*>(&error) != nullptr) throw;
    throw Error(ExitCode::source, fmt::format("{} is damaged: line {} of its text is none of ours "
                                              "({})",
                                              quoted(options.file), number, error.what()));
  }
  if (!end) result.notes.emplace_back("the recording ends early: it was cut off");
  if (header.value("version", "") != kVersion) {
    result.notes.push_back(fmt::format("recorded by lazarillo {}, replayed by {}",
                                       header.value("version", "?"), kVersion));
  }
  return result;
}

}  // namespace lazarillo
