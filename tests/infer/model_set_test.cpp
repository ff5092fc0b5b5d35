#include "infer/model_set.h"

#include <gmock/gmock.h>

#include "error.h"
#include "tiny_network.h"

namespace lazarillo {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ModelSets : public testing::Test {
 protected:
  std::string failure_of(const std::string& name) const {
    try {
      (void)load_model_set(name, {folder.path()});
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::model);
      EXPECT_THAT(e.what(), Not(HasSubstr("\n")));
      return e.what();
    }
    ADD_FAILURE() << "no error for " << name;
    return {};
  }

  /// The complaint about a manifest with this text.
  std::string complaint(const std::string& text) const {
    return failure_of(folder.write("m.toml", text).string());
  }

  test::TempDir folder;
};

const std::string kDetector = R"([detector]
file = "d.onnx"
input = { width = 640, height = 480 }
labels = ["person", "car"]
contract = "ultralytics"
)";

TEST_F(ModelSets, TheShippedSetIsWhatItsCardSays) {
  const ModelSet set = load_model_set("lznet", {test::models_folder()});
  EXPECT_EQ(set.name, "lznet");
  EXPECT_EQ(set.licence, "Apache-2.0");
  ASSERT_EQ(set.networks.size(), 1U);
  const NetworkManifest& n = set.networks[0];
  EXPECT_EQ(n.task, Task::joint);
  EXPECT_EQ(n.depth, DepthContract::metric);
  EXPECT_EQ(n.file.extension(), ".onnx");
  EXPECT_TRUE(n.file.is_absolute());
  EXPECT_EQ(n.sha256.size(), 64U) << "the shipped network must be verified";
  EXPECT_GT(n.canonical_focal_px, 0);
  EXPECT_TRUE(n.rgb);
  EXPECT_THAT(n.labels, testing::Contains("person"));
}

TEST_F(ModelSets, ACardIsASetByItself) {
  folder.write("net.onnx", "abc");
  const auto card = folder.write("net.json", R"({
    "name": "net", "status": "a try", "classes": ["tree", "dog"], "canonical_focal_px": 300.5,
    "input": {"shape": [1, 3, 240, 320], "colour": "BGR as it comes"}, "extra": {"steps": 1},
    "outputs": {"boxes": "a", "scores": "b", "depth": "c"},
    "suggested": {"score_threshold": 0.25, "nms_iou": 0.6}, "calibration": {"objects": {}},
    "sha256": {"net.onnx": "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"}})");
  for (const std::string& name : {card.string(), std::string("net")}) {
    const ModelSet set = load_model_set(name, {folder.path()});
    EXPECT_EQ(set.name, "net");
    EXPECT_EQ(set.description, "a try");
    const NetworkManifest& n = set.networks.at(0);
    EXPECT_EQ(n.labels, (std::vector<std::string>{"tree", "dog"}));
    EXPECT_EQ(n.input_width, 320);
    EXPECT_EQ(n.input_height, 240);
    EXPECT_FALSE(n.rgb);
    EXPECT_DOUBLE_EQ(n.canonical_focal_px, 300.5);
    EXPECT_DOUBLE_EQ(n.score_threshold, 0.25);
    EXPECT_DOUBLE_EQ(n.nms_iou, 0.6);
    EXPECT_TRUE(n.calibrated);
  }
}

TEST_F(ModelSets, ASetMayTakeANetworkFromACardAndChangeItsThresholds) {
  folder.write("net.onnx", "abc");
  folder.write("net.json", R"({"classes": ["a"], "canonical_focal_px": 416,
    "input": {"shape": [1, 3, 8, 8]}, "outputs": {"boxes": "a", "scores": "b", "depth": "c"},
    "suggested": {"score_threshold": 0.25, "nms_iou": 0.6}})");
  const auto file =
      folder.write("mine.toml", "[joint]\ncard = \"net.json\"\nscore_threshold = 0.5\n");
  const NetworkManifest n = load_model_set(file.string(), {}).networks.at(0);
  EXPECT_EQ(n.file, folder.path() / "net.onnx");
  EXPECT_DOUBLE_EQ(n.score_threshold, 0.5);
  EXPECT_FALSE(n.calibrated);
  EXPECT_DOUBLE_EQ(n.nms_iou, 0.6);
  EXPECT_THAT(complaint("[joint]\ncard = \"none.json\"\n"), HasSubstr("none.json"));
  EXPECT_THAT(complaint("[joint]\ncard = \"net.json\"\nlabels = [\"b\"]\n"), HasSubstr("'labels'"));
}

