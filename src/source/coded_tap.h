#pragma once

#include <gst/gst.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "source/source_tap.h"

namespace lazarillo {

/// Takes the coded pictures of a decodebin's stream on their way into the decoder, from the first
/// one on. Which of several decoders counts is known later: until then pictures wait here. Private
/// to source/; GStreamer's threads call it.
class CodedTap {
 public:
  /// `taker` and `pipeline` outlive it.
  CodedTap(GstElement* pipeline, SourceTap& taker, bool live)
      : pipeline_(pipeline), taker_(taker), live_(live) {}

  /// A decoder of pictures that decodebin put in.
  void watch(GstElement* decoder);
  /// The pad that pictures come from: its decoder is the one, and where there is none, the pad.
  void choose(GstPad* pad);

 private:
  void take(GstPad* pad, GstBuffer* buffer);
  [[nodiscard]] GstPad* decoder_before(GstPad* pad);
  [[nodiscard]] CodedPicture picture_of(GstPad* pad, GstBuffer* buffer);
  static GstPadProbeReturn on_buffer(GstPad* pad, GstPadProbeInfo* info, void* self);

  GstElement* const pipeline_;
  SourceTap& taker_;
  const bool live_;
  std::mutex mutex_;
  std::map<GstPad*, std::vector<CodedPicture>> early_;  ///< by a decoder's input
  GstPad* chosen_ = nullptr;
  std::optional<std::int64_t> first_ns_;  ///< a file's first picture, running time
};

}  // namespace lazarillo
