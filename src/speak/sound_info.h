#pragma once

#include <string>
#include <vector>

namespace lazarillo {

/// What this machine can make heard, for `lazarillo doctor`.
struct SoundReport {
  std::string playback_device;  ///< empty: none can be opened
  bool hrtf = false;
  bool espeak = false;
  std::vector<std::string> voices;  ///< of those the languages here ask for
};
[[nodiscard]] SoundReport sound_report(const std::vector<std::string>& voices);

/// Whether a sound card can be opened.
[[nodiscard]] bool has_playback_device();

}  // namespace lazarillo
