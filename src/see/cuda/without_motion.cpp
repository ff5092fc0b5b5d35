#include "error.h"
#include "see/card_motion.h"

// What stands in for card_motion.cpp where CUDA was not found.

namespace lazarillo {

std::unique_ptr<CardMotion> make_card_motion() {
  throw Error(ExitCode::model, "this lazarillo was built without CUDA (docs/nvidia.md)");
}

}  // namespace lazarillo