TEST_F(ModelSets, ACardMayNameItsFile) {
  folder.write("small.xml", "abc");
  folder.write("small.bin", "");
  const auto card = folder.write("net.json", R"({"classes": ["a"], "canonical_focal_px": 416,
    "input": {"shape": [1, 3, 8, 8]}, "outputs": {"boxes": "a", "scores": "b", "depth": "c"},
    "file": "small.xml"})");
  EXPECT_EQ(load_model_set(card.string(), {}).networks.at(0).file, folder.path() / "small.xml");
}

TEST_F(ModelSets, ACardOfARenamedNetworkStillVerifiesIt) {
  folder.write("new.onnx", "abc");
  const std::string rest = R"("classes": ["a"], "canonical_focal_px": 1,
    "input": {"shape": [1, 3, 8, 8]}, "outputs": {"boxes": "a", "scores": "b", "depth": "c"}})";
  folder.write("new.json", R"({"sha256": {"old.onnx":
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "old.pt": "x"}, )" +
                               rest);
  EXPECT_NO_THROW((void)load_model_set("new", {folder.path()}));
  folder.write("new.onnx", "abd");
  EXPECT_THAT(failure_of("new"), AllOf(HasSubstr("new.onnx"), HasSubstr("altered")));
}

TEST_F(ModelSets, AnAlteredNetworkIsRefused) {
  folder.write("d.onnx", "abd");
  const std::string line =
      complaint(kDetector +
                "sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n");
  EXPECT_THAT(line, AllOf(HasSubstr("d.onnx"), HasSubstr("altered"), HasSubstr("ba7816bf"),
                          HasSubstr("a52d159f")));  // sha256("abd") begins so
}

TEST_F(ModelSets, TheWeightsBesideAnXmlAreVerifiedToo) {
  folder.write("d.xml", "<net/>");
  std::string text = kDetector;
  text.replace(text.find("d.onnx"), 6, "d.xml");
  EXPECT_THAT(complaint(text), AllOf(HasSubstr("d.bin"), HasSubstr("missing")));
  folder.write("d.bin", "abd");
  EXPECT_THAT(
      complaint(text + "weights_sha256 = "
                       "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n"),
      AllOf(HasSubstr("d.bin"), HasSubstr("altered")));
}

TEST_F(ModelSets, APairTellsEveryFileThatIsMissing) {
  const std::string line = complaint(kDetector + R"([depth]
file = "deep.onnx"
input = { width = 392, height = 392 }
contract = "relative_inverse"
)");
  EXPECT_THAT(line, AllOf(HasSubstr("d.onnx"), HasSubstr("deep.onnx"), HasSubstr("missing"),
                          HasSubstr("m.toml")));
}

TEST_F(ModelSets, ReadsEveryKeyOfAPair) {
  folder.write("d.onnx", "abc");
  folder.write("deep.onnx", "abc");
  folder.write("labels/three.txt", "one\ntwo words\r\nthree\n");
  const auto file = folder.write("pair.toml", R"(
name = "pair"
description = "two"
licence = "MIT"
[detector]
file = "d.onnx"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
labels = "three"
contract = "end_to_end"
box_units = "normalised"
score_threshold = 0.2
nms_iou = 0.65
[detector.input]
width = 64
height = 32
layout = "nhwc"
colour = "bgr"
mean = [0.1, 0.2, 0.3]
std = [1, 2, 3]
letterbox = false
pad = 0
[depth]
file = "deep.onnx"
input = { width = 28, height = 14 }
contract = "metric"
canonical_focal_px = 500
)");
  // Nothing depends on the folder it is called from.
  const ModelSet set = load_model_set(file.string(), {});
  ASSERT_EQ(set.networks.size(), 2U);
  const NetworkManifest& d = set.networks[0];
  EXPECT_EQ(d.task, Task::detect);
  EXPECT_EQ(d.layout, TensorLayout::nhwc);
  EXPECT_FALSE(d.rgb);
  EXPECT_EQ(d.mean, (std::array<float, 3>{0.1F, 0.2F, 0.3F}));
  EXPECT_EQ(d.std, (std::array<float, 3>{1, 2, 3}));
  EXPECT_FALSE(d.letterbox);
  EXPECT_EQ(d.pad_value, 0);
  EXPECT_EQ(d.labels, (std::vector<std::string>{"one", "two words", "three"}));
  EXPECT_EQ(d.detector, DetectorContract::end_to_end);
  EXPECT_TRUE(d.boxes_normalised);
  EXPECT_DOUBLE_EQ(d.score_threshold, 0.2);
  EXPECT_DOUBLE_EQ(d.nms_iou, 0.65);
  const NetworkManifest& z = set.networks[1];
  EXPECT_EQ(z.task, Task::depth);
  EXPECT_EQ(z.depth, DepthContract::metric);
  EXPECT_DOUBLE_EQ(z.canonical_focal_px, 500);
  EXPECT_EQ(z.input_width, 28);
  EXPECT_EQ(z.input_height, 14);
}

