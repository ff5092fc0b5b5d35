#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lazarillo {

/// A file that others publish, as an index file (index.toml, docs/models.md) describes it.
struct IndexEntry {
  std::string name;
  std::string description;
  std::string url;
  std::string file;                   ///< the name it gets; no folder in it
  std::optional<std::uint64_t> size;  ///< bytes; the maker's, or not known
  std::uint64_t at_most = 0;          ///< bytes; `size` where that is known
  std::string sha256;                 ///< lower case; empty: not known
  std::string licence;
  std::string licence_url;
  std::string licence_note;  ///< what the licence asks, in plain words; may be empty
  std::string source;        ///< the maker's page
  std::filesystem::path index;

  /// For weights: the arguments of tools/export/export.py, "{file}" and "{folder}" in them.
  std::string convert;
  /// For a network: which table of a manifest it is ("detector", "depth" or "joint"), and that
  /// table's lines, without `file` and `sha256`.
  std::string table;
  std::string lines;
};

/// Reads one index file. Throws Error(model) with the entry and key that are wrong.
[[nodiscard]] std::vector<IndexEntry> read_index(const std::filesystem::path& file);

/// The entries of the index.toml of each directory that has one, by name; of the same name the
/// first directory's. Throws as read_index().
[[nodiscard]] std::vector<IndexEntry> read_indexes(
    const std::vector<std::filesystem::path>& directories);

/// Throws Error(model) for an unknown name, with the nearest and all known ones.
[[nodiscard]] const IndexEntry& find_entry(const std::vector<IndexEntry>& entries,
                                           const std::string& name);

}  // namespace lazarillo
