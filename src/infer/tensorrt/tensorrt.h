#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "infer/engine.h"
#include "infer/plan_store.h"

namespace lazarillo {

/// "TensorRT 8.6.0"; empty: this program was built without. Where it was, the library of the same
/// major version must be there, else the program does not start.
[[nodiscard]] std::string tensorrt_version();

/// What a plan of this network for the card in this machine would be kept under. Throws
/// Error(model) when there is no card, or no TensorRT.
[[nodiscard]] PlanKey plan_key(const std::filesystem::path& network, const PlanOptions& options);

/// Compiles an ONNX network for the card in this machine: minutes. Its numbers are what the file
/// says: FP16 where the file is FP16 (tools/export makes one). Its first dimension, when open,
/// becomes 1 to options.most_batch. `scratch`: a folder for what the library measured of its own
/// kernels, so that the next build is faster. Throws Error(model).
[[nodiscard]] std::string build_plan(const std::filesystem::path& network,
                                     const PlanOptions& options,
                                     const std::filesystem::path& scratch);

/// A plan as an Engine: tensors in host memory are copied to the card and back, FP16 converted. To
/// check a plan with, and where speed does not matter. `batch`: pictures a call, up to the plan's
/// most. Throws Error(model): damaged, of another card or version.
[[nodiscard]] std::unique_ptr<Engine> make_tensorrt_engine(const std::filesystem::path& plan,
                                                           int batch = 1);

}  // namespace lazarillo