TEST_F(ModelSets, TomlAndJsonSayTheSame) {
  folder.write("d.onnx", "abc");
  const auto toml = folder.write("a.toml", kDetector);
  const auto json = folder.write("b.json", R"({"detector": {"file": "d.onnx",
    "input": {"width": 640, "height": 480}, "labels": ["person", "car"],
    "contract": "ultralytics"}})");
  const NetworkManifest a = load_model_set(toml.string(), {}).networks.at(0);
  const NetworkManifest b = load_model_set(json.string(), {}).networks.at(0);
  EXPECT_EQ(a.file, b.file);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.input_width, b.input_width);
  EXPECT_EQ(a.input_height, b.input_height);
}

TEST_F(ModelSets, NetworkFilesAreFoundInTheOtherModelDirectories) {
  const test::TempDir other;
  other.write("d.onnx", "abc");
  const auto file = folder.write("m.toml", kDetector);
  EXPECT_THROW((void)load_model_set(file.string(), {}), Error);
  EXPECT_EQ(load_model_set(file.string(), {other.path()}).networks.at(0).file,
            other.path() / "d.onnx");
}

TEST_F(ModelSets, AnUnknownNameTellsTheNearestAndAll) {
  folder.write("lznet.toml", kDetector);
  folder.write("pair.toml", kDetector);
  EXPECT_THAT(failure_of("lznet2"),
              AllOf(HasSubstr("'lznet2'"), HasSubstr("nearest is 'lznet'"), HasSubstr("pair")));
  EXPECT_THAT(failure_of((folder.path() / "none.toml").string()), HasSubstr("none.toml"));
  EXPECT_THAT(failure_of((folder.path() / "x.onnx").string()), HasSubstr("manifest or card"));
}

TEST_F(ModelSets, UnknownKeysAreRefusedWithTheNearest) {
  EXPECT_THAT(complaint("licenze = \"MIT\"\n" + kDetector),
              AllOf(HasSubstr("licenze"), HasSubstr("'licence'")));
  EXPECT_THAT(complaint(kDetector + "box_unit = \"pixels\"\n"),
              AllOf(HasSubstr("[detector]"), HasSubstr("'box_units'")));
  std::string text = kDetector;
  text.replace(text.find("width = 640"), 11, "widht = 640");
  EXPECT_THAT(complaint(text),
              AllOf(HasSubstr("[detector.input]"), HasSubstr("'widht'"), HasSubstr("'width'")));
}

struct Wrong {
  std::string replaced;
  std::string by;
  std::string told;
};

