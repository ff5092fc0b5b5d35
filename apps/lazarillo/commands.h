#pragma once

#include <string>

namespace CLI {
class App;
}

namespace lazarillo {

/// Each adds one subcommand to the program. When it was chosen, the command runs as the command
/// line is parsed and leaves its exit code in `exit_code`.
void add_run_command(CLI::App& app, int& exit_code);
void add_record_command(CLI::App& app, int& exit_code);
void add_replay_command(CLI::App& app, int& exit_code);
void add_view_command(CLI::App& app, int& exit_code);
void add_tell_command(CLI::App& app, int& exit_code);
void add_sounds_command(CLI::App& app, int& exit_code);
void add_doctor_command(CLI::App& app, int& exit_code);
void add_sources_command(CLI::App& app, int& exit_code);
void add_models_command(CLI::App& app, int& exit_code);
void add_models_import(CLI::App& models, int& exit_code);  // of `models`
void add_models_fetch(CLI::App& models, int& exit_code);
void add_engine_command(CLI::App& app, int& exit_code);
void add_config_command(CLI::App& app, int& exit_code);
void add_bench_command(CLI::App& app, int& exit_code);
void add_tune_command(CLI::App& app, int& exit_code);
void add_eval_command(CLI::App& app, int& exit_code);
void add_eval_guidance(CLI::App& eval, int& exit_code);  // of `eval`
void add_simulate_command(CLI::App& app, int& exit_code);
void add_calibrate_command(CLI::App& app, int& exit_code);

}  // namespace lazarillo
