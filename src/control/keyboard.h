#pragma once

#include <vector>

#include "guide/command.h"

namespace lazarillo {

/// What the keys do, one line.
[[nodiscard]] const char* keys_help();

/// Commands by single keys of the terminal that is standard input. While it lives the terminal
/// neither echoes nor waits for lines; however the process ends (but for SIGKILL), and while it is
/// stopped by Ctrl-Z, the terminal is as it was. In the background it takes nothing. One at a time;
/// not thread-safe.
class Keyboard {
 public:
  Keyboard();
  ~Keyboard();
  Keyboard(const Keyboard&) = delete;
  Keyboard& operator=(const Keyboard&) = delete;

  /// Standard input is a terminal.
  [[nodiscard]] static bool there();
  /// To be polled for input; -1: the terminal is gone.
  [[nodiscard]] int descriptor() const;
  /// Appends what was typed. Never waits.
  void take(std::vector<Command>& commands);
  /// In a forked child: the terminal is the parent's.
  void leave();

 private:
  bool open_ = true;
};

/// The terminal as it was before a Keyboard. For who ends the process at once (_exit); safe in a
/// signal handler.
void restore_terminal() noexcept;

}  // namespace lazarillo
