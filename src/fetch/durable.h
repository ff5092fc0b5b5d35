#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace lazarillo {

/// What was renamed in the folder is on the disk when this returns, as far as the disk tells.
void sync_folder(const std::filesystem::path& folder);

/// A new file with this text, on the disk when this returns. Throws Error(output).
void write_durably(const std::filesystem::path& file, const std::string& text);

/// A copy of a file, on the disk when this returns. Throws Error(output).
void copy_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// The name of a file in quotes, for messages.
[[nodiscard]] std::string in_quotes(const std::filesystem::path& file);

/// "5.6 MB", "840 bytes".
[[nodiscard]] std::string in_megabytes(std::uint64_t bytes);

/// Throws Error(output) when the folder's disk has not `needed` bytes free.
void check_space(const std::filesystem::path& folder, std::uint64_t needed);

}  // namespace lazarillo
