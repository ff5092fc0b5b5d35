#pragma once

#include <iosfwd>
#include <string>

#include "eval/depth.h"
#include "eval/detection.h"
#include "eval/distance.h"
#include "eval/ground.h"
#include "eval/guidance.h"
#include "infer/model_set.h"

namespace lazarillo {

/// What was measured, with what, and how long it took.
struct EvalAbout {
  std::string data;
  std::string split;       ///< empty: the data has none
  std::string models;      ///< name of the set
  std::string network;     ///< file of the network that was measured; empty: not known
  std::string sha256;      ///< of that file
  double least_score = 0;  ///< weaker detections were not looked at; 0: there are none
  double seconds = 0;
};

// As JSON (docs/evaluation.md has the keys), and as a table.

[[nodiscard]] std::string to_json(const DetectionScore& score, const EvalAbout& about);
void print(const DetectionScore& score, std::ostream& out);

[[nodiscard]] std::string to_json(const DepthScores& scores, const EvalAbout& about);
void print(const DepthScores& scores, std::ostream& out);

/// With every object, one by one.
struct Distances {
  DistanceScore score;
  std::vector<DistantObject> objects;
};
[[nodiscard]] std::string to_json(const Distances& distances, const EvalAbout& about);
void print(const Distances& distances, std::ostream& out);

/// With every picture, one by one.
struct Grounds {
  GroundScores scores;
  std::vector<GroundPicture> pictures;
  std::optional<double> gravity_error_deg{};  ///< of the gravity that was told; unset: none was
};
[[nodiscard]] std::string to_json(const Grounds& grounds, const EvalAbout& about);
void print(const Grounds& grounds, std::ostream& out);

struct Guidance {
  std::vector<SequenceOutcome> sequences;
};
[[nodiscard]] std::string to_json(const Guidance& guidance, const EvalAbout& about);
void print(const Guidance& guidance, std::ostream& out);

}  // namespace lazarillo
