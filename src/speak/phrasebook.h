#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "guide/cue.h"

namespace lazarillo {

/// Turns cues into sentences of one language. All words stand in a data file
/// (data/lang/<code>.toml, docs/languages.md): a new language needs no code. Immutable after
/// loading, safe to share between threads.
class Phrasebook {
 public:
  /// Throws Error(usage): unknown language (the known ones named), or a file that misses a word or
  /// holds one that nobody asks for.
  static Phrasebook load(const std::filesystem::path& directory, const std::string& language);

  /// The languages of a directory, by file name.
  static std::vector<std::string> languages(const std::filesystem::path& directory);

  /// The sentence for a cue. An object the language has no word for is called "obstacle" in it; a
  /// vague distance (is_vague) is left out. Empty for `repeated`: who speaks knows the words.
  [[nodiscard]] std::string sentence(const Cue& cue) const;

  /// A distance as people say it: half a metre, one, one and a half, whole metres up to ten, then
  /// steps of five.
  [[nodiscard]] std::string distance(double metres) const;

  /// Whether the language has a word for this object.
  [[nodiscard]] bool knows(const std::string& label) const;

  /// espeak-ng's voice for this language.
  [[nodiscard]] const std::string& voice() const;

 private:
  struct Words;
  [[nodiscard]] std::string of_one(const Cue& cue, const std::string& distance_words) const;
  [[nodiscard]] std::string of_several(const Cue& cue, const std::string& distance_words) const;
  explicit Phrasebook(std::shared_ptr<const Words> words) : words_(std::move(words)) {}
  std::shared_ptr<const Words> words_;
};

}  // namespace lazarillo
