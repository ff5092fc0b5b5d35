#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>

#include "commands.h"
#include "conversation.h"
#include "error.h"
#include "fetch/download.h"
#include "fetch/durable.h"
#include "fetch/model_index.h"
#include "fetch/store.h"
#include "models_target.h"
#include "run/paths.h"
#include "show/byte_progress.h"
#include "show/progress.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

struct FetchArguments {
  std::string entry;
  std::string name;
  std::string with;
  std::string to;
  std::string index;
  bool list = false;
  bool accept_licence = false;
  bool trust_first_use = false;
  bool replace = false;
  int stall_s = 30;
  int retries = 4;
  int pause_ms = 1000;
};

std::string size_of(const IndexEntry& entry) {
  return entry.size ? in_megabytes(*entry.size) : "at most " + in_megabytes(entry.at_most);
}

int list(const std::vector<IndexEntry>& entries) {
  for (const IndexEntry& entry : entries) {
    std::cout << std::left << std::setw(32) << entry.name << entry.description << '\n'
              << std::setw(32) << "" << size_of(entry) << ", " << entry.licence
              << (entry.convert.empty() ? "" : "; weights, to be converted")
              << (entry.sha256.empty() ? "; checksum not known" : "") << '\n';
  }
  return 0;
}

/// A text as one word of a shell.
std::string shell_word(const std::string& text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + '\'';
}

std::string with_word(std::string text, const std::string& place, const std::string& word) {
  for (std::size_t at = 0; (at = text.find(place, at)) != std::string::npos; at += word.size()) {
    text.replace(at, place.size(), word);
  }
  return text;
}

Task task_of(const IndexEntry& entry) {
  if (entry.table == "depth") return Task::depth;
  return entry.table == "joint" ? Task::joint : Task::detect;
}

/// One entry of the index, from the question of its licence to the set it becomes.
class Fetch {
 public:
  Fetch(const FetchArguments& arguments, const IndexEntry& entry)
      : arguments_(arguments),
        entry_(entry),
        folder_(target_folder(arguments.to)),
        file_(folder_ / entry.file),
        remembered_(folder_ / (entry.file + ".sha256")),
        expected_(entry.sha256) {
    options_.folder = folder_;
    options_.directories = model_directories();
    options_.replace = arguments.replace;
    options_.stopped = [] { return StopSignals::received() != 0; };
  }

