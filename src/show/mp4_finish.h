#pragma once

#include <filesystem>

namespace lazarillo {

/// Rewrites a whole fragmented .mp4 (H.264, and AAC if there is sound) as an ordinary one with a
/// single index, which every player and editor can seek in; nothing is encoded anew. Works on a
/// copy beside the file and puts it in its place at the end. False when that was not possible, for
/// want of disk space for one, or when the file is over 1 GiB (it would be held in memory): it is then as
/// it was, and plays.
bool make_ordinary_mp4(const std::filesystem::path& file, bool sound);

}  // namespace lazarillo
