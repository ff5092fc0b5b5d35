#pragma once

#include <algorithm>
#include <cctype>
#include <string>

namespace lazarillo {

/// The letters A to Z of a text made small; in the C locale, which the program keeps.
[[nodiscard]] inline std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace lazarillo
