#include "show/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "error.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

const RunInfo kRun{"0.1.0", "calle \"ñ\".avi", "lznet", "es"};

fs::path fresh(const char* name) {
  const fs::path file = test::temp_dir() / name;
  fs::remove(file);
  return file;
}

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

Detections some_detections(int n = 2) {
  Detections d;
  d.stamp = {1, 41, 1'000'000'123, 1'366'666'667};
  d.labels = std::make_shared<const std::vector<std::string>>(
      std::vector<std::string>{"person", "tv\tmonitor"});
  for (int i = 0; i < n; ++i) {
    const auto x = static_cast<float>(i);
    d.items.push_back({{1.234F + x, 2.345F, 30.5F + x, 40}, 0.87654F, i % 2});
  }
  return d;
}

Track some_track() {
  Track t;
  t.id = 3;
  t.label = "person";
  t.box = {1.239F, 2, 30, 40.004F};
  t.score = 0.5F;
  t.certainty = 0.75;
  t.bearing_deg = -12.34567;
  t.distance_m = 4.2;
  t.distance_sigma_m = 0.5;
  t.closing_speed_mps = 1.25;
  t.ttc_s = 3.36;
  return t;
}

Tracks some_tracks() {
  Track unknown = some_track();  // without a distance nothing that follows from it is known
  unknown.id = 4;
  unknown.observed = false;
  unknown.certainty.reset();
  unknown.distance_m.reset();
  unknown.ttc_s.reset();
  Tracks t;
  t.items = {some_track(), unknown};
  return t;
}

Cue some_cue() {
  Cue c;
  c.kind = CueKind::approaching;
  c.priority = Priority::warning;
  c.stamp = {1, 41, 1'000'000'123, 1'366'666'667};
  c.track = 3;
  c.label = "person";
  c.maybe = true;
  c.bearing_deg = -12.34567;
  c.side = Side::left;
  c.clock_hour = 12;
  c.distance_m = 4.2;
  c.distance_sigma_m = 0.5;
  c.ttc_s = 3.36;
  return c;
}

Cue lost_cue() {
  Cue c;
  c.kind = CueKind::vision_lost;
  c.priority = Priority::critical;
  return c;
}

Cue around_cue() {
  Cue person = some_cue();
  person.others = {7, 8};
  Cue drop;
  drop.kind = CueKind::drop;
  drop.distance_m = 2.5;
  Cue around;
  around.kind = CueKind::around;
  around.parts = {person, drop};
  return around;
}

