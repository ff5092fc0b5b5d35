#pragma once

#include <filesystem>
#include <string>

#include "infer/model_set.h"

namespace lazarillo {

/// The folder new sets go to: the one stated, else the user's own. Throws Error(usage) without one.
[[nodiscard]] std::filesystem::path target_folder(const std::string& stated);

/// The other half of a pair.
struct Partner {
  NetworkManifest network;
  std::string licence;  ///< of its set
};

/// The network of a set that does this task. Throws Error(model) when the set cannot be used,
/// Error(usage) when it has none.
[[nodiscard]] Partner partner_in(const std::string& set, Task task);

/// Both, or the one there is.
[[nodiscard]] std::string joined_licences(const std::string& one, const std::string& other);

/// One line: how the set is named to `run`.
void tell_how_to_use(const std::string& name, const std::filesystem::path& manifest);

}  // namespace lazarillo
