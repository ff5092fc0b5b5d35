#include "source/dma_buf_upload.h"

#include <sys/stat.h>

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "error.h"
#include "gpu/device.h"
#include "gpu/imported_buffer.h"
#include "gpu/memory.h"

namespace lazarillo {
namespace {

/// More buffers than any camera has at a time: a camera that changed its mode left some behind.
constexpr std::size_t kMostBuffers = 64;

/// Places for pictures in the card's memory, which come round in turn.
class Places {
 public:
  gpu::DeviceBuffer take(std::size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      while (!free_.empty()) {
        gpu::DeviceBuffer place = std::move(free_.back());
        free_.pop_back();
        if (place.bytes() == bytes) return place;
      }
    }
    return gpu::DeviceBuffer(bytes);
  }
  void give_back(gpu::DeviceBuffer place) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(place));
  }

 private:
  std::mutex mutex_;
  std::vector<gpu::DeviceBuffer> free_;
};

}  // namespace

struct DmaBufUpload::Impl {
  /// A buffer is known by its inode: descriptors are used again, but an inode is not while its
  /// buffer is imported.
  const gpu::ImportedBuffer& imported(const DmaBufPicture& picture) {
    struct stat file {};
    if (fstat(picture.fd, &file) != 0) {
      throw Error(ExitCode::source, "the camera gave a buffer that is closed");
    }
    const std::pair<dev_t, ino_t> key{file.st_dev, file.st_ino};
    const auto known = buffers.find(key);
    if (known != buffers.end()) return known->second;
    if (buffers.size() >= kMostBuffers) buffers.clear();
    return buffers.try_emplace(key, picture.fd, picture.bytes).first->second;
  }

  gpu::Stream stream = gpu::make_stream(true);
  gpu::Event arrived = gpu::make_event();
  std::shared_ptr<Places> places = std::make_shared<Places>();
  std::map<std::pair<dev_t, ino_t>, gpu::ImportedBuffer> buffers;
};

DmaBufUpload::DmaBufUpload() {
  (void)gpu_info();
  impl_ = std::make_unique<Impl>();
}

DmaBufUpload::~DmaBufUpload() = default;

std::shared_ptr<const DevicePicture> DmaBufUpload::bring(const DmaBufPicture& picture) {
  Impl& s = *impl_;
  const gpu::ImportedBuffer& buffer = s.imported(picture);
  const auto width = static_cast<std::size_t>(picture.width);
  const auto height = static_cast<std::size_t>(picture.height);
  const std::size_t row = (width + 1) / 2 * 2;  // of chroma
  const std::size_t half_rows = (height + 1) / 2;
  const std::size_t pitch = (row + 255) / 256 * 256;  // rows begin where the kernels load widest
  gpu::DeviceBuffer place = s.places->take(pitch * (height + half_rows));
  auto* luma = place.as<std::uint8_t>();
  std::uint8_t* chroma = luma + pitch * height;
  const auto copy = [&](std::uint8_t* to, std::size_t at, int from_pitch, std::size_t bytes,
                        std::size_t rows) {
    gpu::check(cudaMemcpy2DAsync(to, pitch, static_cast<const std::uint8_t*>(buffer.data()) + at,
                                 static_cast<std::size_t>(from_pitch), bytes, rows,
                                 cudaMemcpyDefault, s.stream.get()),
               "fetching a camera's picture");
    if (buffer.over_the_bus()) gpu::note_traffic({bytes * rows, 0});
  };
  copy(luma, picture.luma, picture.luma_pitch, width, height);
  if (picture.chroma_pitch > 0) {
    copy(chroma, picture.chroma, picture.chroma_pitch, row, half_rows);
  } else {
    gpu::check(cudaMemsetAsync(chroma, 128, pitch * half_rows, s.stream.get()), "greying");
  }
  gpu::check(cudaEventRecord(s.arrived.get(), s.stream.get()), "fetching a camera's picture");
  gpu::check(cudaEventSynchronize(s.arrived.get()), "fetching a camera's picture");

  DevicePicture device;
  device.luma = luma;
  device.chroma = chroma;
  device.luma_pitch = device.chroma_pitch = static_cast<int>(pitch);
  device.bt709 = picture.bt709;
  device.full_range = picture.full_range;
  device.owner = std::shared_ptr<const void>(new gpu::DeviceBuffer(std::move(place)),
                                             [places = s.places](gpu::DeviceBuffer* used) {
                                               const std::unique_ptr<gpu::DeviceBuffer> owner(used);
                                               places->give_back(std::move(*owner));
                                             });
  return std::make_shared<const DevicePicture>(std::move(device));
}

}  // namespace lazarillo
