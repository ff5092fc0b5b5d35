#pragma once

#include <filesystem>
#include <vector>

namespace lazarillo {

/// Where the program's own files lie (data/, models/): $LAZARILLO_HOME, else ../share/lazarillo
/// beside the program (installed), else the folder above the program (built in place). Throws
/// Error(usage) when none holds them.
[[nodiscard]] std::filesystem::path home_directory();

/// Where model sets are looked for, in this order: $LAZARILLO_MODELS (folders, ':' between), the
/// user's data folder ($XDG_DATA_HOME/lazarillo/models), the program's own.
[[nodiscard]] std::vector<std::filesystem::path> model_directories();

/// The user's own folder of model sets, of the above; empty without a home. It need not be there.
[[nodiscard]] std::filesystem::path user_model_directory();

/// Where `lazarillo tune` leaves what it measured: $XDG_CONFIG_HOME/lazarillo/machine.toml, else
/// ~/.config/lazarillo/machine.toml; empty without a home.
[[nodiscard]] std::filesystem::path machine_profile_file();

}  // namespace lazarillo
