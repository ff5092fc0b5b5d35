#include "source/card.h"

#include <cuda_runtime_api.h>
// GStreamer does not promise yet that this part of it stays as it is.
#define GST_USE_UNSTABLE_API
#include <gst/cuda/gstcudacontext.h>
#include <gst/cuda/gstcudaloader.h>
#include <gst/cuda/gstcudautils.h>

#include "error.h"
#include "gpu/device.h"
#include "gpu/driver.h"
#include "gpu/memory.h"

namespace lazarillo {
namespace {

/// The driver's handle of the context that is current in this thread.
CUcontext current_context() {
  const auto get = gpu::driver_function<CUresult (*)(CUcontext*)>("cuCtxGetCurrent", 12000);
  CUcontext current = nullptr;
  if (get == nullptr || get(&current) != CUDA_SUCCESS || current == nullptr) {
    throw Error(ExitCode::source, "CUDA gives no context to decode in");
  }
  return current;
}

}  // namespace

namespace card {

GstContext* make_context() {
  (void)gpu_info();
  if (gst_cuda_load_library() == FALSE) {
    throw Error(ExitCode::source, "GStreamer does not find NVIDIA's driver (libcuda.so.1)");
  }
  // After its first call the runtime's context is the thread's own.
  gpu::check(cudaFree(nullptr), "starting");
  GstCudaContext* wrapped = gst_cuda_context_new_wrapped(current_context(), 0);
  if (wrapped == nullptr) {
    throw Error(ExitCode::source, "GStreamer does not take CUDA's context to decode in");
  }
  GstContext* context = gst_context_new_cuda_context(wrapped);
  gst_object_unref(wrapped);
  return context;
}

}  // namespace card

}  // namespace lazarillo
