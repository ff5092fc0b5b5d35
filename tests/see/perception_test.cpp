#include "see/perception.h"

#include <gmock/gmock.h>

#include <limits>

#include "../infer/tiny_network.h"
#include "error.h"
#include "frames.h"

namespace lazarillo {
namespace {

using test::TinyOutput;
using testing::AllOf;
using testing::HasSubstr;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// A joint network of two anchors and three classes with the answers given, for an input of 32x32.
class TinyModels : public testing::Test {
 protected:
  TinyModels() {
    outputs = {{"boxes", {1, 2, 4}, {8, 12, 16, 20, 0, 8, 4, 30}},
               {"scores", {1, 2, 3}, {0.1F, 0.9F, 0, 0.6F, 0, 0}},
               {"depth", {1, 1, 8, 8}, {5}}};
  }

  std::string manifest(const std::string& more = "") const {
    return folder
        .write("tiny.toml", R"([joint]
file = "tiny.xml"
input = { width = 32, height = 32 }
labels = ["tree", "person", "car"]
canonical_focal_px = 40
)" + more)
        .string();
  }

  Perception perception(const PerceptionOptions& options = {}) const {
    test::write_tiny_network(folder.path() / "tiny.xml", {1, 3, 32, 32}, outputs);
    return {load_model_set(manifest(), {}), options};
  }

  std::string refusal(const std::string& path, const PerceptionOptions& options = {}) const {
    try {
      const Perception p(load_model_set(path, {}), options);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::model);
      EXPECT_THAT(e.what(), testing::Not(HasSubstr("\n")));
      return e.what();
    }
    ADD_FAILURE() << "not refused";
    return {};
  }

