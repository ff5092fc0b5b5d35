#include "speak/phrasebook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "error.h"
#include "guide/pace.h"
#include "temp_dir.h"
#include "track/object_catalog.h"

namespace lazarillo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

const fs::path kLanguages = LZ_SOURCE_DIR "/data/lang";

Cue cue_of(const toml::table& row) {
  Cue cue;
  const std::string kind = row["kind"].value_or("object");
  for (int each = 0; each < kCueKinds; ++each) {
    if (kind == to_string(static_cast<CueKind>(each))) cue.kind = static_cast<CueKind>(each);
  }
  const std::string priority = row["priority"].value_or("info");
  for (const Priority each : {Priority::critical, Priority::warning, Priority::info}) {
    if (priority == to_string(each)) cue.priority = each;
  }
  const std::string side = row["side"].value_or("ahead");
  for (const Side each : {Side::left, Side::ahead, Side::right}) {
    if (side == to_string(each)) cue.side = each;
  }
  cue.label = row["label"].value_or("");
  const std::string way = row["way"].value_or("");
  if (!way.empty()) cue.way_round = way == "left" ? Side::left : Side::right;
  cue.maybe = row["maybe"].value_or(false);
  cue.clock_hour = row["clock"].value_or(12);
  cue.distance_m = row["distance"].value<double>();
  cue.distance_sigma_m = row["sigma"].value_or(0.0);
  for (int other = 1; other < row["count"].value_or(1); ++other) cue.others.push_back(other);
  if (const toml::array* parts = row["parts"].as_array()) {
    for (const toml::node& part : *parts) cue.parts.push_back(cue_of(*part.as_table()));
  }
  return cue;
}

TEST(Phrasebook, SaysWhatPeopleWouldSay) {
  const toml::table table = toml::parse_file(LZ_SOURCE_DIR "/tests/speak/sentences.toml");
  for (const std::string& language : Phrasebook::languages(kLanguages)) {
    const Phrasebook book = Phrasebook::load(kLanguages, language);
    int said = 0;
    for (const toml::node& node : *table["cue"].as_array()) {
      const toml::table& row = *node.as_table();
      if (!row.contains(language)) continue;
      ++said;
      EXPECT_EQ(book.sentence(cue_of(row)), row[language].value_or(""));
    }
    EXPECT_GE(said, 6) << language;
  }
}

/// COCO's 80 names, as the data set spells them (instances_val2017.json).
constexpr const char* kCoco =
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,"
    "stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,"
    "backpack,umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,"
    "baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,"
    "bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,"
    "potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,"
    "oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush";
/// Pascal VOC's names where they differ from COCO's.
constexpr const char* kVoc = "aeroplane,diningtable,motorbike,pottedplant,sofa,tvmonitor";

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  return words;
}

TEST(Phrasebook, HasAWordForEverythingNetworksFind) {
  const auto catalog = ObjectCatalog::load(LZ_SOURCE_DIR "/data/objects.toml");
  ASSERT_EQ(split(kCoco).size(), 80U);
  for (const std::string& language : Phrasebook::languages(kLanguages)) {
    const Phrasebook book = Phrasebook::load(kLanguages, language);
    for (const std::string& label : split(std::string(kCoco) + "," + kVoc + ",door")) {
      EXPECT_TRUE(book.knows(catalog.find(label).name)) << language << ": " << label;
    }
    EXPECT_FALSE(book.knows("quantum bollard"));
  }
}

TEST(Phrasebook, EveryKindOfCueHasASentence) {
  for (const std::string& language : Phrasebook::languages(kLanguages)) {
    const Phrasebook book = Phrasebook::load(kLanguages, language);
    std::set<std::string> sentences;
    for (int each = 0; each < kCueKinds; ++each) {
      Cue cue;
      cue.kind = static_cast<CueKind>(each);
      cue.label = "person";
      // What was said before has its words already.
      EXPECT_EQ(book.sentence(cue).empty(), cue.kind == CueKind::repeated) << to_string(cue.kind);
      EXPECT_TRUE(sentences.insert(book.sentence(cue)).second)
          << language << ": " << book.sentence(cue) << " is said of two kinds of cue";
    }
  }
}

