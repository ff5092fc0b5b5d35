#include "infer/model_set.h"

#include <algorithm>
#include <map>

#include "error.h"
#include "infer/manifest.h"
#include "nearest.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

/// The manifests of the directories by the name they are called by; the first directory wins, and a
/// .toml before a .json of the same name.
std::map<std::string, fs::path> known_sets(const std::vector<fs::path>& directories) {
  std::map<std::string, fs::path> known;
  for (const fs::path& directory : directories) {
    for (const char* kind : {".toml", ".json"}) {
      std::error_code none;  // a directory that is not there holds nothing
      for (const auto& entry : fs::directory_iterator(directory, none)) {
        if (entry.path().filename() == "index.toml") continue;  // of files others publish
        if (entry.path().extension() == kind && entry.is_regular_file(none)) {
          known.emplace(entry.path().stem().string(), entry.path());
        }
      }
    }
  }
  return known;
}

void verify_digest(const fs::path& file, const std::string& stated, const fs::path& described) {
  if (stated.empty()) return;
  const std::string found = sha256_of(file);
  if (found == stated) return;
  throw Error(ExitCode::model, "'" + file.string() + "' is altered or damaged: its SHA-256 is " +
                                   found + ", '" + described.filename().string() + "' states " +
                                   stated + "; get the file again");
}

void verify_files(const ModelSet& set, const fs::path& manifest) {
  std::string missing;
  const auto need = [&](const fs::path& file) {
    if (fs::is_regular_file(file)) return;
    missing += missing.empty() ? "'" : " and '";
    missing += file.filename().string() + "'";
  };
  const auto weights = [](const fs::path& file) {
    return fs::path(file).replace_extension(".bin");
  };
  for (const NetworkManifest& network : set.networks) {
    need(network.file);
    if (network.file.extension() == ".xml") need(weights(network.file));
  }
  if (!missing.empty()) {
    throw Error(ExitCode::model, "model set '" + set.name + "': " + missing +
                                     " missing; place beside '" + manifest.string() + "'");
  }
  for (const NetworkManifest& network : set.networks) {
    verify_digest(network.file, network.sha256, network.described);
    if (network.file.extension() == ".xml") {
      verify_digest(weights(network.file), network.weights_sha256, network.described);
    }
  }
}

fs::path find_manifest(const std::string& name, const std::vector<fs::path>& directories) {
  fs::path path(name);
  const std::string kind = path.extension().string();
  if (kind == ".onnx" || kind == ".xml" || kind == ".tflite") {
    throw Error(ExitCode::model,
                "'" + name + "' is a network; name its manifest or card instead (docs/models.md)");
  }
  if (kind == ".toml" || kind == ".json" || path.has_parent_path()) {
    if (kind != ".toml" && kind != ".json") {
      throw Error(ExitCode::model,
                  "'" + name + "' is not a manifest: it must end in .toml or .json");
    }
    if (!fs::is_regular_file(path)) {
      throw Error(ExitCode::model, "there is no manifest '" + name + "'");
    }
    return path;
  }

  const auto known = known_sets(directories);
  if (const auto it = known.find(name); it != known.end()) return it->second;
  std::vector<std::string> names;
  std::string all;
  for (const auto& each : known) {
    names.push_back(each.first);
    all += (all.empty() ? "" : ", ") + each.first;
  }
  throw Error(ExitCode::model, "there is no model set '" + name + "'" +
                                   (names.empty() ? "; the model directories hold none"
                                                  : "; the nearest is '" + nearest(name, names) +
                                                        "' (known: " + all + ")"));
}

}  // namespace

const NetworkManifest& finder_of(const ModelSet& models) {
  const auto found = std::find_if(models.networks.begin(), models.networks.end(),
                                  [](const NetworkManifest& n) { return n.task != Task::depth; });
  if (found != models.networks.end()) return *found;
  throw Error(ExitCode::model, "model set '" + models.name + "' has no network that finds objects");
}

ModelSet load_model_set(const std::string& name_or_path,
                        const std::vector<std::filesystem::path>& directories) {
  const fs::path manifest = find_manifest(name_or_path, directories);
  ModelSet set = read_manifest(manifest, directories);
  verify_files(set, manifest);
  return set;
}

std::vector<ModelSetSummary> list_model_sets(
    const std::vector<std::filesystem::path>& directories) {
  std::vector<ModelSetSummary> sets;
  for (const auto& [name, manifest] : known_sets(directories)) {
    ModelSetSummary summary{name, manifest, "", ""};
    try {
      const ModelSet set = read_manifest(manifest, directories);
      summary.description = set.description;
      verify_files(set, manifest);
    } catch (const Error& e) {
      summary.problem = e.what();
    }
    sets.push_back(std::move(summary));
  }
  return sets;
}

}  // namespace lazarillo
