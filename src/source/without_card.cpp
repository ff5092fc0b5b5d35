#include "error.h"
#include "source/card.h"

// What card.cpp is where CUDA, or GStreamer's library for it, was not found.

namespace lazarillo {

GstContext* card::make_context() {
  throw Error(ExitCode::source,
              "this lazarillo was built without decoding on NVIDIA cards (docs/nvidia.md): leave "
              "source.decoder = \"processor\"");
}

}  // namespace lazarillo
