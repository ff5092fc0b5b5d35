#pragma once

#include <gst/gst.h>

#include <string>
#include <string_view>

/// What GStreamer's caps tell of a stream. Private to source/.
namespace lazarillo {

/// Media type of the first structure, e.g. "video/x-h264"; empty when there is none.
[[nodiscard]] std::string_view name_of(const GstCaps* caps);

/// Streams that live beside the pictures and are of no use here: sound, subtitles.
[[nodiscard]] bool is_bystander(std::string_view caps_name);

/// What is wrong with the picture size that caps declare, as displayed with square pixels; empty
/// when nothing is, or when they declare none.
[[nodiscard]] std::string size_complaint(const GstCaps* caps, int largest_side);

}  // namespace lazarillo