  test::TempDir folder;
  std::vector<TinyOutput> outputs;
};

TEST_F(TinyModels, BoxesComeInPixelsOfTheFrame) {
  Perception p = perception();
  // 64x32 into 32x32: half size, 8 rows of padding above.
  Frame frame = test::grey_frame(64, 32, 100);
  frame.stamp = {3, 17, 1000, 2000};
  const Sighting s = p.see(frame);
  EXPECT_EQ(s.fault, "");
  EXPECT_EQ(s.detections.stamp.sequence, 17U);
  ASSERT_EQ(s.detections.items.size(), 2U);
  const Detection& person = s.detections.items[0];
  EXPECT_EQ(s.detections.label(person), "person");
  EXPECT_FLOAT_EQ(person.score, 0.9F);
  EXPECT_FLOAT_EQ(person.box.x1, 16);
  EXPECT_FLOAT_EQ(person.box.y1, 8);
  EXPECT_FLOAT_EQ(person.box.x2, 32);
  EXPECT_FLOAT_EQ(person.box.y2, 24);
  const Detection& tree = s.detections.items[1];
  EXPECT_EQ(s.detections.label(tree), "tree");
  EXPECT_FLOAT_EQ(tree.box.y1, 0);
  EXPECT_FLOAT_EQ(tree.box.y2, 32) << "clipped: the input's row 30 lies below the frame";
}

TEST_F(TinyModels, WeakBoxesAreKeptForTheTracker) {
  outputs[1].values = {0.1F, 0, 0, 0.09F, 0, 0};
  EXPECT_EQ(perception().see(test::grey_frame(32, 32, 0)).detections.items.size(), 1U);
  PerceptionOptions options;
  options.score_threshold = 0.05;
  EXPECT_EQ(perception(options).see(test::grey_frame(32, 32, 0)).detections.items.size(), 2U);
  EXPECT_DOUBLE_EQ(perception().suggested_score(), 0.35);
}

TEST_F(TinyModels, BoxesOutsideTheFrameAreDropped) {
  outputs[0].values = {0, 0, 32, 7, 20, 20, 12, 12};  // on the padding; turned inside out
  EXPECT_TRUE(perception().see(test::grey_frame(64, 32, 0)).detections.items.empty());
}

TEST_F(TinyModels, DepthIsMetresOfTheCameraThatTookTheFrame) {
  outputs.push_back({"depth_sigma", {1, 1, 8, 8}, {0.25F}});
  Perception p = perception();
  Frame frame = test::grey_frame(64, 32, 100);
  frame.intrinsics.fx = frame.intrinsics.fy = 80;
  const auto depth_of = [&] {
    return std::get<std::shared_ptr<const MetricDepth>>(p.see(frame).depth);
  };
  const auto near = depth_of();
  ASSERT_EQ(near->depth_m.values.size(), 64U);
  // f of the letterboxed input is 80 / 2 = 40 = canonical.
  EXPECT_THAT(near->depth_m.values, testing::Each(testing::FloatEq(5)));
  EXPECT_THAT(near->sigma_relative, testing::Each(testing::FloatEq(0.25F)));
  EXPECT_EQ(near->sigma_relative.size(), 64U);
  frame.intrinsics.fx = frame.intrinsics.fy = 160;
  EXPECT_THAT(depth_of()->depth_m.values, testing::Each(testing::FloatEq(10)));
  frame.intrinsics.fx = 0;
  EXPECT_THAT(p.see(frame).fault, HasSubstr("focal length"));
}

TEST_F(TinyModels, ValuesThatAreNotFiniteAreAFaultThatNamesTheOutput) {
  const std::vector<std::pair<std::size_t, float>> bad{{0, kNaN}, {1, kNaN},       {1, kInfinity},
                                                       {2, kNaN}, {2, -kInfinity}, {3, kNaN}};
  outputs.push_back({"depth_sigma", {1, 1, 8, 8}, {0.25F}});
  for (const auto& [output, value] : bad) {
    const std::vector<TinyOutput> good = outputs;
    std::vector<float>& values = outputs[output].values;
    values.resize(ov::shape_size(outputs[output].shape), values.front());
    values.back() = value;
    Perception p = perception();
    const Sighting s = p.see(test::grey_frame(64, 32, 100));
    EXPECT_THAT(s.fault,
                AllOf(HasSubstr("'" + outputs[output].name + "'"), HasSubstr("not finite")));
    EXPECT_TRUE(s.detections.items.empty());
    EXPECT_TRUE(std::holds_alternative<std::monostate>(s.depth));
    EXPECT_NE(s.detections.labels, nullptr);
    outputs = good;
  }
}

TEST_F(TinyModels, AFrameWithoutPixelsIsAFault) {
  Perception p = perception();
  EXPECT_NE(p.see(Frame{}).fault, "");
  Frame narrow = test::grey_frame(8, 8, 0);
  narrow.stride_bytes = 10;
  EXPECT_NE(p.see(narrow).fault, "");
  EXPECT_EQ(p.see(test::grey_frame(8, 8, 0)).fault, "") << "the next frame is seen again";
}

TEST_F(TinyModels, AManifestThatDoesNotFitIsRefusedWithBothShapes) {
  struct Case {
    std::function<void()> spoil;
    std::string says;
    std::string has;
  };
  const std::vector<TinyOutput> good = outputs;
  for (const Case& c : std::vector<Case>{
           {[&] {
              outputs[1].shape = {1, 2, 2};
            },
            "scores 1x2x3 (3 labels)", "1x2x2"},
           {[&] {
              outputs[1].shape = {1, 3, 3};
            },
            "scores 1x2x3", "1x3x3"},
           {[&] {
              outputs[0].shape = {1, 2, 5};
            },
            "boxes 1xNx4", "1x2x5"},
           {[&] {
              outputs[2].shape = {1, 2, 8, 8};
            },
            "depth 1x1xHxW", "1x2x8x8"},
           {[&] {
              outputs[2].shape = {1, 1, 8, 6};
            },
            "1x3x32x32", "1x1x8x6"},
           {[&] { outputs[2].name = "depht"; }, "outputs boxes, scores, depth",
            "boxes, scores, depht"},
           {[&] {
              outputs.push_back({"depth_sigma", {1, 1, 4, 4}, {1}});
            },
            "depth_sigma 1x1x8x8", "1x1x4x4"},
       }) {
    outputs = good;
    c.spoil();
    for (TinyOutput& out : outputs) out.values = {0.5F};
    test::write_tiny_network(folder.path() / "tiny.xml", {1, 3, 32, 32}, outputs);
    EXPECT_THAT(refusal(manifest()),
                AllOf(HasSubstr("'tiny.toml' says"), HasSubstr(c.says),
                      HasSubstr("the network 'tiny.xml' has"), HasSubstr(c.has)));
  }
}

TEST_F(TinyModels, AnInputThatDoesNotFitIsRefusedWithBothShapes) {
  test::write_tiny_network(folder.path() / "tiny.xml", {1, 3, 64, 32}, outputs);
  EXPECT_EQ(refusal(manifest()),
            "'tiny.toml' says input 1x3x32x32, the network 'tiny.xml' has 1x3x64x32");
  test::write_tiny_network(folder.path() / "tiny.xml", {1, 32, 32, 3}, outputs);
  EXPECT_THAT(refusal(manifest()), AllOf(HasSubstr("1x3x32x32"), HasSubstr("1x32x32x3")));
}

TEST_F(TinyModels, AnOpenInputTakesTheManifestsSize) {
  test::write_tiny_network(folder.path() / "tiny.xml", {-1, 3, -1, -1}, outputs);
  Perception p(load_model_set(manifest(), {}), {});
  EXPECT_EQ(p.see(test::grey_frame(64, 32, 0)).detections.items.size(), 2U);
}

class TinyPair : public TinyModels {
 protected:
  std::string pair(const std::string& contract, const std::string& depth) const {
    return folder
        .write("pair.toml",
               "[detector]\nfile = \"d.xml\"\ninput = { width = 32, height = 32 }\n"
               "labels = [\"a\", \"b\"]\n" +
                   contract + "[depth]\nfile = \"z.xml\"\n" +
                   "input = { width = 14, height = 14 }\n" + depth)
        .string();
  }
  void write_detector(const ov::Shape& shape, const std::vector<float>& values) const {
    test::write_tiny_network(folder.path() / "d.xml", {1, 3, 32, 32}, {{"out", shape, values}});
  }
  /// A depth network that answers the mean grey level of its input: it tells which frame it saw.
  void write_depth(const ov::Shape& shape = {1, 14, 14}) const {
    test::write_tiny_network(folder.path() / "z.xml", {1, 3, 14, 14}, {{"z", shape, {0}, 255}});
  }
};

const std::string kUltralytics = "contract = \"ultralytics\"\n";
const std::string kRelative = "contract = \"relative_inverse\"\n";

TEST_F(TinyPair, DepthIsOfTheFrameItWasAskedFor) {
  write_detector({1, 6, 1}, {16, 16, 8, 8, 0.1F, 0.8F});
  write_depth();
  Perception p(load_model_set(pair(kUltralytics, kRelative), {}), {});
  EXPECT_TRUE(p.has_depth_network());
  for (int i = 0; i < 3; ++i) {
    Frame frame = test::grey_frame(32, 32, 10 * i);
    frame.stamp.sequence = static_cast<std::uint64_t>(i);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(p.see(frame).depth));
    const DepthSighting s = p.measure_depth(frame);
    ASSERT_EQ(s.fault, "");
    const auto& depth = *std::get<std::shared_ptr<const RelativeDepth>>(s.depth);
    EXPECT_EQ(s.stamp.sequence, frame.stamp.sequence);
    EXPECT_EQ(depth.stamp.sequence, frame.stamp.sequence);
    EXPECT_NEAR(depth.inverse.values[7 * 14 + 7], 10.0 * i, 0.01);
  }
  EXPECT_NE(p.measure_depth(Frame{}).fault, "");
}

