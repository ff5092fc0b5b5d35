#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "guide/cue.h"
#include "track/object_catalog.h"

namespace lazarillo {

// An annotated sequence as docs/evaluation.md describes it: NAME.hazards.json beside its video.

/// Seconds of a stream: from, to.
struct Span {
  double from_s = 0;
  double to_s = 0;
};

/// Something that a walker must be told of.
struct Hazard {
  CueKind kind = CueKind::obstacle;  ///< obstacle to stairs_up, object or approaching
  std::string label;                 ///< canonical; of object and approaching, else it may be empty
  std::optional<Side> side;
  double from_s = 0;     ///< a cue from here on is about it
  double tell_by_s = 0;  ///< at the latest, to be of use
  double end_s = 0;      ///< contact, or it is gone: nothing is about it any more
};

struct AnnotatedSequence {
  std::string name;
  std::filesystem::path video;
  std::optional<double> hfov_deg;  ///< of its camera
  std::vector<Hazard> hazards;
  /// Here nothing is in the way. Without overlap, in order; no hazard reaches into them.
  std::vector<Span> quiet;
  std::vector<CueKind> never;    ///< of the path: there is none in the whole sequence
  bool quiet_elsewhere = false;  ///< so it is wherever no hazard is; `quiet` is empty then
};

/// The sequences of a folder, by name. Throws Error(source): no such folder, nothing annotated in
/// it, a file that is not as it should be.
[[nodiscard]] std::vector<AnnotatedSequence> read_sequences(const std::filesystem::path& folder,
                                                            const ObjectCatalog& catalog);

}  // namespace lazarillo
