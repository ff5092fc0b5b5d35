#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "gpu/memory.h"
#include "source/device_picture.h"

namespace lazarillo {

/// A place in the card's memory for one picture in NV12, not initialised.
struct Nv12Place {
  std::uint8_t* luma = nullptr;
  std::uint8_t* chroma = nullptr;
  std::size_t pitch = 0;              ///< bytes from row to row, of both planes
  std::shared_ptr<const void> owner;  ///< the place comes round when the last holder lets go

  [[nodiscard]] DevicePicture picture(bool bt709, bool full_range) const {
    DevicePicture made;
    made.luma = luma;
    made.chroma = chroma;
    made.luma_pitch = made.chroma_pitch = static_cast<int>(pitch);
    made.bt709 = bt709;
    made.full_range = full_range;
    made.owner = owner;
    return made;
  }
};

/// Places for pictures, which come round in turn: nothing is allocated once there are as many as
/// are held at a time. Private to source/; thread-safe.
class DevicePlaces {
 public:
  /// Throws Error(model) when the card is full.
  [[nodiscard]] Nv12Place take(int width, int height) {
    const auto rows = static_cast<std::size_t>(height);
    // Rows begin where the kernels load widest.
    const std::size_t pitch = (static_cast<std::size_t>(width) + 255) / 256 * 256;
    auto memory = std::make_unique<gpu::DeviceBuffer>(free_->take(pitch * (rows + (rows + 1) / 2)));
    Nv12Place place;
    place.luma = memory->as<std::uint8_t>();
    place.chroma = place.luma + pitch * rows;
    place.pitch = pitch;
    place.owner =
        std::shared_ptr<const void>(memory.release(), [free = free_](gpu::DeviceBuffer* used) {
          const std::unique_ptr<gpu::DeviceBuffer> owner(used);
          free->give_back(std::move(*owner));
        });
    return place;
  }

 private:
  class Free {
   public:
    gpu::DeviceBuffer take(std::size_t bytes) {
      {
        const std::lock_guard lock(mutex_);
        while (!buffers_.empty()) {
          gpu::DeviceBuffer buffer = std::move(buffers_.back());
          buffers_.pop_back();
          if (buffer.bytes() == bytes) return buffer;  // others: of pictures of another size
        }
      }
      return gpu::DeviceBuffer(bytes);
    }
    void give_back(gpu::DeviceBuffer buffer) {
      const std::lock_guard lock(mutex_);
      buffers_.push_back(std::move(buffer));
    }

   private:
    std::mutex mutex_;
    std::vector<gpu::DeviceBuffer> buffers_;
  };

  std::shared_ptr<Free> free_ = std::make_shared<Free>();
};

}  // namespace lazarillo
