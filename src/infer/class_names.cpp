#include <algorithm>

#include "infer/outline.h"

namespace lazarillo {

std::vector<std::string> read_class_names(const std::string& text) {
  std::size_t at = 0;
  const auto here = [&](char wanted) { return at < text.size() && text[at] == wanted; };
  const auto skip_spaces = [&] { at = std::min(text.find_first_not_of(' ', at), text.size()); };
  /// The character, with spaces around.
  const auto pass = [&](char wanted) {
    skip_spaces();
    if (!here(wanted)) return false;
    ++at;
    skip_spaces();
    return true;
  };

  std::vector<std::string> names;
  if (!pass('{')) return {};
  do {
    const std::string number = std::to_string(names.size());
    if (text.compare(at, number.size(), number) != 0) return {};
    at += number.size();
    if (!pass(':') || (!here('\'') && !here('"'))) return {};
    const char quote = text[at];
    std::string name;
    for (++at; at < text.size() && text[at] != quote; ++at) {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      name += text[at];
    }
    if (!here(quote) || name.empty()) return {};
    ++at;
    names.push_back(name);
  } while (pass(','));
  return here('}') ? names : std::vector<std::string>();
}

}  // namespace lazarillo
