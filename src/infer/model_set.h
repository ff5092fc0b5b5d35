#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lazarillo {

/// What a network is for, and with that how its outputs are read (docs/models.md).
enum class Task { joint, detect, depth };

/// The outputs of a detector.
enum class DetectorContract {
  ultralytics,  ///< 1x(4+C)xN: cx, cy, w, h and C class scores per anchor
  end_to_end,   ///< 1xNx6: x1, y1, x2, y2, score, class, after NMS
  detr,         ///< logits 1xNxC before the sigmoid, pred_boxes 1xNx4: cx, cy, w, h from 0 to 1
};

enum class DepthContract {
  relative_inverse,  ///< 1xHxW or 1x1xHxW, larger is nearer, no unit
  metric,            ///< 1xHxW or 1x1xHxW, metres
};

enum class TensorLayout { nchw, nhwc };

/// One network as its manifest or card describes it.
struct NetworkManifest {
  std::string name;
  Task task = Task::detect;
  std::filesystem::path file;       ///< absolute
  std::string sha256;               ///< hex digest of `file`; empty: not stated
  std::string weights_sha256;       ///< of the .bin beside an .xml; empty: not stated, or no .xml
  /// The same network in FP32, absolute: what `file` in fewer bits is compared with; empty: `file`.
  std::filesystem::path reference;
  bool int8 = false;  ///< `file` has 8-bit products: other limits (see/engine_check.h)
  std::filesystem::path described;  ///< the manifest or card, for messages

  TensorLayout layout = TensorLayout::nchw;
  int input_width = 0;
  int input_height = 0;
  bool rgb = true;                     ///< channel order the network expects
  std::array<float, 3> mean{0, 0, 0};  ///< of channels scaled to 0..1, network order
  std::array<float, 3> std{1, 1, 1};
  bool letterbox = true;  ///< keep the aspect ratio, pad; false: stretch
  int pad_value = 114;    ///< grey level of the padding, 0..255

  std::vector<std::string> labels;  ///< detect, joint
  DetectorContract detector = DetectorContract::ultralytics;
  bool boxes_normalised = false;  ///< box units 0..1 instead of input pixels
  double score_threshold = 0.35;
  bool calibrated = false;  ///< a score is the part of such detections that are right
  double nms_iou = 0.5;

  DepthContract depth = DepthContract::relative_inverse;
  /// Focal length, pixels of the network's input, for which the depth output is in metres:
  /// metres = output * f / canonical_focal_px. 0: the output is in metres as it is.
  double canonical_focal_px = 0;
};

/// The networks that see together: either one joint network, or a detector with or without depth.
struct ModelSet {
  std::string name;
  std::string description;
  std::string licence;
  std::vector<NetworkManifest> networks;
};

/// Finds a model set by name (the stem of a .toml or .json in one of `directories`, first hit wins)
/// or by path (a manifest, or the JSON card of an lznet network). Checks that every network file is
/// there and has the SHA-256 stated. docs/models.md describes both formats. Throws Error(model)
/// with what is wrong; for an unknown name, with the nearest and all known names.
[[nodiscard]] ModelSet load_model_set(const std::string& name_or_path,
                                      const std::vector<std::filesystem::path>& directories);

/// The network that finds objects. Throws Error(model) when there is none.
[[nodiscard]] const NetworkManifest& finder_of(const ModelSet& models);

/// One line of `lazarillo models list`.
struct ModelSetSummary {
  std::string name;  ///< what load_model_set takes
  std::filesystem::path manifest;
  std::string description;
  std::string problem;  ///< why it cannot be used here; empty when it can
};
/// Every set in the directories, by name; one that cannot be used is listed with its problem.
[[nodiscard]] std::vector<ModelSetSummary> list_model_sets(
    const std::vector<std::filesystem::path>& directories);

/// SHA-256 of a file as 64 hex digits. Throws Error(model) when it cannot be read.
[[nodiscard]] std::string sha256_of(const std::filesystem::path& file);

}  // namespace lazarillo
