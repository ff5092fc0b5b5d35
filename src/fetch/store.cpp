#include "fetch/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <set>

#include "error.h"
#include "fetch/durable.h"
#include "fetch/golden_check.h"
#include "fetch/manifest_text.h"
#include "infer/manifest.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStaging = ".new-";

/// A hidden folder beside what will be stored, locked while it lives, removed at the end.
class Staging {
 public:
  Staging(const fs::path& folder, const std::string& name)
      : path_(folder / (kStaging + name + '-' + std::to_string(::getpid()))) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (!error) sweep(folder);
    if (!error) fs::create_directory(path_, error);
    if (!error) lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (error || lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      throw Error(ExitCode::output, "the folder " + in_quotes(folder) + " cannot be written" +
                                        (error ? ": " + error.message() : ""));
    }
  }
  ~Staging() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    ::close(lock_);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  /// Removes what killed ones left: nobody holds their locks.
  static void sweep(const fs::path& folder) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (!entry.path().filename().string().starts_with(kStaging)) continue;
      const int lock = ::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (lock < 0) continue;
      if (::flock(lock, LOCK_EX | LOCK_NB) == 0) fs::remove_all(entry.path(), ignored);
      ::close(lock);
    }
  }

  fs::path path_;
  int lock_ = -1;
};

void move_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) {
    throw Error(ExitCode::output, in_quotes(to) + " cannot be written: " + error.message());
  }
}

fs::path weights_of(const fs::path& network) { return fs::path(network).replace_extension(".bin"); }

/// "name", or "name-1a2b3c4d" as a replacement is called while the old one is in use.
bool is_stem_of(const std::string& stem, const std::string& name) {
  if (stem == name) return true;
  if (stem.size() != name.size() + 9 || !stem.starts_with(name + '-')) return false;
  return std::all_of(stem.end() - 8, stem.end(), [](unsigned char c) { return std::isxdigit(c); });
}

/// The files of a set that its manifest names, with cards; none when it cannot be read.
std::set<fs::path> files_of(const fs::path& manifest, const std::vector<fs::path>& directories) {
  std::set<fs::path> files;
  try {
    for (const NetworkManifest& n : read_manifest(manifest, directories).networks) {
      files.insert(n.file);
      if (n.file.extension() == ".xml") files.insert(weights_of(n.file));
      if (n.described.extension() == ".json") files.insert(fs::absolute(n.described));
    }
  } catch (const Error&) {
    return {};
  }
  return files;
}

class Storing {
 public:
  Storing(const NewSet& set, const StoreOptions& options)
      : set_(set),
        options_(options),
        folder_(fs::absolute(options.folder).lexically_normal()),
        manifest_(folder_ / (set.about.name + ".toml")),
        staging_(folder_, set.about.name) {
    directories_ = {folder_};
    directories_.insert(directories_.end(), options.directories.begin(), options.directories.end());
  }

  fs::path run() {
    std::string text = manifest_head(set_.about, set_.comment);
    for (const NewNetwork& network : set_.networks) text += stage(network);
    const fs::path staged = staging_.path() / manifest_.filename();
    write_durably(staged, text);
    if (stopped()) return {};
    golden_check(load_model_set(staged.string(), directories_));
    if (stopped()) return {};

    const std::set<fs::path> before = files_of(manifest_, directories_);
    for (const auto& entry : fs::directory_iterator(staging_.path())) {
      if (entry.path() != staged) move_file(entry.path(), folder_ / entry.path().filename());
    }
    move_file(staged, manifest_);
    sync_folder(folder_);
    remove_replaced(before);
    return manifest_;
  }

 private:
  [[nodiscard]] bool stopped() const { return options_.stopped && options_.stopped(); }

