#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "source/decoded_picture.h"
#include "source/gstreamer_support.h"
#include "source/jpeg_stream.h"

namespace lazarillo {

/// A picture as a pipeline gives it.
struct PipelinePicture {
  gstreamer::Ptr<GstSample> sample;
  DecodedJpeg jpeg;  ///< the card's, where the sample is still compressed
};

/// The pixels of a picture, in memory that is mapped as long as anybody holds them; nullopt where
/// they cannot be read.
[[nodiscard]] std::optional<DecodedPicture> decoded_picture(PipelinePicture picture, bool on_card);

/// Whom a DecodeChain tells what comes of the bytes: in GStreamer's threads.
class PictureTaker {
 public:
  virtual ~PictureTaker() = default;
  /// Why there will be no (more) pictures; the line follows the source's name.
  virtual void fail(const std::string& why) = 0;
  /// There is a picture stream.
  virtual void found() = 0;
  /// GST_FLOW_FLUSHING when it is not wanted any more.
  virtual GstFlowReturn arrived(PipelinePicture picture) = 0;
  /// A picture was left out.
  virtual void damaged() = 0;
  virtual void end() = 0;
};

/// From compressed bytes of any sort to pictures:
///   decodebin ! videoconvert ! videoscale ! videoflip ! BGR, square pixels ! appsink
/// and on the card
///   decodebin ! NV12 in the card's memory, square pixels ! appsink
/// or, for Motion JPEG out of a container, image/jpeg ! appsink, decoded here. Of several picture
/// streams the first is taken; everything else flows away undecoded. Private to source/.
class DecodeChain {
 public:
  /// Adds its elements to the pipeline, which then is fed through decoder(). `taker` and `pipeline`
  /// outlive it. `live`: what comes is a camera's, now: JPEGs one
  /// to a buffer; decoders hold no picture back to work on several, and leave out what was damaged
  /// on the way, asking the sender for a picture that stands by itself. Throws Error(source) when
  /// there is no card.
  DecodeChain(GstElement* pipeline, PictureTaker& taker, bool on_card, bool live = false);
  DecodeChain(const DecodeChain&) = delete;
  DecodeChain& operator=(const DecodeChain&) = delete;

  [[nodiscard]] GstElement* decoder() const { return decoder_; }
  /// What decoded pictures go into first.
  [[nodiscard]] GstElement* entry() const { return entry_; }
  [[nodiscard]] GstElement* sink() const { return sink_; }

  /// To be called for what the pipeline's bus says, in the thread that says it.
  void hear(GstMessage* message);
  /// The decoder that was wanted and is not there, as a line after the source's name; or empty.
  [[nodiscard]] std::string missing_plugin() const;

 private:
  static constexpr const char* kJpeg = "image/jpeg";
  void connect(const char* signal, GCallback callback);
  bool finish(PipelinePicture& picture);
  void on_missing_plugin(GstMessage* message);

  static GstFlowReturn on_sample(GstAppSink* sink, void* self_pointer);
  static void on_end(GstAppSink* sink, void* self_pointer);
  static int on_select(GstElement*, GstPad*, GstCaps*, GstElementFactory* factory, DecodeChain*);
  static gboolean on_plug(GstElement*, GstPad*, GstCaps* caps, DecodeChain* self);
  static void on_element(GstBin*, GstElement* element, DecodeChain*);
  static void on_pad(GstElement*, GstPad* pad, DecodeChain* self);
  static void on_all_pads(GstElement*, DecodeChain* self);
  static GstPadProbeReturn on_event(GstPad*, GstPadProbeInfo* info, void* self_pointer);
  static GstPadProbeReturn on_query(GstPad*, GstPadProbeInfo* info, void*);

  GstElement* const pipeline_;
  PictureTaker& taker_;
  const bool on_card_;
  const bool live_;
  gstreamer::Ptr<GstContext> card_context_;
  GstElement* decoder_ = nullptr;  // these three are the pipeline's
  GstElement* entry_ = nullptr;
  GstElement* sink_ = nullptr;
  std::unique_ptr<JpegStream> jpegs_;  // made and used by the thread that brings pictures

  mutable std::mutex mutex_;
  bool linked_ = false;
  bool turned_ = false;  // it is to be shown turned
  std::string missing_plugin_;
};

}  // namespace lazarillo
