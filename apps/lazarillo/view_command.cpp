#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>

#include "commands.h"
#include "error.h"

namespace lazarillo {
namespace {

struct ViewArguments {
  std::string source;
  std::string rrd;
  std::string tool = "lazarillo-rerun";
};

/// The tool takes this process's place: what it says and its exit code are the command's.
int view(const ViewArguments& a) {
  const std::filesystem::path source(a.source);
  const std::string rrd =
      !a.rrd.empty()
          ? a.rrd
          : (source.has_filename() ? source : source.parent_path()).stem().string() + ".rrd";
  std::cout.flush();
  ::execlp(a.tool.c_str(), a.tool.c_str(), a.source.c_str(), rrd.c_str(), nullptr);
  throw Error(ExitCode::usage, "'" + a.tool + "' cannot be started (" + std::strerror(errno) +
                                   "): view needs it: pip install bridges/rerun");
}

}  // namespace

void add_view_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<ViewArguments>();
  CLI::App* command =
      app.add_subcommand("view", "Make a Rerun recording (.rrd) of a recording or of results");
  command
      ->add_option("SOURCE", arguments->source,
                   "A recording (`lazarillo record`), or the folder of a run's results")
      ->required();
  command->add_option("--rrd", arguments->rrd, "The file to write (default: SOURCE's name, here)");
  command->add_option("--tool", arguments->tool, "The program that does it")->capture_default_str();
  command->callback([arguments, &exit_code] { exit_code = view(*arguments); });
}

}  // namespace lazarillo
