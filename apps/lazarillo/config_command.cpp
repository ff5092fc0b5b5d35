#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "commands.h"
#include "run/config.h"

namespace lazarillo {

void add_config_command(CLI::App& app, int& exit_code) {
  auto file = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("config", "Print every setting with its value, as a file to edit");
  command->add_option("--config", *file, "Settings to read over the defaults first");
  command->callback([file, &exit_code] {
    Config config;
    if (!file->empty()) read_config(*file, config);
    std::cout << to_toml(config);
    exit_code = 0;
  });
}

}  // namespace lazarillo
