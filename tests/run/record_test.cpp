#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "../temp_dir.h"
#include "error.h"
#include "record/recording_reader.h"
#include "record/recording_writer.h"
#include "run/config.h"
#include "run/record/guide_call.h"
#include "run/record/replay.h"

namespace lazarillo {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const Labels kLabels =
    std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"person", "car"});

RecordedCall there_and_back(const RecordedCall& call) {
  return recorded_call(Json::parse(line_of(call)), kLabels);
}

Frame some_frame() {
  Frame frame;
  frame.stamp = {0, 41, 9'007'199'254'740'993, 1'300'000'007};  // more than a double holds
  frame.width = 640;
  frame.height = 480;
  frame.intrinsics = {500.1, 500.2, 320.3, 240.4, 640, 480, true};
  frame.state = PictureState::dark;
  frame.turned = CameraTurn{0.1, -1.0 / 3};
  frame.head = HeadMotion{12.3F, -1.0F / 3, 0.7F, Gait::walking, 111.1F};
  return frame;
}

TEST(RecordedCall, KeepsAFrameToTheLastBit) {
  RecordedCall call;
  call.number = 7;
  call.value = some_frame();
  call.clock = {1, 9'007'199'254'740'993};
  const RecordedCall back = there_and_back(call);
  EXPECT_EQ(back.number, 7U);
  EXPECT_EQ(back.clock, call.clock);
  const Frame& frame = std::get<Frame>(back.value);
  EXPECT_EQ(frame.stamp.capture_ns, 9'007'199'254'740'993);
  EXPECT_EQ(frame.stamp.stream_ns, 1'300'000'007);
  EXPECT_EQ(frame.intrinsics, some_frame().intrinsics);
  EXPECT_EQ(frame.turned->up_deg, -1.0 / 3);
  ASSERT_TRUE(frame.head);
  EXPECT_EQ(frame.head->pitch_deg, 12.3F);
  EXPECT_EQ(frame.head->roll_deg, -1.0F / 3);
  EXPECT_EQ(frame.head->deviation_deg, 0.7F);
  EXPECT_EQ(frame.head->gait, Gait::walking);
  EXPECT_EQ(frame.head->steps_per_min, 111.1F);
  EXPECT_EQ(frame.state, PictureState::dark);
  EXPECT_EQ(frame.lens, nullptr);
}

TEST(RecordedCall, ARecordingFromBeforeGravityWasKnownIsRead) {
  RecordedCall call;
  call.value = some_frame();
  Json line = Json::parse(line_of(call));
  line["frame"].erase("head");
  EXPECT_FALSE(std::get<Frame>(recorded_call(line, kLabels).value).head);
  line["frame"]["head"] = {1, 2, 3, 3, 4};
  EXPECT_THROW((void)recorded_call(line, kLabels), std::out_of_range) << "no such gait";
}

TEST(RecordedCall, KeepsWhatWasFound) {
  Seen seen;
  seen.frame = some_frame();
  seen.sighting.detections = {seen.frame.stamp, {{{0.1F, 2, 3.3F, 4}, 0.7F, 1}}, kLabels};
  seen.sighting.detections.items[0].depth = BoxDepth{2.5F, 0.1F};
  auto depth = std::make_shared<MetricDepth>();
  depth->stamp = seen.frame.stamp;
  depth->depth_m = {2, 1, 1, 0, 0, {1, 2}};
  seen.sighting.depth = std::shared_ptr<const MetricDepth>(depth);
  RecordedCall call;
  call.value = without_pixels(seen);
  Track track;
  track.id = 3;
  track.label = "car";
  track.distance_m = 1.0 / 7;
  track.ttc_s = std::nullopt;
  track.closing_speed_mps = std::numeric_limits<double>::quiet_NaN();
  call.tracks = {{seen.frame.stamp, {track}}};
  CorridorView view;
  view.stamp = seen.frame.stamp;
  view.obstacle = Obstacle{2, 0.2, -3, 0, 1.1};
  view.low = Obstacle{1.5, 0.1, 2, 0, 0.3};
  view.drop = Drop{3, 0.4, true};
  view.way_round_m = -0.6;
  call.views = {view};
  call.said = LastSaid{"Auto <ahead> & \"near\"", -12.5};

  const RecordedCall back = there_and_back(call);
  const Seen& again = std::get<Seen>(back.value);
  ASSERT_EQ(again.sighting.detections.items.size(), 1U);
  EXPECT_EQ(again.sighting.detections.items[0].box.x1, 0.1F);
  EXPECT_EQ(again.sighting.detections.items[0].score, 0.7F);
  EXPECT_EQ(again.sighting.detections.items[0].depth->sigma_relative, 0.1F);
  // That there is a map is told; its numbers are not kept.
  const auto map = std::get<std::shared_ptr<const MetricDepth>>(again.sighting.depth);
  EXPECT_EQ(map->stamp.sequence, 41U);
  EXPECT_TRUE(map->depth_m.values.empty());
  ASSERT_EQ(back.tracks.size(), 1U);
  EXPECT_EQ(back.tracks[0].items[0].distance_m, 1.0 / 7);
  EXPECT_FALSE(back.tracks[0].items[0].ttc_s);
  EXPECT_TRUE(std::isnan(back.tracks[0].items[0].closing_speed_mps));
  ASSERT_EQ(back.views.size(), 1U);
  EXPECT_EQ(back.views[0].obstacle->high_m, 1.1);
  EXPECT_EQ(back.views[0].low->high_m, 0.3);
  EXPECT_TRUE(back.views[0].drop->stairs);
  EXPECT_FALSE(back.views[0].head);
  EXPECT_EQ(back.views[0].way_round_m, -0.6);
  EXPECT_EQ(back.said->text, call.said->text);
}

TEST(RecordedCall, WhatIsNoneOfOursIsRefusedNotBelieved) {
  RecordedCall call;
  Seen seen;
  seen.frame = some_frame();
  seen.sighting.detections = {seen.frame.stamp, {{{1, 2, 3, 4}, 0.7F, 1}}, kLabels};
  call.value = seen;
  const Json good = Json::parse(line_of(call));
  const auto broken = [&](const std::string& pointer, const Json& value) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    EXPECT_ANY_THROW((void)recorded_call(bad, kLabels)) << pointer;
  };
  EXPECT_NO_THROW((void)recorded_call(good, kLabels));
  broken("/detections/items/0/2", 2);  // a class beyond the labels
  broken("/detections/items/0/2", -1);
  broken("/outcome", 9);
  broken("/frame/state", 6);
  broken("/frame/stamp", Json::array({0, 1}));
  broken("/frame/camera", "wide");
  broken("/kind", "guess");
  broken("/clock", "noon");
  broken("/depth", {{"kind", "metric"},
                    {"stamp", {0, 1, 2, 3}},
                    {"grid", {100000, 100000, 1, 0, 0}},
                    {"sigmas", 0}});
}

/// Grey pictures and lines in a file of its own: a recording never writes over one.
std::filesystem::path written(const test::TempDir& folder, const std::vector<std::string>& lines) {
  const auto files = std::distance(std::filesystem::directory_iterator(folder.path()), {});
  const std::filesystem::path file = folder.path() / (std::to_string(files) + ".mkv");
  RecordingWriter writer(file);
  Frame frame;
  frame.width = 64;
  frame.height = 48;
  frame.stride_bytes = 64;
  frame.format = PixelFormat::gray8;
  const auto pixels = std::make_shared<std::vector<std::uint8_t>>(64 * 48, 100);
  frame.pixels = {pixels, pixels->data()};
  std::int64_t ns = 0;
  for (const std::string& line : lines) {
    writer.picture(frame, ns);
    writer.line(line, ns);
    ns += 40'000'000;
  }
  writer.finish();
  EXPECT_EQ(writer.fault(), "");
  return file;
}

std::vector<std::string> read(const std::filesystem::path& file) {
  RecordingReader reader(file);
  std::vector<std::string> lines;
  while (auto line = reader.next()) lines.push_back(*line);
  return lines;
}

std::string refusal(const std::filesystem::path& file) {
  try {
    ReplayOptions options;
    options.file = file;
    (void)replay(options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::source);
    return error.what();
  }
  return "";
}

TEST(Recording, GivesItsLinesAgain) {
  const test::TempDir folder;
  const std::vector<std::string> lines = {R"({"a":"it's \"so\" & <b>bold</b> &quot;"})",
                                          R"({"ü":"日本語"})", std::string(300'000, 'x')};
  std::vector<std::string> expected = lines;
  // As JSON may write them.
  expected[0] = R"({"a":"it's \"so\" \u0026 \u003cb\u003ebold\u003c/b\u003e \u0026quot;"})";
  EXPECT_EQ(read(written(folder, lines)), expected);
  EXPECT_EQ(Json::parse(expected[0]), Json::parse(lines[0]));
}

TEST(Recording, WithoutAnyPictureThereIsNoFile) {
  const test::TempDir folder;
  {
    RecordingWriter writer(folder.path() / "none.mkv");
    writer.line("{}", 0);
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "none.mkv"));
}

TEST(Recording, OtherFilesAreRefused) {
  const test::TempDir folder;
  EXPECT_THAT(refusal(folder.write("text.mkv", "hello")), HasSubstr("is no recording"));
  EXPECT_THAT(refusal(folder.path() / "nowhere.mkv"), HasSubstr("nowhere.mkv"));
  EXPECT_THAT(refusal(written(folder, {"Hello, subtitles"})), HasSubstr("no recording of this"));
  EXPECT_THAT(refusal(written(folder, {R"({"type":"recording","format":2,"version":"9.1"})"})),
              HasSubstr("format 2, this program reads 1: use lazarillo 9.1"));
}

TEST(Recording, ADamagedLineIsNamed) {
  ::setenv("LAZARILLO_HOME", LZ_SOURCE_DIR, 1);
  const test::TempDir folder;
  const std::string header =
      Json{
          {"type", "recording"},
          {"format", 1},
          {"version", "0"},
          {"source", "x"},
          {"live", true},
          {"config", to_toml({})},
          {"models",
           {{"name", "x"}, {"labels", {"person"}}, {"calibrated", true}, {"score_threshold", 0.3}}}}
          .dump();
  EXPECT_THAT(refusal(written(folder, {header, R"({"type":"given","n":0})"})), HasSubstr("line 2"));
  EXPECT_THAT(refusal(written(folder, {header, R"({"type":"giv)"})), HasSubstr("line 2"));
  EXPECT_EQ(refusal(written(folder, {header, R"({"type":"later, and not known to us"})"})), "");
}

ToldCue cue(double s, const std::string& subject, const std::string& text) {
  return {static_cast<std::int64_t>(s * 1e9), subject, text, subject + text + std::to_string(s)};
}

TEST(Compared, NewGoneAndChanged) {
  const std::vector<ToldCue> before = {cue(1, "track 1", "Car"), cue(5, "track 2", "Bus"),
                                       cue(9, "track 3", "Dog")};
  const std::vector<ToldCue> after = {cue(1, "track 1", "Car"), cue(6, "track 2", "Bus"),
                                      cue(12, "track 3", "Dog")};
  EXPECT_TRUE(compared(before, before).empty());
  std::vector<std::string> found;
  for (const CueChange& change : compared(before, after)) {
    const char* const kinds[] = {"added", "gone", "changed"};
    found.push_back(std::string(kinds[static_cast<int>(change.kind)]) + " " + change.recorded.text +
                    change.replayed.text);
  }
  // A second later is the same cue; three are another.
  EXPECT_THAT(found, ElementsAre("changed BusBus", "gone Dog", "added Dog"));
}

TEST(Setting, IsTypedWithoutQuotes) {
  Config config;
  read_setting("guide.critical_ttc_s=3.5", config);
  read_setting("language=es", config);
  read_setting("guide.groups=false", config);
  EXPECT_EQ(config.guiding.critical_ttc_s, 3.5);
  EXPECT_EQ(config.language, "es");
  EXPECT_FALSE(config.guiding.groups);
  for (const char* wrong : {"guide.critical_ttc_s", "guide.critical_ttc_s=soon", "guide.nothing=1",
                            "guide.critical_ttc_s=900"}) {
    EXPECT_THROW(read_setting(wrong, config), Error) << wrong;
  }
}

}  // namespace
}  // namespace lazarillo