TEST_F(ModelSets, WrongValuesAreRefusedByName) {
  folder.write("d.onnx", "abc");
  for (const auto& [replaced, by, told] : std::vector<Wrong>{
           {"file = \"d.onnx\"\n", "", "'file' is missing"},
           {"file = \"d.onnx\"", "file = 3", "'file' must be a text"},
           {"width = 640", "width = 640.5", "'width' must be a whole number"},
           {"width = 640", "width = 0", "'width' must be a whole number from 1"},
           {"width = 640", "width = \"640\"", "'width' must be a whole number"},
           {"width = 640, ", "", "'width' is missing"},
           {"input = { width = 640, height = 480 }", "input = 640",
            "detector.input must be a table"},
           {"height = 480", "height = 480, std = [1, 0, 1]", "'std' must be three numbers above 0"},
           {"height = 480", "height = 480, mean = [1, nan, 1]", "'mean' must be three numbers"},
           {"height = 480", "height = 480, layout = \"chwn\"", "one of nchw, nhwc"},
           {"height = 480", "height = 480, letterbox = 1", "'letterbox' must be true or false"},
           {"height = 480", "height = 480, pad = 256",
            "'pad' must be a whole number from 0 to 255"},
           {"[\"person\", \"car\"]", "[]", "'labels' must be a list of texts"},
           {"[\"person\", \"car\"]", "[1, 2]", "'labels' must be a list of texts"},
           {"[\"person\", \"car\"]", "\"coco81\"", "labels/coco81.txt"},
           {"\"ultralytics\"", "\"yolo\"", "one of detr, end_to_end, ultralytics"},
           {"contract", "nms_iou = 1.5\ncontract", "'nms_iou' must be a number from 0 to 1"},
           {"contract", "sha256 = \"abc\"\ncontract", "64 hexadecimal digits"},
           {"[detector]", "[depth]", "either a table [joint] or a table [detector]"},
           {"[detector]", "detector = 3\n[joint]", "either a table [joint] or a table [detector]"},
           {"[detector]", "[detector", "line 1"},
       }) {
    std::string text = kDetector;
    text.replace(text.find(replaced), replaced.size(), by);
    EXPECT_THAT(complaint(text), AllOf(HasSubstr("m.toml"), HasSubstr(told))) << text;
  }
}

TEST_F(ModelSets, RelativeDepthHasNoFocalLengthAndNoStretching) {
  const std::string depth = R"([depth]
file = "d.onnx"
input = { width = 392, height = 392 }
contract = "relative_inverse"
)";
  EXPECT_THAT(complaint(kDetector + depth + "canonical_focal_px = 400\n"), HasSubstr("no metres"));
  std::string stretched = depth;
  stretched.replace(stretched.find("392 }"), 5, "392, letterbox = false }");
  EXPECT_THAT(complaint(kDetector + stretched), HasSubstr("'letterbox' must be true"));
}

TEST_F(ModelSets, BrokenCardsAreRefused) {
  folder.write("c.onnx", "abc");
  const auto told = [&](const std::string& json) {
    return failure_of(folder.write("c.json", json).string());
  };
  EXPECT_THAT(told("{\"classes\": ["), AllOf(HasSubstr("c.json"), HasSubstr("parse error")));
  EXPECT_THAT(told("[1]"), HasSubstr("must be a table"));
  EXPECT_THAT(told(R"({"canonical_focal_px": 0, "classes": ["a"],
                       "outputs": {"boxes": "", "scores": "", "depth": ""}})"),
              HasSubstr("'canonical_focal_px' must be a number above 0"));
  EXPECT_THAT(told(R"({"canonical_focal_px": 4, "classes": ["a"], "outputs": {"boxes": "x"}})"),
              HasSubstr("'scores' is missing"));
  EXPECT_THAT(told(R"({"canonical_focal_px": 4, "classes": ["a"],
                       "outputs": {"boxes": "x", "scores": "x", "depth": "x"},
                       "input": {"shape": [3, 416, 416]}})"),
              HasSubstr("[1, 3, height, width]"));
}

TEST_F(ModelSets, TheListTellsWhatCannotBeUsed) {
  folder.write("good.toml", "description = \"works\"\n" + kDetector);
  folder.write("d.onnx", "abc");
  std::string missing = kDetector;
  missing.replace(missing.find("d.onnx"), 6, "gone.onnx");
  folder.write("missing.toml", missing);
  folder.write("notes.txt", "not a set");
  const test::TempDir second;
  second.write("good.toml", "hidden by the first");
  const auto sets = list_model_sets({folder.path(), second.path(), folder.path() / "nowhere"});
  ASSERT_EQ(sets.size(), 2U);
  EXPECT_EQ(sets[0].name, "good");
  EXPECT_EQ(sets[0].description, "works");
  EXPECT_EQ(sets[0].problem, "");
  EXPECT_EQ(sets[1].name, "missing");
  EXPECT_THAT(sets[1].problem, HasSubstr("gone.onnx"));
}

TEST_F(ModelSets, EveryShippedManifestIsReadable) {
  for (const ModelSetSummary& set : list_model_sets({test::models_folder()})) {
    if (!set.problem.empty()) {
      // The networks of others are not shipped; everything else must be in order.
      EXPECT_THAT(set.problem, HasSubstr("missing; place")) << set.name;
    }
  }
}

}  // namespace
}  // namespace lazarillo
