#include "fetch/guess.h"

#include <gmock/gmock.h>

#include "error.h"

namespace lazarillo {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const LabelLists kLists{
    {"two", {"a", "b"}}, {"three", {"a", "b", "c"}}, {"others", {"x", "y", "z"}}};

NetworkFacts facts(const std::vector<TensorInfo>& outputs, double largest_place = 600,
                   const std::vector<std::int64_t>& input = {1, 3, 480, 640}) {
  return {"net", {{{"images", input}}, outputs, {}}, outputs, largest_place};
}

NetworkFacts detector(const std::vector<std::int64_t>& output, double largest_place = 600) {
  return facts({{"out", output}}, largest_place);
}

std::vector<std::string> asked(const Guess& guess) {
  std::vector<std::string> options;
  for (const Question& q : guess.questions) options.push_back(q.option);
  return options;
}

std::string refusal(const NetworkFacts& f, const Answers& answers, ExitCode code) {
  try {
    (void)guess_manifest(f, answers, kLists);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "not refused";
  return "";
}

TEST(Guess, TheSmallerSideIsTheRowsWhicheverWayTheyLie) {
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{1, 6, 6300}, {1, 6300, 6}}) {
    Answers answers{{"labels", "two"}};
    if (shape[2] == 6) answers["contract"] = "ultralytics";
    const Guess g = guess_manifest(detector(shape), answers, kLists);
    EXPECT_TRUE(g.questions.empty());
    EXPECT_EQ(g.network.task, Task::detect);
    EXPECT_EQ(g.network.detector, DetectorContract::ultralytics);
    EXPECT_EQ(g.network.labels, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(g.network.input_width, 640);
    EXPECT_EQ(g.network.input_height, 480);
    EXPECT_EQ(g.network.layout, TensorLayout::nchw);
    EXPECT_FALSE(g.network.boxes_normalised);
  }
}

TEST(Guess, SixColumnsAreAQuestionWhoseSuggestionGoesByTheirNumber) {
  for (const auto& [boxes, suggested] :
       {std::pair<int, std::string>{300, "end_to_end"}, {6300, "ultralytics"}}) {
    const Guess g = guess_manifest(detector({1, boxes, 6}), {}, kLists);
    ASSERT_EQ(asked(g), std::vector<std::string>{"contract"});
    EXPECT_EQ(g.questions[0].suggestion, suggested);
  }
}

TEST(Guess, OnlyOneListThatFitsIsSuggestedAndNoneIsTaken) {
  Guess g = guess_manifest(detector({1, 6, 6300}), {}, kLists);
  ASSERT_EQ(asked(g), std::vector<std::string>{"labels"});
  EXPECT_EQ(g.questions[0].suggestion, "two");
  g = guess_manifest(detector({1, 7, 6300}), {}, kLists);
  ASSERT_EQ(asked(g), std::vector<std::string>{"labels"});
  EXPECT_EQ(g.questions[0].suggestion, "") << "two lists have three";
}

TEST(Guess, BoxesThatSayNothingAreAQuestion) {
  const Answers answers{{"labels", "two"}, {"contract", "end_to_end"}};
  const Guess empty = guess_manifest(detector({1, 300, 6}, 0), answers, kLists);
  EXPECT_EQ(asked(empty), std::vector<std::string>{"units"});
  const Guess small = guess_manifest(detector({1, 300, 6}, 0.9), answers, kLists);
  EXPECT_EQ(asked(small), std::vector<std::string>{"units"}) << "its score may be the largest";
  EXPECT_TRUE(guess_manifest(detector({1, 300, 6}, 300), answers, kLists).questions.empty());
  EXPECT_TRUE(guess_manifest(detector({1, 6, 6300}, 0.98), {{"labels", "two"}}, kLists)
                  .network.boxes_normalised);
}

TEST(Guess, AMapIsRelativeOrMetricAndThatIsNeverSettledByItself) {
  for (const auto& shape :
       std::vector<std::vector<std::int64_t>>{{1, 480, 640}, {1, 1, 480, 640}, {1, 1, 120, 160}}) {
    const Guess g = guess_manifest(detector(shape), {}, kLists);
    ASSERT_EQ(asked(g), std::vector<std::string>{"contract"});
    EXPECT_EQ(g.questions[0].suggestion, "relative_inverse");
  }
  const Guess metric = guess_manifest(detector({1, 480, 640}), {{"contract", "metric"}}, kLists);
  EXPECT_EQ(asked(metric), (std::vector<std::string>{"focal", "normalise"}));
  const Guess done = guess_manifest(
      detector({1, 480, 640}),
      {{"contract", "metric"}, {"focal", "415.5"}, {"normalise", "imagenet"}}, kLists);
  EXPECT_TRUE(done.questions.empty());
  EXPECT_DOUBLE_EQ(done.network.canonical_focal_px, 415.5);
  EXPECT_EQ(done.network.std, (std::array<float, 3>{0.229F, 0.224F, 0.225F}));
}

TEST(Guess, NamesSettleJointAndDetr) {
  const Guess detr = guess_manifest(facts({{"pred_boxes", {1, 300, 4}}, {"logits", {1, 300, 2}}}),
                                    {{"labels", "two"}}, kLists);
  EXPECT_TRUE(detr.questions.empty());
  EXPECT_EQ(detr.network.detector, DetectorContract::detr);
  EXPECT_TRUE(detr.network.boxes_normalised);
  EXPECT_FALSE(detr.network.letterbox);
  const Guess joint = guess_manifest(
      facts({{"depth", {1, 1, 48, 64}}, {"boxes", {1, 9, 4}}, {"scores", {1, 9, 2}}}),
      {{"labels", "two"}, {"focal", "0"}}, kLists);
  EXPECT_TRUE(joint.questions.empty());
  EXPECT_EQ(joint.network.task, Task::joint);
}

TEST(Guess, AnOpenSizeComesFirst) {
  NetworkFacts open = facts({{"out", {1, -1, -1}}}, 0, {-1, 3, -1, -1});
  open.outputs.clear();
  const Guess g = guess_manifest(open, {}, kLists);
  ASSERT_EQ(asked(g), std::vector<std::string>{"size"});
  EXPECT_EQ(g.questions[0].suggestion, "392x392") << "a map of any size";
  const Guess sized = guess_manifest(open, {{"size", "64x48"}}, kLists);
  EXPECT_TRUE(sized.needs_run);
  EXPECT_EQ(sized.network.input_width, 64);
  EXPECT_EQ(sized.network.input_height, 48);
  for (const char* wrong : {"64", "64x", "x48", "64x48x3", "0x5", "-64x48", "9999x48", "64X48"}) {
    EXPECT_THAT(refusal(open, {{"size", wrong}}, ExitCode::usage), HasSubstr(wrong));
  }
}

TEST(Guess, AnOpenNumberOfChannelsComesFirst) {
  NetworkFacts open =
      facts({{"logits", {-1, 300, 2}}, {"pred_boxes", {-1, 300, 4}}}, 0, {-1, -1, -1, -1});
  open.outputs.clear();
  const Guess g = guess_manifest(open, {{"size", "64x48"}}, kLists);
  EXPECT_TRUE(g.needs_run);
  EXPECT_EQ(g.network.layout, TensorLayout::nchw);
}

TEST(Guess, ChannelsLastAreSeen) {
  const Guess g = guess_manifest(facts({{"out", {1, 6, 2100}}}, 1, {1, 320, 256, 3}),
                                 {{"labels", "two"}}, kLists);
  EXPECT_EQ(g.network.layout, TensorLayout::nhwc);
  EXPECT_EQ(g.network.input_width, 256);
  EXPECT_EQ(g.network.input_height, 320);
}

TEST(Guess, AnswersThatDoNotFitAreRefused) {
  const auto d = detector({1, 6, 6300});
  EXPECT_THAT(refusal(d, {{"labels", "three"}}, ExitCode::usage), HasSubstr("3 names"));
  EXPECT_THAT(refusal(d, {{"labels", "a,,b"}}, ExitCode::usage), HasSubstr("empty name"));
  EXPECT_THAT(refusal(d, {{"contract", "metric"}}, ExitCode::usage), HasSubstr("ultralytics"));
  EXPECT_THAT(refusal(d, {{"labels", "two"}, {"focal", "3"}}, ExitCode::usage),
              HasSubstr("depth in metres"));
  EXPECT_THAT(refusal(d, {{"labels", "two"}, {"colour", "red"}}, ExitCode::usage),
              HasSubstr("rgb, bgr"));
  EXPECT_THAT(refusal(d, {{"size", "320x320"}}, ExitCode::usage), HasSubstr("640x480"));
  const auto map = detector({1, 480, 640});
  for (const char* wrong : {"far", "-1", "nan", "inf", "4 px", ""}) {
    EXPECT_THAT(refusal(map, {{"contract", "metric"}, {"focal", wrong}}, ExitCode::usage),
                AllOf(HasSubstr("--focal"), HasSubstr("number")));
  }
}

TEST(Guess, WhatFitsNothingIsRefused) {
  EXPECT_THAT(refusal(detector({1, 1000}), {}, ExitCode::model), HasSubstr("1x1000"));
  EXPECT_THAT(refusal(detector({1, 4, 4}), {}, ExitCode::model), HasSubstr("no contract"));
  EXPECT_THAT(refusal(facts({{"o", {1, 6, 99}}}, 1, {1, 1, 8, 8}), {}, ExitCode::model),
              HasSubstr("1x1x8x8"));
  EXPECT_THAT(refusal(facts({{"o", {1, 6, 99}}}, 1, {2, 3, 8, 8}), {}, ExitCode::model),
              HasSubstr("2x3x8x8"));
  NetworkFacts two = detector({1, 6, 99});
  two.outline.inputs.push_back({"sizes", {1, 2}});
  EXPECT_THAT(refusal(two, {}, ExitCode::model), HasSubstr("sizes 1x2"));
  NetworkFacts segments = detector({1, 38, 6300});
  segments.outline.labels = {"a", "b"};
  EXPECT_THAT(refusal(segments, {}, ExitCode::model), HasSubstr("segmentation"));
}

TEST(ClassNames, AreReadAsPythonWritesThem) {
  EXPECT_EQ(read_class_names(R"({0: 'person', 1: "man's hat", 2: 'it\'s'})"),
            (std::vector<std::string>{"person", "man's hat", "it's"}));
  for (const char* other : {"", "{}", "person", "{1: 'a'}", "{0: 'a', 2: 'b'}", "{0: 'a'", "{0: 'a",
                            "{0: ''}", "{0 'a'", "{0: a}", "['a', 'b']"}) {
    EXPECT_TRUE(read_class_names(other).empty()) << other;
  }
}

}  // namespace
}  // namespace lazarillo
