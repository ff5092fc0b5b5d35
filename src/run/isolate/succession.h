#pragma once

#include <cstdint>
#include <optional>

#include "guide/guide.h"

namespace lazarillo {

/// What a run that goes on after its supervisor died must know of the one before.
struct Succession {
  std::int64_t origin_ns = 0;    ///< steady-clock moment of stream time 0
  int last_track = 0;            ///< highest id given to an object
  std::int64_t last_frame = -1;  ///< sequence of the newest frame given out
  int generation = 0;            ///< supervisors before this one
  std::optional<Manner> manner;  ///< what commands had set
};

/// How often a run may go on without its supervisor before it is given up.
inline constexpr int kMostGenerations = 5;

/// Starts the program anew, with the same command line, as the successor. For the last process of a
/// run, when nothing of it is at work any more. Does nothing where that cannot be done.
void start_successor(const Succession& succession);

/// What the process before left for this one; nullopt: it begins by itself. Clears it, so that
/// programs this one starts do not take it for theirs.
[[nodiscard]] std::optional<Succession> take_succession();

}  // namespace lazarillo
