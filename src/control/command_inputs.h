#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/command_socket.h"
#include "control/headset.h"
#include "control/keyboard.h"
#include "guide/command.h"

namespace lazarillo {

struct CommandOptions {
  std::string socket;    ///< a path; empty: the usual one, where there is; "none": no socket
  std::string headset;   ///< an input device, /dev/input/event7; empty: none
  bool keyboard = true;  ///< where standard input is a terminal
};

/// All the ways in which a walker commands a run. No threads: who holds it asks. Not thread-safe.
class CommandInputs {
 public:
  /// `say` gets lines for the user. Throws Error(usage) for a socket that was named and cannot be
  /// made; without the usual one, and without the headset, a run goes on, and that is said.
  CommandInputs(const CommandOptions& options, std::function<void(const std::string&)> say);

  /// What was asked for since; never waits.
  [[nodiscard]] std::vector<Command> take();
  /// The same, waiting for something.
  [[nodiscard]] std::vector<Command> wait(std::chrono::milliseconds patience);
  /// In a forked child: everything is the parent's, and stays as it is.
  void leave();

 private:
  std::function<void(const std::string&)> say_;
  std::unique_ptr<CommandSocket> socket_;
  std::unique_ptr<Headset> headset_;
  std::unique_ptr<Keyboard> keyboard_;
};

}  // namespace lazarillo
