#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "guide/cue.h"

namespace lazarillo {

/// Turns cues into sentences of one language. All words stand in a data file
/// (data/lang/<code>.toml, documented in docs/languages.md): a new language needs no code.
/// Immutable after loading, safe to share between threads.
class Phrasebook {
 public:
  /// Throws Error(usage): unknown language (the known ones named), or a file that misses a sentence.
  static Phrasebook load(const std::filesystem::path& directory, const std::string& language);

  /// The languages of a directory, by file name.
  static std::vector<std::string> languages(const std::filesystem::path& directory);

  /// The sentence for a cue. An object the language has no word for is called "obstacle" in it.
  [[nodiscard]] std::string sentence(const Cue& cue) const;

  /// espeak-ng's voice for this language.
  [[nodiscard]] const std::string& voice() const { return voice_; }
  [[nodiscard]] const std::string& language() const { return language_; }

 private:
  struct Words;
  Phrasebook() = default;
  std::string language_;
  std::string voice_;
  std::shared_ptr<const Words> words_;
};

}  // namespace lazarillo