  int run() {
    // What can be refused is refused before anything is fetched.
    if (!arguments_.with.empty()) find_partner();
    if (is_set_here()) {
      std::cout << set_name() << ": is here already, " << manifest().string() << '\n';
      return 0;
    }
    if (makes_set()) check_new_name(set_name(), options_);
    introduce();
    accept_licence();
    settle_trust();
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) {
      throw Error(ExitCode::output,
                  "the folder " + in_quotes(folder_) + " cannot be made: " + error.message());
    }
    const StopSignals signals;
    if (!is_file_here() && !get()) return 128 + StopSignals::received();
    if (!entry_.convert.empty()) return tell_conversion();
    if (!makes_set()) return tell_pair();
    return store();
  }

 private:
  [[nodiscard]] bool makes_set() const {
    return entry_.convert.empty() && (entry_.table != "depth" || partner_);
  }

  [[nodiscard]] std::string set_name() const {
    if (!arguments_.name.empty()) return arguments_.name;
    return partner_ ? arguments_.with + '-' + entry_.name : entry_.name;
  }

  [[nodiscard]] fs::path manifest() const { return folder_ / (set_name() + ".toml"); }

  void find_partner() {
    if (entry_.table != "depth" && entry_.table != "detector") {
      throw Error(ExitCode::usage, "--with: '" + entry_.name + "' is no half of a pair");
    }
    partner_ = std::make_unique<Partner>(
        partner_in(arguments_.with, entry_.table == "depth" ? Task::detect : Task::depth));
  }

  [[nodiscard]] bool is_set_here() const {
    if (arguments_.replace || !makes_set() || !fs::is_regular_file(manifest())) return false;
    const ModelSet set = load_model_set(manifest().string(), options_.directories);
    for (const NetworkManifest& network : set.networks) {
      if (network.file == file_ && (expected_.empty() || network.sha256 == expected_)) return true;
    }
    return false;
  }

  void introduce() const {
    std::cerr << entry_.name << ": " << entry_.description << '\n'
              << "  from     " << entry_.url << " (" << size_of(entry_) << ")\n"
              << "  maker    " << entry_.source << '\n'
              << "  licence  " << entry_.licence << ", " << entry_.licence_url << '\n';
    if (!entry_.licence_note.empty()) std::cerr << "           " << entry_.licence_note << '\n';
  }

  void accept_licence() const {
    if (arguments_.accept_licence) return;
    if (somebody_there()) {
      if (agree("Do you accept the licence " + entry_.licence + "? (yes or no)")) return;
      throw Error(ExitCode::usage, "the licence was not accepted; nothing was fetched");
    }
    throw Error(ExitCode::usage, "'" + entry_.name + "' is under " + entry_.licence + " (" +
                                     entry_.licence_url +
                                     "): --accept-licence says that you accept it");
  }

  /// Without the maker's checksum, what came first on this machine is what is expected.
  void settle_trust() {
    if (!expected_.empty()) return;
    std::ifstream stream(remembered_);
    if (stream >> expected_) {
      std::cerr
          << "the maker's checksum is not known to us; expected is the one of the first time, "
          << remembered_.string() << '\n';
      return;
    }
    expected_.clear();
    if (arguments_.trust_first_use) return;
    throw Error(ExitCode::usage,
                "the maker's checksum of '" + entry_.name +
                    "' is not known to us: --trust-first-use takes what comes, and "
                    "remembers its SHA-256");
  }

  /// The file itself, from an earlier time.
  [[nodiscard]] bool is_file_here() const {
    if (!fs::exists(file_)) return false;
    const std::string digest = sha256_of(file_);
    if (digest == expected_) {
      std::cout << file_.string() << ": is here already\n";
      return true;
    }
    if (arguments_.replace) return false;
    throw Error(ExitCode::model, in_quotes(file_) + " is here already and its SHA-256 is " +
                                     digest +
                                     (expected_.empty() ? "" : ", expected is " + expected_) +
                                     "; --replace fetches it again");
  }

  /// False when stopped.
  [[nodiscard]] bool get() const {
    ByteProgress progress(std::cerr, terminal_columns(STDERR_FILENO));
    DownloadRequest request;
    request.url = entry_.url;
    request.target = file_;
    request.size = entry_.size;
    request.at_most = entry_.at_most;
    request.sha256 = expected_;
    request.limits.stall = std::chrono::seconds(arguments_.stall_s);
    request.limits.retries = arguments_.retries;
    request.limits.pause = std::chrono::milliseconds(arguments_.pause_ms);
    request.stopped = options_.stopped;
    request.progress = [&](std::uint64_t done, std::optional<std::uint64_t> total) {
      progress.update(done, total, std::chrono::steady_clock::now().time_since_epoch().count());
    };
    const Downloaded result = download(request);
    if (!result.whole) {
      std::cerr << "\nlazarillo: stopped; " << result.bytes << " bytes are in '" << file_.string()
                << ".part', the same command goes on from there\n";
      return false;
    }
    const std::string continued =
        result.continued > 0 ? " (went on from " + std::to_string(result.continued) + " bytes)"
                             : "";
    std::cout << file_.string() << ": " << result.bytes << " bytes" << continued << ", SHA-256 "
              << result.sha256 << (expected_.empty() ? "" : " as expected") << '\n';
    if (entry_.sha256.empty()) {
      write_durably(remembered_, result.sha256 + "  " + entry_.file + '\n');
      std::cout << "the maker's checksum is not known to us: this one is remembered in "
                << remembered_.string() << '\n';
    }
    return true;
  }

  [[nodiscard]] int tell_conversion() const {
    std::string arguments = with_word(entry_.convert, "{file}", shell_word(file_.string()));
    arguments = with_word(arguments, "{folder}", shell_word(folder_.string()));
    std::cout
        << "these are weights, no network yet; in the project's folder this makes one of them "
           "(tools/export/README.md):\n"
        << ".venv-bench/bin/python tools/export/export.py " << arguments << '\n';
    return 0;
  }

  [[nodiscard]] int tell_pair() const {
    std::cout
        << "a depth network alone is no set; with the detector of a set it makes one: lazarillo "
           "models fetch "
        << entry_.name << " --with SET\n";
    return 0;
  }

  [[nodiscard]] int store() const {
    NewSet set;
    set.about.name = set_name();
    set.about.description = entry_.description;
    set.about.licence = entry_.licence;
    set.comment =
        "Written by `lazarillo models fetch`, from " + entry_.url + '\n' +
        (entry_.sha256.empty()
             ? "The maker's checksum was not known: the SHA-256 is that of the first fetch."
             : "The SHA-256 is the one the index states.");
    NewNetwork network;
    network.network.task = task_of(entry_);
    network.network.file = file_;
    network.network.sha256 = expected_.empty() ? sha256_of(file_) : expected_;
    network.lines = entry_.lines;
    set.networks = {network};
    if (partner_) {
      const bool depth = network.network.task == Task::depth;
      set.networks.insert(depth ? set.networks.begin() : set.networks.end(),
                          NewNetwork{partner_->network, false, {}, {}});
      set.about.description += ", with the networks of " + arguments_.with;
      set.about.licence = joined_licences(partner_->licence, entry_.licence);
    }
    const fs::path written = store_set(set, options_);
    if (written.empty()) return 128 + StopSignals::received();
    std::cout << set.about.name << ": good, " << written.string() << '\n';
    tell_how_to_use(set.about.name, written);
    return 0;
  }

  const FetchArguments& arguments_;
  const IndexEntry& entry_;
  fs::path folder_;
  fs::path file_;
  fs::path remembered_;   ///< the digest of a first fetch, as sha256sum reads it
  std::string expected_;  ///< digest; empty: the first fetch of a file without one
  std::unique_ptr<Partner> partner_;
  StoreOptions options_;
};

