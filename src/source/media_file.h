#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

/// What can be told about a media file by looking at it, without decoding. Private to source/.
namespace lazarillo {

/// The file's name as it stands in messages: 'street.avi'.
[[nodiscard]] std::string quoted(const std::filesystem::path& file);

/// Throws Error(source) when there is no such file, it is empty, not readable or not a regular
/// file: what GStreamer would explain badly, or wait on for ever (a pipe, a device).
void check_readable(const std::filesystem::path& file);

/// Length that the header of an AVI file declares, ns, when the file is shorter than its header
/// says; nullopt for whole files and for other formats. GStreamer rebuilds the lost index of such a
/// file and takes what is left for the whole, so the cut would go unnoticed. (Format: Microsoft,
/// "AVI RIFF File Reference", AVIMAINHEADER.)
[[nodiscard]] std::optional<std::int64_t> length_of_cut_avi_ns(const std::filesystem::path& file);

}  // namespace lazarillo