TEST(Phrasebook, ManyAreNotCalledAsOne) {
  const auto catalog = ObjectCatalog::load(LZ_SOURCE_DIR "/data/objects.toml");
  for (const std::string& language : Phrasebook::languages(kLanguages)) {
    const Phrasebook book = Phrasebook::load(kLanguages, language);
    int same = 0;
    for (const std::string& label : split(std::string(kCoco) + ",door,quantum bollard")) {
      Cue cue;
      cue.label = catalog.find(label).name;
      if (label == "quantum bollard") cue.label = label;
      const std::string one = book.sentence(cue);
      cue.others = {2, 3};
      const std::string three = book.sentence(cue);
      EXPECT_TRUE(three.starts_with("3 ")) << three;
      same += three == "3 " + one ? 1 : 0;
    }
    // German trucks and some others are called the same; most things are not.
    EXPECT_LE(same, 15) << language;
  }
}

TEST(Phrasebook, AnAnswerFitsIntoFiveSeconds) {
  // Three groups, as long as they get: at 190 words a minute five seconds are 16 words.
  for (const std::string& language : Phrasebook::languages(kLanguages)) {
    const Phrasebook book = Phrasebook::load(kLanguages, language);
    Cue around, part;
    around.kind = CueKind::around;
    part.label = "person";
    part.side = Side::left;
    part.clock_hour = 10;
    part.distance_m = 4;
    around.parts = {part, part, part};
    ASSERT_LE(words_of(around), 15);
    const std::string text = book.sentence(around);
    // "a la izquierda" is three words where English has one.
    EXPECT_LE(1 + std::count(text.begin(), text.end(), ' '), language == "en" ? 12 : 21) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '.'), 3) << text;
  }
}

TEST(Phrasebook, EverythingToTheSideHasSideAndClock) {
  const Phrasebook book = Phrasebook::load(kLanguages, "en");
  for (const CueKind kind : {CueKind::object, CueKind::approaching}) {
    for (const Priority priority : {Priority::critical, Priority::warning, Priority::info}) {
      Cue cue;
      cue.kind = kind;
      cue.priority = priority;
      cue.label = "dog";
      cue.side = Side::left;
      cue.clock_hour = 10;
      // In danger every word costs a step, and the earcon comes from the exact direction.
      const bool urgent = priority == Priority::critical;
      EXPECT_THAT(book.sentence(cue), HasSubstr("left"));
      EXPECT_EQ(book.sentence(cue).find("ten o'clock") == std::string::npos, urgent);
      cue.side = Side::ahead;
      cue.clock_hour = 12;
      EXPECT_THAT(book.sentence(cue), AllOf(HasSubstr("ahead"), Not(HasSubstr("o'clock"))));
    }
  }
}

TEST(Phrasebook, NothingBesideTheWayIsAtTwelve) {
  // 13 degrees are to the side, and nearer to twelve than to one o'clock.
  const Phrasebook book = Phrasebook::load(kLanguages, "en");
  Cue cue;
  cue.label = "dog";
  cue.side = Side::right;
  cue.clock_hour = 12;
  EXPECT_THAT(book.sentence(cue), AllOf(HasSubstr("right"), Not(HasSubstr("twelve"))));
}

TEST(Phrasebook, DistancesAreSaidAsPeopleSayThem) {
  const Phrasebook book = Phrasebook::load(kLanguages, "en");
  EXPECT_EQ(book.distance(0.0), "half a metre");
  EXPECT_EQ(book.distance(0.74), "half a metre");
  EXPECT_EQ(book.distance(0.76), "one metre");
  EXPECT_EQ(book.distance(1.24), "one metre");
  EXPECT_EQ(book.distance(1.26), "one and a half metres");
  EXPECT_EQ(book.distance(1.76), "2 metres");
  EXPECT_EQ(book.distance(2.37), "2 metres");
  EXPECT_EQ(book.distance(9.6), "10 metres");
  EXPECT_EQ(book.distance(12.6), "about 15 metres");
  EXPECT_EQ(book.distance(48.0), "about 50 metres");
}

TEST(Phrasebook, DistancesInSteps) {
  Wording wording;
  wording.distance = "steps";
  wording.step_m = 0.5;
  const Phrasebook book = Phrasebook::load(kLanguages, "en", wording);
  EXPECT_EQ(book.distance(0.1), "one step");
  EXPECT_EQ(book.distance(0.7), "one step");
  EXPECT_EQ(book.distance(0.8), "2 steps");
  EXPECT_EQ(book.distance(4.9), "10 steps");
  EXPECT_EQ(book.distance(5.6), "about 10 steps");
  EXPECT_EQ(book.distance(9.0), "about 20 steps");
  for (const std::string& language : Phrasebook::languages(kLanguages)) {
    const Phrasebook other = Phrasebook::load(kLanguages, language, wording);
    EXPECT_THAT(other.distance(2), HasSubstr("4")) << language;
    EXPECT_NE(other.distance(2), Phrasebook::load(kLanguages, language).distance(4)) << language;
  }
}

