#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace lazarillo {

/// Number of single-character changes between two words (Levenshtein, 1966).
[[nodiscard]] inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// The word the user probably meant; empty when there is none to choose from.
[[nodiscard]] inline std::string nearest(std::string_view word,
                                         const std::vector<std::string>& known) {
  const auto best =
      std::min_element(known.begin(), known.end(), [word](const auto& a, const auto& b) {
        return edit_distance(word, a) < edit_distance(word, b);
      });
  return best == known.end() ? std::string() : *best;
}

}  // namespace lazarillo
