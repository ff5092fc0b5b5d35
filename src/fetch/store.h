#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "infer/model_set.h"

namespace lazarillo {

/// One network of a set that is to be stored.
struct NewNetwork {
  NetworkManifest network;  ///< `file`: where it lies now
  /// Copied into the folder under the set's name, with its .bin and its card; otherwise the
  /// manifest names it where it is.
  bool copy = false;
  std::filesystem::path card;  ///< of a joint network that has one; it then says everything else
  std::string lines;           ///< of its table, instead of what `network` says beside the file
};

struct NewSet {
  ModelSet about;  ///< name, description, licence; its networks are not looked at
  std::vector<NewNetwork> networks;
  std::string comment;  ///< the manifest's first lines
};

struct StoreOptions {
  std::filesystem::path folder;                    ///< made when missing
  std::vector<std::filesystem::path> directories;  ///< the model directories
  bool replace = false;                            ///< a set of this name may be there already
  std::function<bool()> stopped;                   ///< true ends it; may be empty
};

/// Puts a set into a folder: copies its networks, writes its manifest with the digests of what was
/// copied, and runs the golden check on that, all in a hidden folder beside; only then the files
/// get their names, the manifest last, so that a run sees the old set or the new one. Leaves
/// nothing when it throws, and what a killed one left it removes. Returns the manifest; an empty
/// path when stopped. Throws Error: model, vision (golden_check), output, usage for the name.
[[nodiscard]] std::filesystem::path store_set(const NewSet& set, const StoreOptions& options);

/// Throws Error(usage) for a name that no set can have, Error(model) when there is one already.
void check_new_name(const std::string& name, const StoreOptions& options);

}  // namespace lazarillo