TEST(Phrasebook, DirectionsAsTheWalkerWantsThem) {
  Cue cue;
  cue.label = "dog";
  cue.side = Side::right;
  cue.clock_hour = 2;
  const auto said = [&](const char* direction) {
    Wording wording;
    wording.direction = direction;
    return Phrasebook::load(kLanguages, "en", wording).sentence(cue);
  };
  EXPECT_EQ(said("both"), "Dog right, two o'clock");
  EXPECT_EQ(said("side"), "Dog right");
  EXPECT_EQ(said("clock"), "Dog two o'clock");
  cue.priority = Priority::critical;
  EXPECT_EQ(said("clock"), "Dog two o'clock!");
  cue.others = {3, 4};
  cue.priority = Priority::info;
  EXPECT_EQ(said("clock"), "3 dogs two o'clock");
  cue.side = Side::ahead;
  cue.clock_hour = 12;
  cue.others.clear();
  EXPECT_EQ(said("clock"), "Dog twelve o'clock");
  EXPECT_EQ(said("both"), "Dog ahead");
}

TEST(Phrasebook, RefusesAWordingThereIsNot) {
  Wording wording;
  wording.distance = "feet";
  EXPECT_THROW((void)Phrasebook::load(kLanguages, "en", wording), Error);
  wording = {};
  wording.direction = "up";
  EXPECT_THROW((void)Phrasebook::load(kLanguages, "en", wording), Error);
}

TEST(Phrasebook, TheBudgetCountsTheWordsOfEnglish) {
  const Phrasebook book = Phrasebook::load(kLanguages, "en");
  int cues = 0;
  for (const CueKind kind :
       {CueKind::object, CueKind::approaching, CueKind::obstacle, CueKind::head_level,
        CueKind::drop, CueKind::stairs_up, CueKind::path_clear, CueKind::vision_back}) {
    for (const double metres : {0.4, 1.4, 4.0, 14.0}) {
      for (const double bearing : {0.0, 40.0}) {
        for (const Priority priority : {Priority::critical, Priority::warning, Priority::info}) {
          // There are no such sentences.
          if (priority == Priority::critical && kind >= CueKind::stairs_up) continue;
          if (priority == Priority::critical && kind < CueKind::obstacle && metres > 10) continue;
          Cue cue;
          cue.kind = kind;
          cue.priority = priority;
          cue.label = "car";
          cue.maybe = priority == Priority::info;
          cue.side = bearing == 0 ? Side::ahead : Side::right;
          cue.clock_hour = bearing == 0 ? 12 : 1;
          if (kind != CueKind::path_clear && kind != CueKind::vision_back) cue.distance_m = metres;
          if (kind == CueKind::obstacle) cue.way_round = Side::left;
          const std::string text = book.sentence(cue);
          const auto words = 1 + std::count(text.begin(), text.end(), ' ');
          EXPECT_GE(words_of(cue), words) << text;
          EXPECT_LE(words_of(cue), words + 1) << text;
          ++cues;
        }
      }
    }
  }
  EXPECT_GT(cues, 100);
}

TEST(Phrasebook, TheWordsOfAnswersAndGroupsAreCountedToo) {
  const Phrasebook book = Phrasebook::load(kLanguages, "en");
  const auto expect_counted = [&](const Cue& cue) {
    const std::string text = book.sentence(cue);
    const auto words = 1 + std::count(text.begin(), text.end(), ' ');
    EXPECT_GE(words_of(cue), words) << text;
    EXPECT_LE(words_of(cue), words + 1) << text;
  };
  for (int each = static_cast<int>(CueKind::around); each < kCueKinds; ++each) {
    Cue cue;
    cue.kind = static_cast<CueKind>(each);
    if (cue.kind != CueKind::repeated) expect_counted(cue);
  }
  for (const CueKind kind : {CueKind::object, CueKind::approaching}) {
    Cue group;
    group.kind = kind;
    group.label = "car";
    group.side = Side::left;
    group.clock_hour = 10;
    group.distance_m = 4;
    group.others = {2};
    expect_counted(group);
    Cue drop;
    drop.kind = CueKind::drop;
    drop.distance_m = 3;
    Cue around;
    around.kind = CueKind::around;
    around.parts = {group, drop, group};
    expect_counted(around);
  }
}

