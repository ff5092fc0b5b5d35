#include "error.h"
#include "gpu/device.h"
#include "source/device_exchange.h"
#include "source/device_picture.h"
#include "source/dma_buf_upload.h"

// What pictures in the card's memory are where no CUDA compiler was found: there are none.

namespace lazarillo {

Frame in_host_memory(const Frame& frame) { return frame; }

struct DmaBufUpload::Impl {};

DmaBufUpload::DmaBufUpload() { (void)gpu_info(); }

DmaBufUpload::~DmaBufUpload() = default;

std::shared_ptr<const DevicePicture> DmaBufUpload::bring(const DmaBufPicture& /*picture*/) {
  return nullptr;
}

struct DevicePictureExporter::Impl {};
DevicePictureExporter::DevicePictureExporter(std::size_t /*places*/, int /*width*/,
                                             int /*height*/) {}
DevicePictureExporter::~DevicePictureExporter() = default;

bool DevicePictureExporter::fits(const Frame& /*frame*/) const { return false; }

SharedPicture DevicePictureExporter::copy(const Frame& /*frame*/, std::size_t /*place*/) {
  throw Error(ExitCode::source, "this lazarillo was built without CUDA (docs/nvidia.md)");
}

std::shared_ptr<const DevicePicture> import_picture(const SharedPicture& /*picture*/,
                                                    std::shared_ptr<const void> /*owner*/) {
  throw Error(ExitCode::source, "this lazarillo was built without CUDA (docs/nvidia.md)");
}

}  // namespace lazarillo
