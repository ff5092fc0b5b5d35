#pragma once

#include "control/command_inputs.h"
#include "run/pipeline.h"

namespace lazarillo {

/// The main job in four processes: capture, seeing, guiding with sound, showing. Each works with
/// the same stages as in one process (run/parts.h); values travel through rings in shared memory
/// (docs/ring.md). What dies is started again; the walker hears "vision lost" and "vision back".
/// Only live.
///
/// Call from a process that has no other thread yet: it forks. SIGINT and SIGTERM end the run in
/// order, a second one at once. Throws Error when it cannot be set up.
/// `inputs` (null: none) give the walker's commands; the processes forked let go of them.
[[nodiscard]] RunResult run_isolated(const RunOptions& options, int& signal_received,
                                     CommandInputs* inputs = nullptr);

}  // namespace lazarillo
