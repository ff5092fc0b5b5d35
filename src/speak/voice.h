#pragma once

#include <cstddef>
#include <future>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lazarillo {

/// Spoken sound: mono, -1..1. Empty when synthesis failed.
struct Speech {
  std::vector<float> samples;
  int rate = 22050;
};

/// Runs espeak-ng once and returns what it says; empty on any failure. espeak-ng is a program of
/// its own here: it is under the GPL-3, and a crash or a hang in it (killed after 3 s) must not
/// take the guide along. Thread-safe.
[[nodiscard]] Speech run_espeak(const std::string& voice, int words_per_minute,
                                const std::string& text);

/// Speech on worker threads, with the last sentences kept. Not thread-safe itself.
class Voice {
 public:
  /// Throws Error(sound) when espeak-ng is not installed or has no such voice.
  Voice(std::string voice, int words_per_minute);

  using Result = std::shared_future<std::shared_ptr<const Speech>>;
  /// Begins to synthesise, or finds what was synthesised before. What failed is tried again.
  [[nodiscard]] Result request(const std::string& text);

 private:
  std::string voice_;
  int words_per_minute_;
  std::list<std::string> recent_;  ///< newest first
  std::unordered_map<std::string, std::pair<Result, std::list<std::string>::iterator>> known_;
};

}  // namespace lazarillo
