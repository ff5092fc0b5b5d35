#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "see/motion.h"
#include "see/registration.h"

// Motion between two pictures, measured on the GPU. As kernels.h in everything else.

namespace lazarillo::gpu {

/// A plane of luma in device memory.
struct LumaPicture {
  const std::uint8_t* luma = nullptr;
  int pitch = 0;  ///< bytes from row to row
  int width = 0, height = 0;
  bool full_range = false;  ///< levels 0..255 instead of 16..235
};

/// SmallPicture in device memory: its three planes one after the other, floats.
inline constexpr std::size_t kSmallPictureValues =
    std::size_t{SmallPicture::width} * SmallPicture::height * 21 / 16;
/// What measure_motion() needs besides, floats.
inline constexpr std::size_t kMotionScratchValues =
    std::size_t{3} * SmallPicture::width * SmallPicture::height;

/// What goes back to the host.
struct MotionFound {
  double shift_x = 0, shift_y = 0;  ///< small pixels, as Registration
  double zoom = 1, gain = 1;
  std::int32_t scene_change = 0;  ///< 1: nothing above counts, and every cell is changed
  std::int32_t repeated = 0;      ///< 1: as Motion::repeated
  PictureLight light{};
  /// Bit i of the whole: Motion::cells[i].
  std::array<std::uint32_t, (Motion::columns * Motion::rows + 31) / 32> cells{};
};
static_assert(sizeof(MotionFound) == 112);

/// Registrar::reduce() of a picture's luma, in full range: the same values as of a grey frame.
void reduce_luma(const LumaPicture& picture, float* small, cudaStream_t stream);

/// Registrar::match() and what MotionMeter makes of it. Sums are taken in another order than on the
/// processor: what it finds differs by rounding. One block does all: it is a chain of some dozen
/// small steps that wait for each other.
void measure_motion(const float* reference, const float* picture, double most_noise, float* scratch,
                    MotionFound* found, cudaStream_t stream);

}  // namespace lazarillo::gpu
