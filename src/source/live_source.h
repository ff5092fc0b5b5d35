#pragma once

#include <memory>

#include "source/live_address.h"
#include "source/source.h"

namespace lazarillo {

/// Opens a camera or a stream; the newest picture wins. Stream time is that of the pictures'
/// capture, from the first one on. Returns when that is there.
///
/// What is lost (unplugged, no network, nothing for 2 s) is looked for again, for ever: at once,
/// then after 0.2 s, 0.4 s, ... 5 s; next() waits meanwhile, and SourceOptions::tell says so. A
/// camera is looked for by its name, under which another may have come. Sequence numbers go on.
///
/// Over RTSP by UDP, more than one packet in a hundred lost is told, once.
///
/// Throws Error(source): not there within SourceOptions::wait_s, no picture within 10 s, refused;
/// Error(usage): options that only files have, or not live; Error(model): no card where one is
/// asked for.
[[nodiscard]] std::unique_ptr<Source> open_live_source(const LiveAddress& address,
                                                       const SourceOptions& options);

}  // namespace lazarillo
