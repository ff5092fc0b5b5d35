#include <gmock/gmock.h>

#include <algorithm>
#include <limits>

#include "error.h"
#include "infer/engine.h"
#include "infer/openvino/openvino_info.h"
#include "tiny_network.h"

namespace lazarillo {
namespace {

using testing::HasSubstr;
using testing::Not;
using Shape = std::vector<std::int64_t>;

std::string failure_of(const std::filesystem::path& file, const EngineOptions& options = {}) {
  try {
    (void)make_openvino_engine(file, options);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::model);
    EXPECT_THAT(e.what(), Not(HasSubstr("\n")));
    return e.what();
  }
  ADD_FAILURE() << "no error for " << file;
  return {};
}

TEST(OpenVinoEngine, RunsOnWhatWasWrittenIntoItsInput) {
  const test::TempDir folder;
  test::write_tiny_network(folder.path() / "n.xml", {1, 3, 4, 6},
                           {{"one", {1, 2}, {10, 20}, 1}, {"two", {1, 1, 2, 2}, {0}, 3}});
  const auto engine = make_openvino_engine(folder.path() / "n.xml", {1, {}});
  ASSERT_EQ(engine->inputs().size(), 1U);
  EXPECT_EQ(engine->inputs()[0].name, "image");
  EXPECT_EQ(engine->inputs()[0].shape, (Shape{1, 3, 4, 6}));
  ASSERT_EQ(engine->outputs().size(), 2U);
  EXPECT_EQ(engine->outputs()[0].name, "one");
  EXPECT_EQ(engine->outputs()[1].name, "two");

  const std::span<float> input = engine->input(0);
  ASSERT_EQ(input.size(), 72U);
  for (const float level : {0.5F, 0.25F}) {
    std::fill(input.begin(), input.end(), level);
    engine->run();
    EXPECT_THAT(engine->output(0).values,
                testing::ElementsAre(testing::FloatEq(10 + level), testing::FloatEq(20 + level)));
    EXPECT_THAT(engine->output(1).values, testing::Each(testing::FloatEq(3 * level)));
    EXPECT_EQ(engine->output(1).shape, (Shape{1, 1, 2, 2}));
    EXPECT_EQ(engine->input(0).data(), input.data()) << "the input must stay in place";
  }
}

TEST(OpenVinoEngine, CalculatesInFullPrecision) {
  // A convolution, what a CPU with bfloat16 would shorten: 1 + 2^-10 is 1 there.
  namespace ops = ov::opset13;
  const test::TempDir folder;
  const auto image =
      std::make_shared<ops::Parameter>(ov::element::f32, ov::PartialShape{1, 3, 32, 32});
  const auto weights = ops::Constant::create(ov::element::f32, {64, 3, 1, 1}, {1 + 1 / 1024.0F});
  const auto sum = std::make_shared<ops::Convolution>(image, weights, ov::Strides{1, 1},
                                                      ov::CoordinateDiff{0, 0},
                                                      ov::CoordinateDiff{0, 0}, ov::Strides{1, 1});
  const auto file = folder.path() / "n.xml";
  ov::serialize(std::make_shared<ov::Model>(ov::OutputVector{sum}, ov::ParameterVector{image}),
                file.string());
  const auto engine = make_openvino_engine(file, {});
  std::ranges::fill(engine->input(0), 1.0F);
  engine->run();
  EXPECT_THAT(engine->output(0).values, testing::Each(testing::FloatEq(3 + 3 / 1024.0F)));
}

TEST(OpenVinoEngine, TheSameInputGivesTheSameBits) {
  const auto network = test::models_folder() / "lznet-v3.onnx";
  std::vector<std::vector<float>> runs;
  for (int i = 0; i < 3; ++i) {
    const auto engine = make_openvino_engine(network, {2, {}});
    unsigned state = 12345;
    for (float& v : engine->input(0)) {
      state = state * 1664525U + 1013904223U;
      v = static_cast<float>(state >> 8) / 16777216.0F;
    }
    engine->run();
    runs.emplace_back();
    for (std::size_t o = 0; o < engine->outputs().size(); ++o) {
      const auto values = engine->output(o).values;
      runs.back().insert(runs.back().end(), values.begin(), values.end());
    }
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
}

TEST(OpenVinoEngine, AnOpenInputTakesTheShapeAskedFor) {
  const test::TempDir folder;
  const auto file = folder.path() / "open.xml";
  test::write_tiny_network(file, {-1, 3, -1, 8}, {{"out", {1, 1}, {0}, 1}});
  const auto engine = make_openvino_engine(file, {1, {1, 3, 6, 8}});
  EXPECT_EQ(engine->inputs()[0].shape, (Shape{1, 3, 6, 8}));
  EXPECT_EQ(engine->input(0).size(), 144U);

  const std::string line = failure_of(file, {1, {1, 3, 6, 9}});
  EXPECT_THAT(line, HasSubstr("?x3x?x8"));
  EXPECT_THAT(line, HasSubstr("1x3x6x9"));
  EXPECT_THAT(failure_of(file), HasSubstr("?x3x?x8"));
}

TEST(OpenVinoEngine, RefusesWhatIsNotFloat) {
  const test::TempDir folder;
  const auto file = folder.path() / "bytes.xml";
  test::write_tiny_network(file, {1, 3, 4, 4}, {{"out", {1, 1}, {0}}}, ov::element::u8);
  EXPECT_THAT(failure_of(file), testing::AllOf(HasSubstr("image"), HasSubstr("u8"),
                                               HasSubstr("float"), HasSubstr("bytes.xml")));
}

TEST(OpenVinoEngine, ADamagedFileIsOneClearLine) {
  const test::TempDir folder;
  // A page an interrupted download left, under every name.
  for (const char* name : {"page.onnx", "page.tflite"}) {
    EXPECT_THAT(failure_of(folder.write(name, "<html>not found</html>")), HasSubstr("damaged"));
  }
  EXPECT_THAT(failure_of(folder.write("text.xml", "hello")), HasSubstr("damaged"));
  EXPECT_THAT(failure_of(folder.write("empty.onnx", "")), HasSubstr("damaged"));
  EXPECT_THAT(failure_of(folder.write("html.xml", "<html></html>")), HasSubstr("damaged"));
  EXPECT_THAT(failure_of(folder.write("weights.pt", "PK")), HasSubstr("no known kind"));
  EXPECT_THAT(failure_of(folder.path() / "none.onnx"), HasSubstr("cannot be read"));

  std::ifstream whole(test::models_folder() / "lznet-v3.onnx", std::ios::binary);
  std::string half(100'000, '\0');
  whole.read(half.data(), static_cast<std::streamsize>(half.size()));
  EXPECT_THAT(failure_of(folder.write("half.onnx", half)), HasSubstr("half.onnx"));

  test::write_tiny_network(folder.path() / "n.xml", {1, 3, 2, 2}, {{"out", {1, 1}, {0}}});
  std::ifstream xml(folder.path() / "n.xml");
  std::string start(1000, ' ');
  xml.read(start.data(), static_cast<std::streamsize>(start.size()));
  folder.write("cut.bin", "");
  EXPECT_THAT(failure_of(folder.write("cut.xml", start)), HasSubstr("cut.xml"));
}

TEST(OpenVinoInfo, FindsTheProcessor) {
  const auto devices = openvino_devices();
  const auto cpu = std::find_if(devices.begin(), devices.end(),
                                [](const EngineDevice& d) { return d.name == "CPU"; });
  ASSERT_NE(cpu, devices.end());
  EXPECT_FALSE(cpu->full_name.empty());
  EXPECT_THAT(openvino_version(), testing::MatchesRegex("[0-9]+\\.[0-9]+.*"));
}

TEST(ShapeText, NamesOpenDimensions) {
  EXPECT_EQ(to_string({1, 3, -1, 416}), "1x3x?x416");
  EXPECT_EQ(to_string(Shape{}), "no shape");
}

}  // namespace
}  // namespace lazarillo