TEST_F(TinyPair, ABatchSeesWhatEachFrameAloneDoes) {
  // A detector whose one box scores the mean grey level: the frames of a batch differ.
  test::write_tiny_network(folder.path() / "d.xml", {1, 3, 32, 32},
                           {{"out", {1, 6, 1}, {0}, 0.9F}});
  write_depth();
  const ModelSet set = load_model_set(pair(kUltralytics, kRelative), {});
  PerceptionOptions options;
  options.batch = 3;
  Perception batched(set, options);
  Perception single(set, {});
  const std::vector<Frame> frames{test::grey_frame(32, 32, 250), test::grey_frame(64, 32, 100),
                                  test::grey_frame(32, 64, 160)};
  for (const std::size_t count : {3U, 2U}) {
    const std::span<const Frame> some = std::span(frames).first(count);
    const std::vector<Sighting> seen = batched.see(some);
    ASSERT_EQ(seen.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      const Sighting alone = single.see(frames[i]);
      ASSERT_EQ(seen[i].fault, "");
      ASSERT_EQ(seen[i].detections.items.size(), alone.detections.items.size());
      for (std::size_t k = 0; k < alone.detections.items.size(); ++k) {
        EXPECT_FLOAT_EQ(seen[i].detections.items[k].score, alone.detections.items[k].score);
      }
    }
  }
}

TEST_F(TinyPair, MetricDepthWithoutFocalLengthIsTakenAsItIs) {
  write_detector({1, 6, 1}, {16, 16, 8, 8, 0.1F, 0.8F});
  write_depth();
  Perception p(load_model_set(pair(kUltralytics, "contract = \"metric\"\n"), {}), {});
  const DepthSighting s = p.measure_depth(test::grey_frame(64, 64, 40));
  EXPECT_THAT(std::get<std::shared_ptr<const MetricDepth>>(s.depth)->depth_m.values,
              testing::Each(testing::FloatNear(40, 0.01F)));
}

TEST_F(TinyPair, DepthCanBeLeftOut) {
  write_detector({1, 6, 1}, {16, 16, 8, 8, 0.1F, 0.8F});
  write_depth();
  PerceptionOptions options;
  options.depth = false;
  Perception p(load_model_set(pair(kUltralytics, kRelative), {}), options);
  EXPECT_FALSE(p.has_depth_network());
}

