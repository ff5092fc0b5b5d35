#pragma once

#include "see/cuda/device_code.cuh"

// What pixels become once their levels are known.

namespace lazarillo::gpu {

/// A network's input, as kernels write it.
template <typename T>
struct Target {
  explicit Target(const InputTensor& tensor)
      : values(static_cast<T*>(tensor.values)),
        width(tensor.width),
        height(tensor.height),
        rgb(tensor.rgb) {
    for (std::size_t c = 0; c < 3; ++c) {
      gain[c] = tensor.gain[c];
      offset[c] = tensor.offset[c];
      pad[c] = tensor.pad_level * tensor.gain[c] + tensor.offset[c];
    }
  }

  T* values;
  int width, height;
  bool rgb;
  float gain[3], offset[3];
  float pad[3];

  /// Where the first plane has a pixel.
  __device__ T* at(int picture, int x, int y) const {
    return values + 3 * plane() * static_cast<std::size_t>(picture) +
           static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
           static_cast<std::size_t>(x);
  }
  /// Levels of blue, green and red to the three planes.
  __device__ void put(T* at, const float (&level)[3]) const {
    at[0] = T((rgb ? level[2] : level[0]) * gain[0] + offset[0]);
    at[plane()] = T(level[1] * gain[1] + offset[1]);
    at[2 * plane()] = T((rgb ? level[0] : level[2]) * gain[2] + offset[2]);
  }
  __device__ void put_pad(T* at) const {
    for (int c = 0; c < 3; ++c) at[c * plane()] = T(pad[c]);
  }

 private:
  __device__ std::size_t plane() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
};

/// launch(Target<T>) with the type that the tensor's numbers have.
template <typename Launch>
void with_target(const InputTensor& tensor, const Launch& launch) {
  tensor.number == Number::f16 ? launch(Target<__half>(tensor)) : launch(Target<float>(tensor));
}

/// floor() of a level of 0 or more: no conversion to whole numbers, which are slow.
__device__ inline float floor_level(float level) {
  return __fadd_rd(level, 8388608.0F) - 8388608.0F;
}
/// The nearest whole level, of a half the upper.
__device__ inline float whole(float level) { return floor_level(level + 0.5F); }

}  // namespace lazarillo::gpu
