#pragma once

#include "ring/ring.h"
#include "run/isolate/shared_state.h"
#include "run/pipeline.h"

namespace lazarillo {

/// The rings of one run; each is made before the processes are, which inherit it.
struct Rings {
  Ring frames;      ///< capture -> see, guide, show
  Ring seen;        ///< see -> guide
  Ring scenes;      ///< guide -> show
  Ring foresights;  ///< guide -> see
  Ring sound;       ///< guide -> show
};

/// Makes the rings for the cameras that were found and a model set. Throws Error(output) with the
/// memory needed.
[[nodiscard]] Rings make_rings(const SharedState& state, const ModelSet& models);

/// Looks at the source: its cameras, the size of their pictures and the length of the stream, into
/// `state`. A process of its own runs this, so that none of the source's threads live in the one
/// that forks the others.
void probe_source(const RunOptions& options, SharedState& state);

/// How a process begins.
enum class Start {
  first,
  restarted,  ///< takes the place of one that died
  spare,      ///< see only: loads its networks and waits until it is called to take over
};

/// The life of one process: works until the stream ends or `state` says to stop. Throws Error when
/// it cannot be set up.
void run_part(PartName part, const RunOptions& options, const ModelSet& models, const Rings& rings,
              SharedState& state, Start start);

}  // namespace lazarillo
