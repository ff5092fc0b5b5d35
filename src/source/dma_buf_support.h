#pragma once

#include <filesystem>
#include <string>
#include <vector>

// What this machine offers of DMA-BUF, for `doctor` and for opening a camera. A machine without any
// of it, or without a card, is no error.

namespace lazarillo {

/// Where to look; tests name trees of their own.
struct SystemRoots {
  std::filesystem::path sys = "/sys";
  std::filesystem::path dev = "/dev";
};

/// Whether the kernel module nvidia_peermem is loaded: GPUDirect RDMA for network cards that do not
/// use DMA-BUF.
[[nodiscard]] bool has_peermem(const SystemRoots& roots = {});

/// What gives a program DMA-BUFs without any camera, by device: "/dev/udmabuf" (of shared memory),
/// "/dev/dma_heap/system", "/dev/dri/card0 (vgem)"; sorted. Whether this user may open them is not
/// tried.
[[nodiscard]] std::vector<std::string> dma_buf_makers(const SystemRoots& roots = {});

/// A V4L2 camera.
struct CameraSupport {
  std::filesystem::path device;      ///< "/dev/video0"
  std::string name;                  ///< as its driver calls it
  std::vector<std::string> formats;  ///< four letters each, the driver's order: "YUYV", "MJPG"
  bool exports = false;              ///< its buffers as DMA-BUF
  bool card_reads = false;           ///< the NVIDIA card can read these
  std::string how;                   ///< the card does; or why not, or why nothing could be asked
  /// Pictures that the card takes as they are: NV12 or GREY.
  [[nodiscard]] bool gives_plain_pictures() const;
};

/// Asks a device: it is opened, one buffer is allocated, exported, tried on the card and given
/// back; the camera is not started. One that another program is using cannot be asked.
[[nodiscard]] CameraSupport ask_camera(const std::filesystem::path& device);

/// Every device that captures pictures; those for other things (metadata, output, codecs) are left
/// out.
[[nodiscard]] std::vector<CameraSupport> cameras_here(const SystemRoots& roots = {});

}  // namespace lazarillo
