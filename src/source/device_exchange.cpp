#include "source/device_exchange.h"

#include <cuda_runtime_api.h>

#include <cstring>
#include <mutex>
#include <string>
#include <utility>

#include "error.h"
#include "gpu/memory.h"

namespace lazarillo {
namespace {

static_assert(sizeof(cudaIpcMemHandle_t) == sizeof(SharedPicture::memory));

void check_sharing(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // else the next call would report it
  throw Error(ExitCode::source, std::string("the NVIDIA card cannot ") + doing +
                                    " another process (" + cudaGetErrorString(error) +
                                    "): leave out --isolate");
}

/// Another process's memory, as this one sees it.
class Mapping {
 public:
  explicit Mapping(const std::array<std::byte, 64>& memory) : memory_(memory) {
    cudaIpcMemHandle_t handle;
    std::memcpy(&handle, memory.data(), sizeof handle);
    check_sharing(cudaIpcOpenMemHandle(&base_, handle, cudaIpcMemLazyEnablePeerAccess),
                  "read pictures of");
  }
  ~Mapping() { cudaIpcCloseMemHandle(base_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] bool is(const std::array<std::byte, 64>& memory) const { return memory == memory_; }
  [[nodiscard]] const std::uint8_t* at(std::uint64_t offset) const {
    return static_cast<const std::uint8_t*>(base_) + offset;
  }

 private:
  std::array<std::byte, 64> memory_;
  void* base_ = nullptr;
};

/// The mapping of the exporter heard of last; an earlier one's ends with its last picture.
std::shared_ptr<const Mapping> mapping_of(const std::array<std::byte, 64>& memory) {
  static std::mutex& mutex = *new std::mutex;
  static std::shared_ptr<const Mapping>& last = *new std::shared_ptr<const Mapping>;
  const std::lock_guard lock(mutex);
  if (!last || !last->is(memory)) last = std::make_shared<const Mapping>(memory);
  return last;
}

}  // namespace

struct DevicePictureExporter::Impl {
  int width, height;
  std::size_t pitch, picture_bytes;
  gpu::DeviceBuffer memory;
  gpu::Stream stream;
  cudaIpcMemHandle_t handle{};
};

DevicePictureExporter::DevicePictureExporter(std::size_t places, int width, int height)
    : impl_(std::make_unique<Impl>()) {
  impl_->width = width;
  impl_->height = height;
  impl_->pitch = (static_cast<std::size_t>(width) + 255) / 256 * 256;
  impl_->picture_bytes = impl_->pitch * (static_cast<std::size_t>(height) +
                                         (static_cast<std::size_t>(height) + 1) / 2);
  impl_->memory = gpu::DeviceBuffer(places * impl_->picture_bytes);
  impl_->stream = gpu::make_stream(true);
  check_sharing(cudaIpcGetMemHandle(&impl_->handle, impl_->memory.data()), "share pictures with");
}

DevicePictureExporter::~DevicePictureExporter() = default;

bool DevicePictureExporter::fits(const Frame& frame) const {
  return frame.width <= impl_->width && frame.height <= impl_->height;
}

SharedPicture DevicePictureExporter::copy(const Frame& frame, std::size_t place) {
  Impl& s = *impl_;
  const DevicePicture& from = *frame.device;
  const auto width = static_cast<std::size_t>(frame.width);
  const auto height = static_cast<std::size_t>(frame.height);
  SharedPicture shared;
  std::memcpy(shared.memory.data(), &s.handle, sizeof s.handle);
  shared.offset = place * s.picture_bytes;
  shared.chroma_offset = shared.offset + s.pitch * height;
  shared.pitch = static_cast<std::uint32_t>(s.pitch);
  shared.bt709 = from.bt709 ? 1 : 0;
  shared.full_range = from.full_range ? 1 : 0;
  auto* base = s.memory.as<std::uint8_t>();
  const auto plane = [&](std::uint64_t offset, const std::uint8_t* data, int pitch,
                         std::size_t row, std::size_t rows) {
    gpu::check(cudaMemcpy2DAsync(base + offset, s.pitch, data, static_cast<std::size_t>(pitch),
                                 row, rows, cudaMemcpyDeviceToDevice, s.stream.get()),
               "sharing a picture");
  };
  plane(shared.offset, from.luma, from.luma_pitch, width, height);
  plane(shared.chroma_offset, from.chroma, from.chroma_pitch, (width + 1) / 2 * 2,
        (height + 1) / 2);
  gpu::check(cudaStreamSynchronize(s.stream.get()), "sharing a picture");
  return shared;
}

std::shared_ptr<const DevicePicture> import_picture(const SharedPicture& picture,
                                                    std::shared_ptr<const void> owner) {
  std::shared_ptr<const Mapping> mapping = mapping_of(picture.memory);
  auto device = std::make_shared<DevicePicture>();
  device->luma = mapping->at(picture.offset);
  device->chroma = mapping->at(picture.chroma_offset);
  device->luma_pitch = device->chroma_pitch = static_cast<int>(picture.pitch);
  device->bt709 = picture.bt709 != 0;
  device->full_range = picture.full_range != 0;
  device->owner = std::make_shared<std::pair<std::shared_ptr<const Mapping>,
                                             std::shared_ptr<const void>>>(std::move(mapping),
                                                                           std::move(owner));
  return device;
}

}  // namespace lazarillo
