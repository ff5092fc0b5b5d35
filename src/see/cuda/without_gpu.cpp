#include "error.h"
#include "see/eyes.h"

// What stands in for gpu_eyes.cpp where CUDA or TensorRT was not found.

namespace lazarillo {

std::unique_ptr<Eyes> make_gpu_eyes(const ModelSet& /*models*/,
                                    const PerceptionOptions& /*options*/,
                                    GpuSchedule /*schedule*/) {
  throw Error(
      ExitCode::model,
      "see.engine is tensorrt, but this lazarillo was built without TensorRT: build it with "
      "-DLZ_TENSORRT_ROOT=... (docs/nvidia.md), or use see.engine = \"openvino\"");
}

}  // namespace lazarillo