  /// Copies a network where it is to be copied; its table of the manifest.
  std::string stage(const NewNetwork& network) {
    NetworkManifest described = network.network;
    if (!network.copy) {
      const std::string file = name_in_manifest(described.file);
      return network.lines.empty() ? manifest_table(described, file) : table(network, file);
    }
    const fs::path source = described.file;
    const std::string kind = source.extension().string();
    check_space(folder_, size_of(source));
    described.sha256 = sha256_of(source);
    // Beside a file that is in use, a replacement gets a name of its own.
    const std::string& name = set_.about.name;
    const bool taken = fs::exists(folder_ / (name + kind)) || fs::exists(folder_ / (name + ".bin"));
    const std::string stem = taken ? name + '-' + described.sha256.substr(0, 8) : name;
    copy_durably(source, staging_.path() / (stem + kind));
    if (kind == ".xml") {
      copy_durably(weights_of(source), staging_.path() / (stem + ".bin"));
      described.weights_sha256 = sha256_of(staging_.path() / (stem + ".bin"));
    }
    if (sha256_of(staging_.path() / (stem + kind)) != described.sha256) {
      throw Error(ExitCode::model, in_quotes(source) + " changed while it was copied");
    }
    if (network.card.empty()) return manifest_table(described, stem + kind);
    copy_durably(network.card, staging_.path() / (stem + ".json"));
    return "\n[joint]\ncard = " + toml_text(stem + ".json") + "\nfile = " + toml_text(stem + kind) +
           '\n';
  }

  static std::uint64_t size_of(const fs::path& network) {
    std::error_code ignored;
    std::uint64_t size = fs::file_size(network, ignored);
    if (ignored) return 0;
    if (network.extension() == ".xml") size += fs::file_size(weights_of(network), ignored);
    return ignored ? 0 : size;
  }

  static std::string table(const NewNetwork& network, const std::string& file) {
    return "\n[" + table_name(network.network.task) + "]\nfile = " + toml_text(file) +
           "\nsha256 = \"" + network.network.sha256 + "\"\n" + network.lines;
  }

  /// Its plain name where the manifest's reader finds that very file by it, else the whole path.
  [[nodiscard]] std::string name_in_manifest(const fs::path& file) const {
    for (const fs::path& directory : directories_) {
      const fs::path there = fs::absolute(directory) / file.filename();
      std::error_code ignored;
      if (fs::is_regular_file(there)) {
        return fs::equivalent(there, file, ignored) ? file.filename().string()
                                                    : fs::absolute(file).string();
      }
    }
    return fs::absolute(file).string();
  }

  /// Removes the files of the set that was replaced, as far as they are its own: called by its
  /// name, in its folder, and named by no set now.
  void remove_replaced(const std::set<fs::path>& before) const {
    std::set<fs::path> used = files_of(manifest_, directories_);
    for (const ModelSetSummary& other : list_model_sets(directories_)) {
      used.merge(files_of(other.manifest, directories_));
    }
    for (const fs::path& file : before) {
      const bool own = file.parent_path() == folder_ &&
                       is_stem_of(file.stem().string(), set_.about.name) && !used.contains(file);
      std::error_code ignored;
      if (own) fs::remove(file, ignored);
    }
  }

  const NewSet& set_;
  const StoreOptions& options_;
  fs::path folder_;
  fs::path manifest_;
  std::vector<fs::path> directories_;
  Staging staging_;
};

}  // namespace

void check_new_name(const std::string& name, const StoreOptions& options) {
  const auto good = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  if (name.empty() || name.front() == '.' || name == "index" || name.size() > 100 ||
      !std::all_of(name.begin(), name.end(), good)) {
    throw Error(ExitCode::usage, "'" + name +
                                     "' cannot be the name of a set: letters, digits, '-', '_' and "
                                     "'.', not 'index'; give one with --name");
  }
  if (options.replace) return;
  std::vector<fs::path> directories{options.folder};
  directories.insert(directories.end(), options.directories.begin(), options.directories.end());
  for (const ModelSetSummary& set : list_model_sets(directories)) {
    if (set.name != name) continue;
    throw Error(ExitCode::model, "there is a set '" + name + "' already (" + set.manifest.string() +
                                     "); give another --name, or --replace");
  }
}

fs::path store_set(const NewSet& set, const StoreOptions& options) {
  check_new_name(set.about.name, options);
  return Storing(set, options).run();
}

}  // namespace lazarillo
