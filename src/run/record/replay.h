#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace lazarillo {

struct ReplayOptions {
  std::filesystem::path file;
  std::filesystem::path config_file;    ///< read over the recorded settings; empty: none
  std::vector<std::string> settings;    ///< "guide.critical_ttc_s=3", likewise
  std::filesystem::path out_directory;  ///< events.jsonl, config.toml, the calibration; empty: none
};

/// A cue as it stands in events.jsonl.
struct ToldCue {
  std::int64_t stream_ns = 0;
  std::string subject;  ///< whom it is about: its track or kind
  std::string text;
  std::string line;
};

/// A cue that is not as it was recorded.
struct CueChange {
  enum class Kind : std::uint8_t { added, gone, changed };
  Kind kind = Kind::changed;
  ToldCue recorded;  ///< of `gone` and `changed`
  ToldCue replayed;  ///< of `added` and `changed`
};

/// What differs, in order of time. Equal lines belong together; then those about the same within
/// two seconds, which are `changed`.
[[nodiscard]] std::vector<CueChange> compared(const std::vector<ToldCue>& recorded,
                                              const std::vector<ToldCue>& replayed);

struct ReplayResult {
  std::uint64_t frames = 0;
  double stream_s = 0;
  std::size_t recorded_cues = 0;
  std::size_t replayed_cues = 0;
  std::vector<CueChange> changes;
  /// Why the recording is not all that happened, one line each: it ends early, something was left
  /// out of it, the programs differ.
  std::vector<std::string> notes;
  bool same_settings = true;  ///< those of the recording
};

/// Gives a guide once more what it was given in a recording, with its clock, as fast as that goes:
/// the same settings give the same cues, byte for byte. Needs neither networks nor pictures. Throws
/// Error(source): not a recording, of another format, or damaged; Error(usage) as read_config;
/// Error(output).
[[nodiscard]] ReplayResult replay(const ReplayOptions& options);

}  // namespace lazarillo
