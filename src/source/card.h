#pragma once

#include <gst/gst.h>

// Pictures that GStreamer decodes on the NVIDIA card and leaves there. Private to source/.

namespace lazarillo::card {

/// The context in which CUDA's runtime works, as GStreamer's elements take it. The caller owns it.
/// Throws Error(source) when this program was built without, or there is no card.
[[nodiscard]] GstContext* make_context();

/// What GStreamer's elements ask for with a message NEED_CONTEXT.
inline constexpr const char* kContextType = "gst.cuda.context";

/// Of gst_video_frame_map(), to get addresses of the device (GST_MAP_READ | GST_MAP_CUDA; the
/// latter stands in a header of GStreamer's that not everybody has).
inline constexpr GstMapFlags kMapFlags =
    static_cast<GstMapFlags>(GST_MAP_READ | (GST_MAP_FLAG_LAST << 1));

/// Caps of pictures in the card's memory.
inline constexpr const char* kCaps =
    "video/x-raw(memory:CUDAMemory),format=NV12,pixel-aspect-ratio=1/1";

}  // namespace lazarillo::card
