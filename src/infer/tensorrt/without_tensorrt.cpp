#include "error.h"
#include "infer/tensorrt/tensorrt.h"

// What tensorrt/ is where TensorRT's headers or CUDA were not found.

namespace lazarillo {
namespace {

[[noreturn]] void refuse() {
  throw Error(ExitCode::model,
              "this lazarillo was built without TensorRT: build it with -DLZ_TENSORRT_ROOT=... "
              "(docs/nvidia.md), or use see.engine = \"openvino\"");
}

}  // namespace

std::string tensorrt_version() { return {}; }

PlanKey plan_key(const std::filesystem::path& /*network*/, const PlanOptions& /*options*/) {
  refuse();
}

std::string build_plan(const std::filesystem::path& /*network*/, const PlanOptions& /*options*/,
                       const std::filesystem::path& /*scratch*/) {
  refuse();
}

std::unique_ptr<Engine> make_tensorrt_engine(const std::filesystem::path& /*plan*/, int /*batch*/) {
  refuse();
}

}  // namespace lazarillo
