#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "guide/cue.h"

namespace lazarillo {

/// How distances and directions are said.
struct Wording {
  std::string distance = "metres";  ///< or "steps"
  double step_m = 0.65;             ///< the walker's
  /// "side": left, ahead, right; "clock": the hour alone; "both": the hour after the side.
  std::string direction = "both";
};

/// Turns cues into sentences of one language. All words stand in a data file
/// (data/lang/<code>.toml, docs/languages.md): a new language needs no code. Immutable after
/// loading, safe to share between threads.
class Phrasebook {
 public:
  /// Throws Error(usage): unknown language (the known ones named), or a file that misses a word or
  /// holds one that nobody asks for; a wording there is not.
  static Phrasebook load(const std::filesystem::path& directory, const std::string& language,
                         const Wording& wording = {});

  /// The languages of a directory, by file name.
  static std::vector<std::string> languages(const std::filesystem::path& directory);

  /// The sentence for a cue. An object the language has no word for is called "obstacle" in it; a
  /// vague distance (is_vague) is left out. Empty for `repeated`: who speaks knows the words.
  [[nodiscard]] std::string sentence(const Cue& cue) const;

  /// A distance as people say it: half a metre, one, one and a half, whole metres up to ten, then
  /// steps of five; or in steps: one, whole ones up to ten, then steps of five.
  [[nodiscard]] std::string distance(double metres) const;

  /// Whether the language has a word for this object.
  [[nodiscard]] bool knows(const std::string& label) const;

  /// espeak-ng's voice for this language.
  [[nodiscard]] const std::string& voice() const;

 private:
  struct Words;
  [[nodiscard]] std::string of_one(const Cue& cue, const std::string& distance_words) const;
  [[nodiscard]] std::string of_several(const Cue& cue, const std::string& distance_words) const;
  Phrasebook(std::shared_ptr<const Words> words, Wording wording)
      : words_(std::move(words)), wording_(std::move(wording)) {}
  /// {side} and {clock} of an object.
  [[nodiscard]] std::pair<std::string, std::string> direction(const Cue& cue) const;
  std::shared_ptr<const Words> words_;
  Wording wording_;
};

}  // namespace lazarillo
