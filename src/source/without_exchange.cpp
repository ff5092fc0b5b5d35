#include "error.h"
#include "source/device_exchange.h"

// What device_exchange.cpp is where CUDA was not found: no picture lies on a card there.

namespace lazarillo {

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
