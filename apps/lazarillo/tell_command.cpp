#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "commands.h"
#include "control/command_socket.h"
#include "error.h"
#include "guide/command.h"

namespace lazarillo {
namespace {

struct TellArguments {
  std::string command;
  std::string socket;
};

int run(const TellArguments& a) {
  const std::string path = a.socket.empty() ? usual_command_socket() : a.socket;
  if (path.empty()) {
    throw Error(ExitCode::usage,
                "XDG_RUNTIME_DIR is not set: name the socket of the run with --socket");
  }
  const std::string answer = tell(path, a.command);
  if (answer == "ok") return 0;
  std::cerr << "lazarillo: " << answer << '\n';
  return static_cast<int>(ExitCode::usage);
}

}  // namespace

void add_tell_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<TellArguments>();
  CLI::App* command = app.add_subcommand("tell", "Command a run that is at work");
  command->add_option("COMMAND", arguments->command, command_names())->required();
  command->add_option("--socket", arguments->socket,
                      "Where it listens (default $XDG_RUNTIME_DIR/lazarillo.sock)");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace lazarillo
