#pragma once

#include <stdexcept>
#include <string>

namespace lazarillo {

/// Exit codes of the program, one per kind of failure (docs/usage.md lists them for users).
enum class ExitCode : int {
  ok = 0,
  internal = 1,  ///< a fault of the program itself
  usage = 2,     ///< wrong command line or configuration
  source = 3,    ///< the pictures cannot be opened, or ended before they should
  model = 4,     ///< a network, its manifest or its card is missing, altered or does not fit
  output = 5,    ///< a result cannot be written: permission, full disk
  sound = 6,     ///< sound was asked for and cannot be made
  vision = 7,    ///< the network ran and its output was not usable (NaN, infinite)
  property = 8,  ///< simulate: the walker was not told what must be told
};

/// A failure of set-up or of input. `what()` is one line for the user: what is wrong, where, and what
/// to do. The steady state does not throw; see docs/architecture.md.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& line) : std::runtime_error(line), code_(code) {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace lazarillo
