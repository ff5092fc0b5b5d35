#include "models_target.h"

#include <algorithm>
#include <iostream>

#include "error.h"
#include "fetch/manifest_text.h"
#include "run/paths.h"

namespace lazarillo {

namespace fs = std::filesystem;

fs::path target_folder(const std::string& stated) {
  const fs::path folder = stated.empty() ? user_model_directory() : fs::path(stated);
  if (folder.empty()) {
    throw Error(ExitCode::usage, "there is no home folder to put it into: name a folder with --to");
  }
  return fs::absolute(folder).lexically_normal();
}

Partner partner_in(const std::string& set, Task task) {
  const ModelSet found = load_model_set(set, model_directories());
  for (const NetworkManifest& network : found.networks) {
    if (network.task == task) return {network, found.licence};
  }
  throw Error(ExitCode::usage,
              "--with " + set + ": that set has no table [" + table_name(task) + "] of its own");
}

std::string joined_licences(const std::string& one, const std::string& other) {
  if (one.empty() || other.empty() || one == other) return one.empty() ? other : one;
  return one + "; " + other;
}

void tell_how_to_use(const std::string& name, const fs::path& manifest) {
  const std::vector<fs::path> folders = model_directories();
  const bool found = std::any_of(folders.begin(), folders.end(), [&](const fs::path& folder) {
    std::error_code ignored;
    return fs::equivalent(folder, manifest.parent_path(), ignored);
  });
  std::cout << "see with it: lazarillo run VIDEO --models " << (found ? name : manifest.string())
            << '\n';
}

}  // namespace lazarillo
