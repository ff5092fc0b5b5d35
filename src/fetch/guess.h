#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "infer/model_set.h"
#include "infer/outline.h"

namespace lazarillo {

/// What is known of a network that somebody brings.
struct NetworkFacts {
  std::string name;  ///< the file's, without its kind
  NetworkOutline outline;
  /// After it ran on the known picture with the size now settled: its outputs' real shapes, and the
  /// largest number in the first output that would be a box's place or size (0: not run yet).
  std::vector<TensorInfo> outputs;
  double largest_place = 0;
};

/// What the user said; a name is that of the option without its dashes.
using Answers = std::map<std::string, std::string>;

/// Lists of class names that are installed, by name.
using LabelLists = std::map<std::string, std::vector<std::string>>;

/// Something the file does not tell.
struct Question {
  std::string option;      ///< "labels"
  std::string text;        ///< one line
  std::string suggestion;  ///< what --yes takes; empty: nothing can be suggested
};

/// One thing the file does tell, or that is usual.
struct Finding {
  std::string what;  ///< "contract ultralytics"
  std::string why;   ///< "its output 1x84x8400 has 4 + 80 rows"
};

struct Guess {
  NetworkManifest network;  ///< complete when there are no questions
  std::vector<Finding> findings;
  std::vector<Question> questions;
  bool needs_run = false;  ///< the size is settled: run it, then guess again with the outputs
};

/// Makes a manifest of a network from its shapes and names. Nothing that is ambiguous is settled
/// without an answer: it becomes a question. Pure. Throws Error(model) for a network that fits no
/// contract, Error(usage) for an answer that does not fit the network.
[[nodiscard]] Guess guess_manifest(const NetworkFacts& facts, const Answers& answers,
                                   const LabelLists& lists);

}  // namespace lazarillo
