#pragma once

#include <filesystem>
#include <string>

#include "run/config.h"

namespace lazarillo {

/// What the command line says about settings.
struct StatedSettings {
  std::filesystem::path file;     ///< --config; empty: none
  std::string models;             ///< --models; empty: not stated
  int threads = 0;                ///< --threads; 0: not stated
  std::filesystem::path profile;  ///< this machine's, from `lazarillo tune`; empty: leave it out
  bool realtime = false;
};

/// Reads over `config`, each winning over the one before: the machine's profile, --config, the
/// command line. The profile counts only where what it measured is what will run: on its processor,
/// with its model set, the depth network not left out, and not where frames go through one by one
/// (lockstep, a replay that skips). Its thread counts and streams belong together: they are left
/// out when the user names one of them. Models that were chosen among several run when the user
/// names none. Throws Error(usage), also for a profile that cannot be
/// read.
void read_settings(const StatedSettings& stated, Config& config);

/// Whether the file is there and was measured on this processor. Throws Error(usage) when it is
/// there and cannot be read.
[[nodiscard]] bool is_for_this_processor(const std::filesystem::path& profile);

/// What names a model set in a profile: its name, or the whole path of its manifest.
[[nodiscard]] std::string model_key(const std::string& name_or_path);

}  // namespace lazarillo
