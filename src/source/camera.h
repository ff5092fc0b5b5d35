#pragma once

#include <memory>
#include <string>

#include "source/source.h"

namespace lazarillo {

/// Whether a path names a V4L2 device: "/dev/video0", or a link to one ("/dev/v4l/by-id/...").
[[nodiscard]] bool is_camera(const std::string& path);

/// Opens a V4L2 camera whose buffers, NV12 or grey, the NVIDIA card fetches itself: v4l2src in
/// io-mode=dmabuf ! appsink, frames as Frame::device. The newest picture wins; one that waits while
/// a newer comes is dropped by GStreamer. Stream time is the camera's own, from its first picture.
/// Returns when that is there. Throws Error(source): no such camera, in use, exports no DMA-BUF,
/// gives neither NV12 nor grey, no picture within 10 s; Error(model): no card;
/// Error(usage): options that only files have, or not live.
[[nodiscard]] std::unique_ptr<Source> open_camera(const std::string& device,
                                                  const SourceOptions& options);

}  // namespace lazarillo