int fetch(const FetchArguments& arguments) {
  const std::vector<IndexEntry> entries =
      arguments.index.empty() ? read_indexes(model_directories()) : read_index(arguments.index);
  if (arguments.list || arguments.entry.empty()) return list(entries);
  return Fetch(arguments, find_entry(entries, arguments.entry)).run();
}

}  // namespace

void add_models_fetch(CLI::App& models, int& exit_code) {
  auto arguments = std::make_shared<FetchArguments>();
  FetchArguments& a = *arguments;
  CLI::App* command = models.add_subcommand(
      "fetch", "Fetch a network or weights that others publish (needs a connection)");
  command->add_option("NAME", a.entry, "Which; without it the known ones are listed");
  command->add_flag("--list", a.list, "List the known ones");
  command->add_flag("--accept-licence", a.accept_licence, "You accept its licence: do not ask");
  command->add_flag("--trust-first-use", a.trust_first_use,
                    "Take a file whose maker's checksum is not known, and remember its SHA-256");
  command->add_option("--with", a.with,
                      "The set whose detector (for a depth network) or depth (for a detector) goes "
                      "with it");
  command->add_option("--name", a.name, "Name of the set (default: the entry's)");
  command->add_option("--to", a.to, "Folder (default: your own model directory)");
  command->add_option("--index", a.index,
                      "Index file (default: index.toml of every model directory)");
  command->add_flag("--replace", a.replace, "Fetch again what is here, replace a set of this name");
  command->add_option("--stall", a.stall_s, "Seconds without data after which it tries again")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command->add_option("--retries", a.retries, "How often it tries again after a cut or a fault")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  command->add_option("--retry-pause-ms", a.pause_ms, "Pause before the first retry; doubles")
      ->check(CLI::Range(0, 60000))
      ->group("");  // for tests
  command->callback([arguments, &exit_code] { exit_code = fetch(*arguments); });
}

}  // namespace lazarillo
