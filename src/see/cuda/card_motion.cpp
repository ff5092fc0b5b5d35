#include "see/card_motion.h"

#include <utility>

#include "gpu/memory.h"
#include "see/cuda/motion.h"
#include "source/device_picture.h"

namespace lazarillo {
namespace {

class CudaMotion final : public CardMotion {
 public:
  CudaMotion() {
    (void)gpu_info();
    stream_ = gpu::make_stream(true);
    reference_.values = gpu::DeviceBuffer(gpu::kSmallPictureValues * sizeof(float));
    current_.values = gpu::DeviceBuffer(gpu::kSmallPictureValues * sizeof(float));
    scratch_ = gpu::DeviceBuffer(gpu::kMotionScratchValues * sizeof(float));
    device_found_ = gpu::DeviceBuffer(sizeof(gpu::MotionFound));
    found_ = gpu::PinnedBuffer(sizeof(gpu::MotionFound));
  }

  [[nodiscard]] Motion measure(const Frame& frame, double most_noise) override {
    Motion motion;
    motion.frame_width = frame.width;
    motion.frame_height = frame.height;
    current_.width = 0;
    measured_ = true;
    const DevicePicture& picture = *frame.device;
    gpu::reduce_luma(
        {picture.luma, picture.luma_pitch, frame.width, frame.height, picture.full_range},
        current_.values.as<float>(), stream_.get());
    const bool comparable = reference_.width == frame.width && reference_.height == frame.height;
    // What the picture is like by itself is found without a reference, too.
    gpu::measure_motion((comparable ? reference_ : current_).values.as<float>(),
                        current_.values.as<float>(), most_noise, scratch_.as<float>(),
                        device_found_.as<gpu::MotionFound>(), stream_.get());
    gpu::copy_to_host(found_.as<void>(), device_found_.data(), sizeof(gpu::MotionFound),
                      stream_.get());
    gpu::check(cudaEventRecord(done_.get(), stream_.get()), "measuring motion");
    gpu::check(cudaEventSynchronize(done_.get()), "measuring motion");
    current_.width = frame.width;
    current_.height = frame.height;
    const auto& found = *found_.as<gpu::MotionFound>();
    motion.light = found.light;
    motion.repeated = comparable && found.repeated != 0;
    if (!comparable || found.scene_change != 0) {
      motion.scene_change = true;
      motion.cells.set();
      return motion;
    }
    motion.shift_x_px = found.shift_x * frame.width / SmallPicture::width;
    motion.shift_y_px = found.shift_y * frame.height / SmallPicture::height;
    motion.zoom = found.zoom;
    motion.gain = found.gain;
    for (std::size_t i = 0; i < motion.cells.size(); ++i) {
      motion.cells[i] = (found.cells[i / 32] >> (i % 32) & 1U) != 0;
    }
    return motion;
  }

  void set_reference() override {
    if (!measured_) return;
    std::swap(reference_, current_);
    measured_ = false;
  }

 private:
  struct View {
    gpu::DeviceBuffer values;
    int width = 0, height = 0;  ///< of the frame; 0: none
  };
  View reference_, current_;
  bool measured_ = false;  ///< current is newer than the reference
  gpu::Stream stream_;
  gpu::Event done_ = gpu::make_event();
  gpu::DeviceBuffer scratch_, device_found_;
  gpu::PinnedBuffer found_;
};

}  // namespace

std::unique_ptr<CardMotion> make_card_motion() { return std::make_unique<CudaMotion>(); }

}  // namespace lazarillo
