#pragma once

#include <optional>
#include <string>

namespace lazarillo {

/// Somebody sits at a terminal and can be asked.
[[nodiscard]] bool somebody_there();

/// Asks, and gives the line that was typed, without spaces around; `suggestion` for an empty line
/// where there is one, else asks again. Nothing at the end of input.
[[nodiscard]] std::optional<std::string> ask(const std::string& text,
                                             const std::string& suggestion);

/// Asks for a yes; anything else is a no.
[[nodiscard]] bool agree(const std::string& text);

/// While it lives, Ctrl-C and SIGTERM are noted instead of ending the program; a second one ends
/// it.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The signal that came; 0: none.
  [[nodiscard]] static int received();
};

}  // namespace lazarillo
