#include <malloc.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>

#include "commands.h"
#include "error.h"
#include "version.h"

namespace {

int run(int argc, char** argv) {
  // A reader that went away (a pipe, a full disk) is an error to report, not a reason to die.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);

  int exit_code = 0;
  CLI::App app{
      "Guides a blind walker by what a camera sees: what is in the way, where, how far, how soon."};
  app.name("lazarillo");
  app.set_version_flag("--version", std::string("lazarillo ") + lazarillo::kVersion);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 internal fault, 2 usage or configuration, 3 source, 4 model, "
      "5 output, 6 sound, 7 vision, 8 a property that fails in simulate, or other cues in replay; 130 and 143 when stopped by Ctrl-C and SIGTERM.");
  lazarillo::add_run_command(app, exit_code);
  lazarillo::add_record_command(app, exit_code);
  lazarillo::add_replay_command(app, exit_code);
  lazarillo::add_view_command(app, exit_code);
  lazarillo::add_tell_command(app, exit_code);
  lazarillo::add_sounds_command(app, exit_code);
  lazarillo::add_doctor_command(app, exit_code);
  lazarillo::add_sources_command(app, exit_code);
  lazarillo::add_models_command(app, exit_code);
  lazarillo::add_engine_command(app, exit_code);
  lazarillo::add_config_command(app, exit_code);
  lazarillo::add_bench_command(app, exit_code);
  lazarillo::add_tune_command(app, exit_code);
  lazarillo::add_eval_command(app, exit_code);
  lazarillo::add_simulate_command(app, exit_code);
  lazarillo::add_calibrate_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;  // --help, --version
    app.exit(error);
    return asked ? 0 : static_cast<int>(lazarillo::ExitCode::usage);
  } catch (const lazarillo::Error& error) {
    std::cerr << "lazarillo: " << error.what() << '\n';
    return static_cast<int>(error.code());
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  // Pictures by the million, of a few sizes. Left to itself glibc soon puts them into the threads'
  // heaps, which grow a little with every file that is opened (docs/performance.md, long runs).
  constexpr int kLargeBytes = 128 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, kLargeBytes);
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lazarillo: internal fault: %s (please report it)\n", error.what());
    return static_cast<int>(lazarillo::ExitCode::internal);
  }
}