TEST(Phrasebook, CriticalSentencesAreNotLonger) {
  for (const std::string& language : Phrasebook::languages(kLanguages)) {
    const Phrasebook book = Phrasebook::load(kLanguages, language);
    Cue cue;
    cue.label = "person";
    cue.side = Side::left;
    cue.clock_hour = 10;
    cue.distance_m = 1;
    const std::string calm = book.sentence(cue);
    cue.priority = Priority::critical;
    EXPECT_LE(book.sentence(cue).size(), calm.size() + 3) << language;  // "¡" and "!" are 3 bytes
  }
}

/// The English file with one text replaced by another; what loading it answers.
std::string refusal(const std::string& what, const std::string& with) {
  std::stringstream text;
  text << std::ifstream(kLanguages / "en.toml").rdbuf();
  std::string changed = text.str();
  const auto at = changed.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  changed.replace(at, what.size(), with);
  const fs::path folder = test::temp_dir() / "lz-languages";
  fs::create_directories(folder);
  std::ofstream(folder / "xx.toml") << changed;
  try {
    (void)Phrasebook::load(folder, "xx");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    const std::string line = error.what();
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_THAT(line, HasSubstr("xx.toml"));
    return line;
  }
  return "not refused";
}

TEST(Phrasebook, RefusesAFileThatLacksSomething) {
  EXPECT_THAT(refusal("\nvision_lost =", "\n# vision_lost ="), HasSubstr("sentence.vision_lost"));
  EXPECT_THAT(refusal("\none_and_half =", "\n# "), HasSubstr("distance.one_and_half"));
  EXPECT_THAT(refusal("\nvoice =", "\n# voice ="), HasSubstr("voice"));
  EXPECT_THAT(refusal("\nobstacle =", "\n# obstacle ="), HasSubstr("obstacle"));
  EXPECT_THAT(refusal("\nmaybe =", "\n# maybe ="), HasSubstr("maybe"));
  EXPECT_THAT(refusal("\nmuted =", "\n# muted ="), HasSubstr("sentence.muted"));
  EXPECT_THAT(refusal("\nobstacles =", "\n# obstacles ="), HasSubstr("obstacles"));
  EXPECT_THAT(refusal("\nperson = \"people\"", "\n#"), HasSubstr("plurals.person"));
  EXPECT_THAT(refusal("[plurals]", "[many]"), HasSubstr("plurals"));
  EXPECT_THAT(refusal("\"three o'clock\",", ""), HasSubstr("clock"));
  EXPECT_THAT(refusal("[objects]", "[things]"), HasSubstr("objects"));
}

TEST(Phrasebook, RefusesWhatNobodyAsksForAndNamesTheNearest) {
  EXPECT_THAT(refusal("\nvision_lost =", "\nvision_losst = \"x\"\nvision_lost ="),
              AllOf(HasSubstr("vision_losst"), HasSubstr("vision_lost'")));
  EXPECT_THAT(refusal("\nobstacle =", "\nobstacles = \"x\"\nobstacle ="), HasSubstr("obstacles"));
  EXPECT_THAT(refusal("\nperson = \"people\"", "\nperson = \"people\"\npersom = \"x\""),
              HasSubstr("plurals.persom"));
}

TEST(Phrasebook, RefusesAPlaceholderItCannotFill) {
  EXPECT_THAT(refusal("vision_lost = \"", "vision_lost = \"{objekt} "), HasSubstr("objekt"));
  EXPECT_THAT(refusal("maybe {object}", "maybe {side}"), HasSubstr("side"));
  EXPECT_THAT(refusal("about = \"about {n}", "about = \"about {number}"), HasSubstr("number"));
}

TEST(Phrasebook, RefusesATextThatIsNone) {
  EXPECT_THAT(refusal("\nvoice = ", "\nvoice = 7 # "), HasSubstr("voice"));
  EXPECT_THAT(refusal("[sentence]", "[sentence"), HasSubstr("line"));
}

TEST(Phrasebook, NamesTheLanguagesThereAre) {
  try {
    (void)Phrasebook::load(kLanguages, "../lang/en");
    FAIL() << "a path is not a language";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("en"), HasSubstr("es")));
  }
}

}  // namespace
}  // namespace lazarillo
