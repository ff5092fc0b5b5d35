#pragma once

#include <string>

#include "run/isolate/shared_state.h"
#include "show/report.h"

namespace lazarillo {

/// Puts one process's numbers where the supervisor reads them.
void store_report(const Report& report, SharedState::Part& part);

/// Adds a process's numbers to those of the run: counts, stages and load are added up, and what one
/// part alone knows (frames, latency, ids) is taken over from it.

void merge_report(PartName part, const SharedState::Part& stored, Report& report);

}  // namespace lazarillo
