#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "source/coded_tap.h"
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

struct DecodeOptions {
  bool on_card = false;  ///< pictures stay in the NVIDIA card's memory
  /// What comes is a camera's, now: JPEGs one to a buffer; decoders hold no picture back to work on
  /// several; pictures that something was lost of on the way are left out, and the sender is asked
  /// for one that stands by itself.
  bool live = false;
  bool joins = false;        ///< live: the first picture may lack its beginning
  SourceTap* tap = nullptr;  ///< as SourceOptions
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
  /// outlive it. Throws Error(source) when there is no card.
  DecodeChain(GstElement* pipeline, PictureTaker& taker, const DecodeOptions& options);
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
  static GstPadProbeReturn on_coded(GstPad*, GstPadProbeInfo* info, void* self_pointer);

  GstElement* const pipeline_;
  PictureTaker& taker_;
  const DecodeOptions options_;
  gstreamer::Ptr<GstContext> card_context_;
  GstElement* decoder_ = nullptr;  // these three are the pipeline's
  GstElement* entry_ = nullptr;
  GstElement* sink_ = nullptr;
  std::optional<CodedTap> tap_;
  std::unique_ptr<JpegStream> jpegs_;  // made and used by the thread that brings pictures

  // Of the one thread that feeds the decoder.
  bool fed_ = false;
  std::optional<std::int64_t> gap_ns_;  // since then pictures lack what was lost

  mutable std::mutex mutex_;
  bool linked_ = false;
  bool turned_ = false;  // it is to be shown turned
  std::string missing_plugin_;
};

}  // namespace lazarillo
