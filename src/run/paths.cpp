#include "run/paths.h"

#include <cstdlib>
#include <sstream>
#include <string>

#include "error.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_home(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "data" / "objects.toml", ignored);
}

}  // namespace

fs::path home_directory() {
  const std::string stated = environment("LAZARILLO_HOME");
  if (!stated.empty()) {
    if (is_home(stated)) return fs::absolute(stated);
    throw Error(ExitCode::usage,
                "LAZARILLO_HOME is '" + stated + "', which holds no data/objects.toml");
  }
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path folder = program.parent_path();
  for (const fs::path& each :
       {folder / ".." / "share" / "lazarillo", folder / "..", folder / ".." / ".."}) {
    if (is_home(each)) return fs::weakly_canonical(each);
  }
  throw Error(ExitCode::usage,
              "cannot find Lazarillo's data beside '" + program.string() +
                  "': set LAZARILLO_HOME to the folder that holds data/ and models/");
}

std::vector<fs::path> model_directories() {
  std::vector<fs::path> folders;
  std::istringstream stated(environment("LAZARILLO_MODELS"));
  for (std::string each; std::getline(stated, each, ':');) {
    if (!each.empty()) folders.emplace_back(each);
  }
  if (const fs::path own = user_model_directory(); !own.empty()) folders.push_back(own);
  folders.push_back(home_directory() / "models");
  return folders;
}

fs::path user_model_directory() {
  const std::string xdg = environment("XDG_DATA_HOME");
  const std::string user = environment("HOME");
  if (xdg.empty() && user.empty()) return {};
  const fs::path data = xdg.empty() ? fs::path(user) / ".local" / "share" : fs::path(xdg);
  return data / "lazarillo" / "models";
}

fs::path machine_profile_file() {
  const std::string xdg = environment("XDG_CONFIG_HOME");
  const std::string user = environment("HOME");
  if (xdg.empty() && user.empty()) return {};
  const fs::path folder = xdg.empty() ? fs::path(user) / ".config" : fs::path(xdg);
  return folder / "lazarillo" / "machine.toml";
}

}  // namespace lazarillo