/// Everything a run can write.
void write_all(EventsWriter& writer) {
  writer.frame(some_detections(), some_tracks(), "", 768, 576, 1'050'000'000);
  writer.cue(some_cue(), "Persona a la izquierda, \"cerca\"", 1'050'000'000);
  Detections nothing = some_detections(0);
  writer.frame(nothing, {}, "the network's output is not finite", 768, 576, 1'100'000'000);
  writer.cue(lost_cue(), "No veo", 1'100'000'000);
  writer.command(Command::around, some_cue().stamp, 1'200'000'000);
  writer.cue(around_cue(), "3 personas delante.", 1'200'000'000);
  Cue group = some_cue();
  group.others = {4};
  writer.cue(group, "2 personas", 1'200'000'000);
}

TEST(Events, LinesSayWhatHappened) {
  const fs::path file = fresh("lazarillo-events.jsonl");
  EventsWriter writer(file, kRun);
  write_all(writer);
  const auto lines = lines_of(file);  // before close(): every call has written its line
  ASSERT_EQ(lines.size(), 8U);
  EXPECT_EQ(lines[0], R"({"type":"run","schema":1,"program":"lazarillo","version":"0.1.0",)"
                      R"("source":"calle \"ñ\".avi","models":"lznet","language":"es"})");
  EXPECT_EQ(
      lines[1],
      R"({"type":"frame","sequence":41,"camera":1,"stream_ns":1366666667,"capture_ns":1000000123,)"
      R"("decision_ns":1050000000,"width":768,"height":576,"looked_at":true,"detections":[)"
      R"({"label":"person","score":0.8765,"box":[1.23,2.35,30.50,40.00]},)"
      R"({"label":"tv\tmonitor","score":0.8765,"box":[2.23,2.35,31.50,40.00]}],"tracks":[)"
      R"({"track":3,"label":"person","box":[1.24,2.00,30.00,40.00],"score":0.5000,)"
      R"("certainty":0.7500,"observed":true,"distance_m":4.200,"distance_sigma_m":0.500,"bearing_deg":-12.346,)"
      R"("closing_speed_mps":1.250,"ttc_s":3.360},)"
      R"({"track":4,"label":"person","box":[1.24,2.00,30.00,40.00],"score":0.5000,)"
      R"("certainty":null,"observed":false,"distance_m":null,"distance_sigma_m":null,"bearing_deg":-12.346,)"
      R"("closing_speed_mps":null,"ttc_s":null}]})");
  const json cue = json::parse(lines[2]);
  EXPECT_EQ(cue["kind"], "approaching");
  EXPECT_EQ(cue["priority"], "warning");
  EXPECT_EQ(cue["maybe"], true);
  EXPECT_EQ(cue["side"], "left");
  EXPECT_EQ(cue["clock"], 12);
  EXPECT_EQ(cue["track"], 3);
  EXPECT_EQ(cue["text"], "Persona a la izquierda, \"cerca\"");
  EXPECT_EQ(cue["capture_ns"], 1'000'000'123);
  EXPECT_EQ(json::parse(lines[3])["fault"], "the network's output is not finite");
  EXPECT_TRUE(json::parse(lines[3])["tracks"].empty());
  const json lost = json::parse(lines[4]);
  for (const char* key :
       {"track", "label", "maybe", "distance_m", "bearing_deg", "side", "clock", "ttc_s"}) {
    EXPECT_TRUE(lost[key].is_null()) << key;
  }
  EXPECT_EQ(lines[5], R"({"type":"command","stream_ns":1366666667,"capture_ns":1000000123,)"
                      R"("decision_ns":1200000000,"sequence":41,"command":"around"})");
  EXPECT_EQ(json::parse(lines[6])["parts"],
            json::parse(R"([{"kind":"approaching","track":3,"label":"person","others":[7,8],)"
                        R"("side":"left","distance_m":4.2},{"kind":"drop","track":null,)"
                        R"("label":null,"others":[],"side":"ahead","distance_m":2.5}])"));
  EXPECT_EQ(json::parse(lines[7])["others"], json::parse("[4]"));
  EXPECT_FALSE(lost.contains("others"));
}

TEST(Events, UnknownNumbersAreNull) {
  const fs::path file = fresh("lazarillo-nan.jsonl");
  {
    EventsWriter writer(file, kRun);
    Detections d = some_detections(1);
    d.items[0].score = static_cast<float>(kNan);
    d.items[0].box.x1 = -std::numeric_limits<float>::infinity();
    Tracks t = some_tracks();
    t.items[0].bearing_deg = kNan;
    t.items[0].distance_m = kNan;
    t.items[0].ttc_s = std::numeric_limits<double>::infinity();
    t.items[0].closing_speed_mps = -0.0001;
    writer.frame(d, t, "", 10, 10, 0);
    Cue c = some_cue();
    c.distance_sigma_m = kNan;
    writer.cue(c, "", 0);
  }
  const std::string text = text_of(file);
  EXPECT_EQ(text.find("nan"), std::string::npos);
  EXPECT_EQ(text.find("inf"), std::string::npos);
  EXPECT_EQ(text.find("-0.000"), std::string::npos) << "minus nothing is nothing";
  const auto lines = lines_of(file);
  const json frame = json::parse(lines[1]);
  EXPECT_TRUE(frame["detections"][0]["score"].is_null());
  EXPECT_TRUE(frame["detections"][0]["box"][0].is_null());
  for (const char* key : {"bearing_deg", "distance_m", "ttc_s"}) {
    EXPECT_TRUE(frame["tracks"][0][key].is_null()) << key;
  }
  EXPECT_TRUE(json::parse(lines[2])["distance_sigma_m"].is_null());
}

TEST(Events, AnyTextMakesValidLines) {
  const fs::path file = fresh("lazarillo-text.jsonl");
  {
    EventsWriter writer(file, {"1", "a\nb\\\x01\xff", "", ""});
    Cue c = some_cue();
    c.label = "\xc3(";
    writer.cue(c, "ñandú \xf0\x9f\x9a\xb6", 0);
  }
  const auto lines = lines_of(file);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(json::parse(lines[0])["source"], "a\nb\\\x01\xef\xbf\xbd");
  EXPECT_EQ(json::parse(lines[1])["text"], "ñandú \xf0\x9f\x9a\xb6");
}

TEST(Events, SameInputSameBytes) {
  const fs::path a = fresh("lazarillo-a.jsonl"), b = fresh("lazarillo-b.jsonl");
  for (const fs::path& file : {a, b}) {
    EventsWriter writer(file, kRun);
    write_all(writer);
  }
  EXPECT_EQ(text_of(a), text_of(b));
}

/// The part of JSON Schema that docs/events.schema.json uses.
std::string mismatch(const json& value, const json& schema, const json& root) {
  if (schema.contains("$ref")) {
    const std::string ref = schema["$ref"];
    return mismatch(value, root.at(json::json_pointer(ref.substr(1))), root);
  }
  for (const auto& [key, rule] : schema.items()) {
    if (key == "const") {
      if (value != rule) return value.dump() + " is not " + rule.dump();
    } else if (key == "enum") {
      if (std::find(rule.begin(), rule.end(), value) == rule.end()) {
        return value.dump() + " is none of " + rule.dump();
      }
    } else if (key == "type") {
      const std::vector<std::string> types =
          rule.is_array() ? rule.get<std::vector<std::string>>()
                          : std::vector<std::string>{rule.get<std::string>()};
      bool fits = false;
      for (const std::string& type : types) {
        fits =
            fits || type == value.type_name() || (type == "integer" && value.is_number_integer());
      }
      if (!fits) return value.dump() + " is not of type " + rule.dump();
    } else if (key == "minimum" || key == "maximum") {
      if (value.is_number() && (key == "minimum" ? value < rule : value > rule)) {
        return value.dump() + " is out of range";
      }
    } else if (key == "minItems" || key == "maxItems") {
      const std::size_t limit = rule;
      if (key == "minItems" ? value.size() < limit : value.size() > limit) return "array size";
    } else if (key == "items") {
      for (const json& item : value) {
        if (const auto m = mismatch(item, rule, root); !m.empty()) return m;
      }
    } else if (key == "required") {
      for (const json& name : rule) {
        if (!value.contains(name.get<std::string>())) return "misses " + name.dump();
      }
    } else if (key == "properties") {
      for (const auto& [name, item] : value.items()) {  // stricter than the schema: nothing else
        if (!rule.contains(name)) return "has an undocumented field " + name;
        if (const auto m = mismatch(item, rule[name], root); !m.empty()) return name + ": " + m;
      }
    } else if (key != "title" && key != "description") {
      return "the test does not know the rule " + key;
    }
  }
  return "";
}

json schema() {
  std::ifstream in(fs::path(LZ_SOURCE_DIR) / "docs/events.schema.json");
  return json::parse(in);
}

TEST(Events, LinesFitTheSchema) {
  const fs::path file = fresh("lazarillo-schema.jsonl");
  {
    EventsWriter writer(file, kRun);
    write_all(writer);
  }
  const json root = schema();
  EXPECT_EQ(root["$defs"]["run"]["properties"]["schema"]["const"], kEventsSchema);
  std::set<std::string> types;
  for (const std::string& line : lines_of(file)) {
    const json value = json::parse(line);
    types.insert(value["type"]);
    EXPECT_EQ(mismatch(value, root["$defs"][value["type"].get<std::string>()], root), "") << line;
  }
  EXPECT_EQ(types, (std::set<std::string>{"command", "cue", "frame", "run"}));
  const json odd = {{"type", "run"}, {"schema", 2}};
  EXPECT_NE(mismatch(odd, root["$defs"]["run"], root), "")
      << "the check itself must be able to fail";
}

TEST(Events, OfSeveralCamerasItSaysWhichSawWhat) {
  const fs::path file = fresh("lazarillo-cameras.jsonl");
  const Detections side = [] {
    Detections detections = some_detections(1);
    detections.stamp.camera = 2;
    detections.stamp.sequence = 41;
    return detections;
  }();
  Tracks tracks = some_tracks();
  tracks.items.at(0).camera = 2;
  const std::string none;
  const std::string fault = "the network's output is not finite";
  {
    EventsWriter writer(file, kRun);
    OtherCameras others{{"rgb", "slam-left", "slam-right"},
                        {{side.stamp, 480, 640, side, none}, {side.stamp, 480, 640, side, fault}}};
    writer.frame(some_detections(), tracks, "", 1408, 1408, 1, Look::in_time, &others);
    others.beside.clear();
    writer.frame(some_detections(), tracks, "", 1408, 1408, 2, Look::never, &others);
  }
  const json root = schema();
  const auto lines = lines_of(file);
  const json first = json::parse(lines.at(1));
  EXPECT_EQ(mismatch(first, root["$defs"]["frame"], root), "");
  EXPECT_EQ(first["camera"], 1);
  EXPECT_EQ(first["camera_name"], "slam-left");
  EXPECT_EQ(first["tracks"][0]["camera_name"], "slam-right");
  ASSERT_EQ(first["beside"].size(), 2U);
  const json& beside = first["beside"][0];
  EXPECT_EQ(beside["camera_name"], "slam-right");
  EXPECT_EQ(beside["sequence"], 41);
  EXPECT_EQ(beside["width"], 480);
  EXPECT_EQ(beside["detections"].size(), 1U);
  EXPECT_FALSE(beside.contains("fault"));
  EXPECT_EQ(first["beside"][1]["fault"], fault);
  const json second = json::parse(lines.at(2));
  EXPECT_EQ(mismatch(second, root["$defs"]["frame"], root), "");
  EXPECT_EQ(second["beside"], json::array());
}

TEST(Events, DocumentNamesTheFieldsOfTheSchema) {
  // Rows of the table that follows a heading of docs/events.md.
  const std::string text = text_of(fs::path(LZ_SOURCE_DIR) / "docs/events.md");
  const auto documented = [&](const std::string& heading) {
    std::set<std::string> fields;
    const auto from = text.find("# " + heading + "\n");
    if (from == std::string::npos) return fields;
    const std::string section = text.substr(from + 1, text.find("\n#", from) - from);
    constexpr std::string_view kRow = "\n| `";
    for (auto at = section.find(kRow); at != std::string::npos; at = section.find(kRow, at + 1)) {
      const auto name = at + kRow.size();
      fields.insert(section.substr(name, section.find('`', name) - name));
    }
    return fields;
  };
  const json root = schema();
  for (const auto& [heading, name] :
       {std::pair{"Run", "run"}, std::pair{"Frame", "frame"}, std::pair{"Detection", "detection"},
        std::pair{"Track", "track"}, std::pair{"Cue", "cue"}, std::pair{"Beside", "beside"},
        std::pair{"Part", "part"}, std::pair{"Command", "command"}}) {
    std::set<std::string> fields;
    for (const auto& [key, rule] : root["$defs"][name]["properties"].items()) fields.insert(key);
    EXPECT_EQ(documented(heading), fields) << heading;
  }
}

TEST(Events, GoesOnAfterAWriterThatWasKilled) {
  const fs::path file = fresh("lazarillo-go-on.jsonl");
  {
    EventsWriter writer(file, kRun);
    writer.frame(some_detections(), some_tracks(), "", 10, 10, 1, Look::never);
  }
  std::ofstream(file, std::ios::app) << R"({"type":"frame","sequ)";
  {
    EventsWriter writer(file, kRun, true);
    writer.frame(some_detections(), some_tracks(), "", 10, 10, 2, Look::late);
  }
  const auto lines = lines_of(file);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(json::parse(lines[0])["type"], "run");
  EXPECT_EQ(json::parse(lines[1])["type"], "frame");
  EXPECT_EQ(json::parse(lines[1])["looked_at"], false);
  EXPECT_EQ(json::parse(lines[2])["type"], "sighting");
  EXPECT_EQ(json::parse(lines[2])["decision_ns"], 2);
}

TEST(Events, GoesOnWhereThereIsNothingYet) {
  const fs::path file = fresh("lazarillo-go-on-new.jsonl");
  EventsWriter writer(file, kRun, true);
  EXPECT_EQ(json::parse(lines_of(file).at(0))["type"], "run");
}

TEST(Events, FullDiskLeavesWholeLinesAndOneFault) {
  const fs::path file = fresh("lazarillo-full.jsonl");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{20'000, 20'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    EventsWriter writer(file, kRun);
    for (int i = 0; i < 100; ++i) writer.frame(some_detections(7), some_tracks(), "", 10, 10, 0);
    const bool told = writer.fault().find("lazarillo-full.jsonl") != std::string::npos &&
                      writer.fault().find("File too large") != std::string::npos &&
                      writer.fault().find('\n') == std::string::npos;
    writer.cue(some_cue(), "goes on", 0);
    _exit(told ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const std::string text = text_of(file);
  ASSERT_FALSE(text.empty());
  EXPECT_EQ(text.back(), '\n');
  EXPECT_GT(text.size(), 15'000U);
  EXPECT_LE(text.size(), 20'000U);
  for (const std::string& line : lines_of(file)) EXPECT_TRUE(json::accept(line)) << line;
}

TEST(Events, SaysWhyItCannotBeCreated) {
  const auto failure = [](const char* file) {
    try {
      EventsWriter writer(file, kRun);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::output);
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_THAT(failure("/proc/nonexistent/events.jsonl"),
              HasSubstr("/proc/nonexistent/events.jsonl"));
  EXPECT_THAT(failure("/proc/nonexistent/events.jsonl"), HasSubstr("No such file"));
  EXPECT_THAT(failure("/dev/full"), HasSubstr("No space left"));
}

}  // namespace
}  // namespace lazarillo
