#pragma once

#include <string>

#include "infer/model_set.h"

namespace lazarillo {

/// Texts of a manifest (docs/models.md): the lines before the first table, and one table. What they
/// say is what read_manifest() makes of them again.
[[nodiscard]] std::string manifest_head(const ModelSet& set, const std::string& comment);

/// `file`: how the manifest names the network; its digests are the ones in `network`. Every value
/// is written out, defaults too: they may change.
[[nodiscard]] std::string manifest_table(const NetworkManifest& network, const std::string& file);

/// The words of the manifest.
[[nodiscard]] std::string table_name(Task task);
[[nodiscard]] std::string contract_name(const NetworkManifest& network);

/// A text in quotes, as TOML wants it.
[[nodiscard]] std::string toml_text(const std::string& text);

}  // namespace lazarillo