TEST_F(TinyPair, ReadsEveryDetectorContract) {
  write_depth();
  struct Case {
    std::string contract;
    ov::Shape shape;
    std::vector<float> values;
  };
  for (const Case& c : std::vector<Case>{
           {kUltralytics, {1, 6, 2}, {16, 0, 12, 0, 8, 0, 4, 0, 0.1F, 0, 0.8F, 0}},
           {kUltralytics, {1, 2, 6}, {16, 12, 8, 4, 0.1F, 0.8F, 0, 0, 0, 0, 0, 0}},
           {kUltralytics + "box_units = \"normalised\"\n",
            {1, 6, 1},
            {0.5F, 0.375F, 0.25F, 0.125F, 0.1F, 0.8F}},
           {"contract = \"end_to_end\"\n", {1, 2, 6}, {12, 10, 20, 14, 0.8F, 1, 0, 0, 0, 0, 0, 0}},
       }) {
    write_detector(c.shape, c.values);
    Perception p(load_model_set(pair(c.contract, kRelative), {}), {});
    const Sighting s = p.see(test::grey_frame(64, 64, 0));
    ASSERT_EQ(s.detections.items.size(), 1U) << c.contract;
    const Detection& d = s.detections.items[0];
    EXPECT_EQ(s.detections.label(d), "b");
    EXPECT_FLOAT_EQ(d.score, 0.8F);
    EXPECT_FLOAT_EQ(d.box.x1, 24);
    EXPECT_FLOAT_EQ(d.box.y1, 20);
    EXPECT_FLOAT_EQ(d.box.x2, 40);
    EXPECT_FLOAT_EQ(d.box.y2, 28);
  }
}

TEST_F(TinyPair, ADetectorThatDoesNotFitIsRefusedWithBothShapes) {
  write_depth();
  write_detector({1, 84, 3}, {0});
  EXPECT_THAT(refusal(pair(kUltralytics, kRelative)),
              AllOf(HasSubstr("output 1x6xN (2 labels)"), HasSubstr("1x84x3")));
  EXPECT_THAT(refusal(pair("contract = \"end_to_end\"\n", kRelative)),
              AllOf(HasSubstr("1xNx6"), HasSubstr("1x84x3")));
}

TEST_F(TinyPair, ReadsLogitsAndPartsOfTheInput) {
  write_depth();
  const std::string manifest = pair("contract = \"detr\"\n", kRelative);
  const auto write = [&](const ov::Shape& logits, const std::string& name) {
    test::write_tiny_network(
        folder.path() / "d.xml", {1, 3, 32, 32},
        {{name, logits, {-1, 2, -5, -4}},
         {"pred_boxes", {1, 2, 4}, {0.5F, 0.375F, 0.25F, 0.125F, 0, 0, 1, 1}}});
  };
  write({1, 2, 2}, "logits");
  Perception p(load_model_set(manifest, {}), {});
  const Sighting s = p.see(test::grey_frame(64, 64, 0));
  ASSERT_EQ(s.detections.items.size(), 1U);
  EXPECT_EQ(s.detections.label(s.detections.items[0]), "b");
  EXPECT_FLOAT_EQ(s.detections.items[0].score, 0.880797F);  // 1 / (1 + e^-2)
  EXPECT_FLOAT_EQ(s.detections.items[0].box.x1, 24);
  EXPECT_FLOAT_EQ(s.detections.items[0].box.y1, 20);
  EXPECT_FLOAT_EQ(s.detections.items[0].box.x2, 40);
  EXPECT_FLOAT_EQ(s.detections.items[0].box.y2, 28);

  write({1, 1, 4}, "logits");
  EXPECT_THAT(refusal(manifest), AllOf(HasSubstr("logits 1x2x2 (2 labels)"), HasSubstr("1x1x4")));
  write({1, 2, 2}, "scores");
  EXPECT_THAT(refusal(manifest),
              AllOf(HasSubstr("outputs logits, pred_boxes"), HasSubstr("outputs scores")));
}

TEST_F(TinyPair, AClassWithoutALabelIsAFault) {
  write_depth();
  write_detector({1, 1, 6}, {12, 10, 20, 14, 0.8F, 7});
  Perception p(load_model_set(pair("contract = \"end_to_end\"\n", kRelative), {}), {});
  EXPECT_THAT(p.see(test::grey_frame(64, 64, 0)).fault, HasSubstr("2 labels"));
}

}  // namespace
}  // namespace lazarillo
