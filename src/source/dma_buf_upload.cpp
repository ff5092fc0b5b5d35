#include "source/dma_buf_upload.h"

#include <sys/stat.h>

#include <map>
#include <utility>

#include "error.h"
#include "gpu/device.h"
#include "gpu/imported_buffer.h"
#include "gpu/memory.h"
#include "source/device_places.h"

namespace lazarillo {
namespace {

/// More buffers than any camera has at a time: a camera that changed its mode left some behind.
constexpr std::size_t kMostBuffers = 64;

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
  DevicePlaces places;
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
  const Nv12Place place = s.places.take(picture.width, picture.height);
  const auto copy = [&](std::uint8_t* to, std::size_t at, int from_pitch, std::size_t bytes,
                        std::size_t rows) {
    gpu::check(
        cudaMemcpy2DAsync(to, place.pitch, static_cast<const std::uint8_t*>(buffer.data()) + at,
                          static_cast<std::size_t>(from_pitch), bytes, rows, cudaMemcpyDefault,
                          s.stream.get()),
        "fetching a camera's picture");
    if (buffer.over_the_bus()) gpu::note_traffic({bytes * rows, 0});
  };
  copy(place.luma, picture.luma, picture.luma_pitch, width, height);
  if (picture.chroma_pitch > 0) {
    copy(place.chroma, picture.chroma, picture.chroma_pitch, row, half_rows);
  } else {
    gpu::check(cudaMemsetAsync(place.chroma, 128, place.pitch * half_rows, s.stream.get()),
               "greying");
  }
  gpu::check(cudaEventRecord(s.arrived.get(), s.stream.get()), "fetching a camera's picture");
  gpu::check(cudaEventSynchronize(s.arrived.get()), "fetching a camera's picture");
  return std::make_shared<const DevicePicture>(place.picture(picture.bt709, picture.full_range));
}

}  // namespace lazarillo
