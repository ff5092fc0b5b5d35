#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guide/cue.h"

namespace lazarillo {

/// How much a walker wants to hear: words a minute, what is critical apart.
struct PacePreset {
  std::string_view name;
  double words_per_minute;
};

/// critical-only, calm, normal, dense; the quietest first.
[[nodiscard]] const std::vector<PacePreset>& pace_presets();

/// nullopt: no preset is called so.
[[nodiscard]] std::optional<double> words_per_minute_of(std::string_view preset);

/// The next preset above (`step` 1) or below (-1) so many words; the last one where there is none.
[[nodiscard]] const PacePreset& next_preset(double words_per_minute, int step);

/// How many words a cue costs: as many as it has in English, about. Counted from what it tells, not
/// from a sentence: what is told must not depend on the language.
[[nodiscard]] int words_of(const Cue& cue);

/// How many words a sentence has.
[[nodiscard]] int words_in(const std::string& sentence);

/// A part of the answer `around` as it is told: urgent things have been told as such, and with an
/// hour there would be room for less.
[[nodiscard]] Cue as_part(Cue part);

/// Keeps the words of any minute within a budget, "I can see again" once included, which is told
/// whatever else was said. What is critical is never held back, but what it takes is missing for
/// the rest. Times in seconds must not go back. Not thread-safe.
class WordBudget {
 public:
  explicit WordBudget(double words_per_minute) : limit_(words_per_minute) {}

  /// Whether a cue of so many words may be said now. Information leaves a part of the budget to
  /// warnings.
  [[nodiscard]] bool affords(Priority priority, int words, double now_s);
  void spend(int words, double now_s);
  /// What was said counts against the new limit.
  void set_limit(double words_per_minute) { limit_ = words_per_minute; }

 private:
  struct Spent {
    double at_s;
    int words;
  };
  double limit_;
  std::deque<Spent> last_minute_;
  int sum_ = 0;
};

}  // namespace lazarillo
