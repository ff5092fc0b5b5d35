#include "fetch/model_index.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

#include "error.h"
#include "lower_case.h"
#include "fetch/durable.h"
#include "nearest.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kLargestFile = 4'000'000'000;  // bytes: more is a typing error

/// One entry's table; every complaint names the file, the entry and the key.
class Entry {
 public:
  Entry(const toml::table& table, const fs::path& file, const std::string& name)
      : table_(table), file_(file), name_(name) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ExitCode::model, in_quotes(file_) + ": [" + name_ + "] " + what);
  }

  void allow_only(const std::vector<std::string>& known) const {
    for (const auto& [key, value] : table_) {
      const std::string word(key.str());
      if (std::find(known.begin(), known.end(), word) != known.end()) continue;
      fail("there is no key '" + word + "' here; the nearest is '" + nearest(word, known) + "'");
    }
  }

  [[nodiscard]] bool has(const std::string& key) const { return table_.contains(key); }

  [[nodiscard]] std::string text(const std::string& key) const {
    const auto value = table_[key].value_exact<std::string>();
    if (!value || value->empty() || value->find('\n') != std::string::npos) {
      fail("'" + key + (has(key) ? "' must be a text of one line" : "' is missing"));
    }
    return *value;
  }
  [[nodiscard]] std::string text_or_none(const std::string& key) const {
    return has(key) ? text(key) : std::string();
  }

  [[nodiscard]] std::string address(const std::string& key) const {
    std::string url = text(key);
    if (!url.starts_with("https://") && !url.starts_with("http://")) {
      fail("'" + key + "' must be an http or https address");
    }
    return url;
  }

  [[nodiscard]] std::optional<std::uint64_t> bytes(const std::string& key) const {
    if (!has(key)) return std::nullopt;
    const auto value = table_[key].value_exact<std::int64_t>();
    if (!value || *value < 1 || *value > kLargestFile) {
      fail("'" + key + "' must be a number of bytes from 1 to " + std::to_string(kLargestFile));
    }
    return static_cast<std::uint64_t>(*value);
  }

  [[nodiscard]] std::string digest_or_none(const std::string& key) const {
    std::string digest = text_or_none(key);
    const auto hex = [](unsigned char c) { return std::isxdigit(c) != 0; };
    if (!digest.empty() &&
        (digest.size() != 64 || !std::all_of(digest.begin(), digest.end(), hex))) {
      fail("'" + key + "' must be 64 hexadecimal digits");
    }
    return lower_case(digest);
  }

  /// The lines of a table of a manifest. Its keys are the manifest reader's matter.
  [[nodiscard]] std::string lines(const std::string& key) const {
    const toml::table* inner = table_[key].as_table();
    if (inner == nullptr) fail("'" + key + "' must be a table");
    for (const char* ours : {"file", "sha256"}) {
      if (inner->contains(ours))
        fail("'" + key + "' must not have '" + ours + "': it is the entry's");
    }
    std::ostringstream out;
    for (const auto& [name, value] : *inner) {
      out << name.str() << " = ";
      // On one line, so that it may stand under any table.
      value.visit([&](const auto& v) {
        if constexpr (toml::is_table<decltype(v)>) {
          toml::table flat = v;
          flat.is_inline(true);
          out << flat;
        } else {
          out << v;
        }
      });
      out << '\n';
    }
    return out.str();
  }

 private:
  const toml::table& table_;
  const fs::path& file_;
  const std::string& name_;
};

IndexEntry read_entry(const toml::table& table, const fs::path& file, const std::string& name) {
  const Entry from(table, file, name);
  from.allow_only({"description", "url", "file", "size", "at_most", "sha256", "licence",
                   "licence_url", "licence_note", "source", "convert", "detector", "depth",
                   "joint"});
  IndexEntry entry;
  entry.name = name;
  entry.index = file;
  entry.description = from.text("description");
  entry.url = from.address("url");
  entry.file = from.text("file");
  if (fs::path(entry.file).filename() != entry.file || entry.file.starts_with('.')) {
    from.fail("'file' must be the name of a file, without a folder");
  }
  entry.size = from.bytes("size");
  if (!entry.size && !from.has("at_most")) from.fail("'size' or 'at_most' is missing");
  entry.at_most = entry.size ? *entry.size : *from.bytes("at_most");
  entry.sha256 = from.digest_or_none("sha256");
  entry.licence = from.text("licence");
  entry.licence_url = from.address("licence_url");
  entry.licence_note = from.text_or_none("licence_note");
  entry.source = from.address("source");
  for (const char* task : {"detector", "depth", "joint"}) {
    if (!from.has(task)) continue;
    if (!entry.table.empty())
      from.fail("[" + entry.table + "] and [" + task + "] exclude each other");
    entry.table = task;
    entry.lines = from.lines(task);
  }
  if (from.has("convert") != entry.table.empty()) {
    from.fail("it must have either 'convert' or one of the tables detector, depth, joint");
  }
  entry.convert = from.text_or_none("convert");
  return entry;
}

}  // namespace

std::vector<IndexEntry> read_index(const fs::path& file) {
  toml::table all;
  try {
    all = toml::parse_file(file.string());
  } catch (const toml::parse_error& e) {
    const bool there = fs::is_regular_file(file);
    throw Error(ExitCode::model, there ? in_quotes(file) + ": line " +
                                             std::to_string(e.source().begin.line) + ": " +
                                             std::string(e.description())
                                       : "there is no index " + in_quotes(file));
  }
  std::vector<IndexEntry> entries;
  for (const auto& [key, value] : all) {
    const std::string name(key.str());
    if (!value.is_table()) {
      throw Error(ExitCode::model, in_quotes(file) + ": '" + name + "' must be a table");
    }
    entries.push_back(read_entry(*value.as_table(), file, name));
  }
  return entries;
}

std::vector<IndexEntry> read_indexes(const std::vector<fs::path>& directories) {
  std::map<std::string, IndexEntry> known;
  for (const fs::path& directory : directories) {
    const fs::path file = directory / "index.toml";
    if (!fs::is_regular_file(file)) continue;
    for (IndexEntry& entry : read_index(file)) known.emplace(entry.name, std::move(entry));
  }
  std::vector<IndexEntry> entries;
  entries.reserve(known.size());
  for (auto& each : known) entries.push_back(std::move(each.second));
  return entries;
}

const IndexEntry& find_entry(const std::vector<IndexEntry>& entries, const std::string& name) {
  std::vector<std::string> names;
  std::string all;
  for (const IndexEntry& entry : entries) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
    all += (all.empty() ? "" : ", ") + entry.name;
  }
  throw Error(ExitCode::model, "the index has no '" + name + "'" +
                                   (names.empty() ? "; it is empty"
                                                  : "; the nearest is '" + nearest(name, names) +
                                                        "' (known: " + all + ")"));
}

}  // namespace lazarillo
