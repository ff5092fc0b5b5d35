#include "fetch/manifest_text.h"

#include <gmock/gmock.h>

#include "infer/manifest.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

/// Every field a table of a manifest can say.
void expect_same(const NetworkManifest& a, const NetworkManifest& b) {
  EXPECT_EQ(a.task, b.task);
  EXPECT_EQ(a.sha256, b.sha256);
  EXPECT_EQ(a.weights_sha256, b.weights_sha256);
  EXPECT_EQ(a.layout, b.layout);
  EXPECT_EQ(a.input_width, b.input_width);
  EXPECT_EQ(a.input_height, b.input_height);
  EXPECT_EQ(a.rgb, b.rgb);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.std, b.std);
  EXPECT_EQ(a.letterbox, b.letterbox);
  EXPECT_EQ(a.pad_value, b.pad_value);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.detector, b.detector);
  EXPECT_EQ(a.boxes_normalised, b.boxes_normalised);
  EXPECT_DOUBLE_EQ(a.score_threshold, b.score_threshold);
  EXPECT_DOUBLE_EQ(a.nms_iou, b.nms_iou);
  EXPECT_EQ(a.depth, b.depth);
  EXPECT_DOUBLE_EQ(a.canonical_focal_px, b.canonical_focal_px);
}

NetworkManifest unusual(Task task) {
  NetworkManifest n;
  n.task = task;
  n.sha256 = std::string(64, 'a');
  n.weights_sha256 = std::string(64, 'b');
  n.layout = TensorLayout::nhwc;
  n.input_width = 28;
  n.input_height = 14;
  n.rgb = false;
  n.mean = {0.485F, 0, 1};
  n.std = {0.1F, 2, 1.0F / 3};
  n.pad_value = 0;
  if (task != Task::depth) {
    n.labels = {"a \"quoted\" one", "back\\slash", "péatón", "tab\there"};
    n.score_threshold = 0.1;
    n.nms_iou = 1;
  }
  if (task != Task::detect) n.depth = DepthContract::metric;
  if (task != Task::detect) n.canonical_focal_px = 415.7;
  return n;
}

ModelSet read(const std::string& text) {
  const test::TempDir folder;
  return read_manifest(folder.write("m.toml", text), {});
}

TEST(ManifestText, IsReadAsItWasMeant) {
  for (const DetectorContract contract :
       {DetectorContract::ultralytics, DetectorContract::end_to_end, DetectorContract::detr}) {
    NetworkManifest detector = unusual(Task::detect);
    detector.detector = contract;
    detector.boxes_normalised = contract != DetectorContract::ultralytics;
    detector.letterbox = false;
    const NetworkManifest depth = unusual(Task::depth);
    ModelSet set;
    set.name = "n";
    set.description = "with \"quotes\"";
    set.licence = "MIT";
    const ModelSet again =
        read(manifest_head(set, "two\nlines") + manifest_table(detector, "it's \"d\".xml") +
             manifest_table(depth, "/else/where/z.onnx"));
    EXPECT_EQ(again.name, "n");
    EXPECT_EQ(again.description, "with \"quotes\"");
    EXPECT_EQ(again.licence, "MIT");
    ASSERT_EQ(again.networks.size(), 2U);
    expect_same(again.networks[0], detector);
    expect_same(again.networks[1], depth);
    EXPECT_EQ(again.networks[0].file.filename(), "it's \"d\".xml");
    EXPECT_EQ(again.networks[1].file, "/else/where/z.onnx");
  }
}

TEST(ManifestText, OfAJointNetworkToo) {
  const NetworkManifest joint = unusual(Task::joint);
  const ModelSet again = read(manifest_head({}, "") + manifest_table(joint, "j.onnx"));
  expect_same(again.networks.at(0), joint);
}

}  // namespace
}  // namespace lazarillo
