#pragma once

#include <gst/gst.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "source/camera_modes.h"
#include "source/decode_chain.h"
#include "source/dma_buf_upload.h"
#include "source/gstreamer_support.h"
#include "source/live_address.h"
#include "source/packet_count.h"

namespace lazarillo {

struct LivePipelineOptions {
  bool on_card = false;      ///< as SourceOptions
  bool dma_buf = false;      ///< as SourceOptions; cameras only
  int jitter_ms = 50;        ///< as SourceOptions
  ModeWish mode;             ///< cameras only
  SourceTap* tap = nullptr;  ///< as SourceOptions
};

/// One connection to a camera or stream, from its opening to its end:
///   cameras  v4l2src ! the best mode ! a DecodeChain
///            v4l2src io-mode=dmabuf ! NV12 or grey ! appsink, fetched by the card
///   streams  rtspsrc, souphttpsrc, udpsrc, srtsrc, rtpsrc ! a DecodeChain
/// The newest picture wins: one that waits while a newer comes is dropped. Private to source/. One
/// thread uses it.
class LivePipeline final : private PictureTaker {
 public:
  struct Picture {
    DecodedPicture decoded;
    /// When it came here, or was taken where the sender's times tell it: the system's monotonic
    /// clock, ns. Never in the future.
    std::int64_t capture_ns = 0;
    std::uint64_t number = 0;  ///< in this connection, from 0; dropped ones count
  };

  /// Begins to connect. Throws Error(source) where that cannot work at all, e.g. no such camera,
  /// and Error(usage) for a mode that the camera has not.
  LivePipeline(const LiveAddress& address, const LivePipelineOptions& options);
  ~LivePipeline() override;
  LivePipeline(const LivePipeline&) = delete;
  LivePipeline& operator=(const LivePipeline&) = delete;

  /// The newest picture that was not taken yet, waiting for it; nullopt when none came in time,
  /// after a stop, and when there will be none any more.
  std::optional<Picture> take(std::chrono::milliseconds patience, const std::stop_token& stop);

  /// Why there will be no more pictures; empty while there may be. The line follows the source's
  /// name.
  [[nodiscard]] std::string failure() const;

  /// Whether the failure lasts: it is there, and wants a password or gives what cannot be used.
  /// What is away, ends, or gives nothing may come yet.
  [[nodiscard]] bool lasting() const;

  /// What was lost on the way; nullopt: not RTSP by UDP.
  [[nodiscard]] std::optional<Packets> packets() const;

 private:
  void build_camera(const LiveAddress& address);
  void build_dma_buf(const LiveAddress& address);
  void build_rtsp(const LiveAddress& address);
  void build_stream(const LiveAddress& address);
  GstElement* add(GstElement* element);
  DecodeChain& add_chain(bool joins = false);
  [[nodiscard]] std::int64_t taken_ns(GstSample* sample) const;
  std::optional<Picture> finish(PipelinePicture picture, std::uint64_t number);

  // In GStreamer's threads.
  void fail(const std::string& why) override { give_up(why, true); }
  void give_up(const std::string& why, bool lasting);
  void found() override {}
  GstFlowReturn arrived(PipelinePicture picture) override;
  void damaged() override {}  // what lacks is not seen; nobody counts it
  void end() override;
  void on_error(GstMessage* message);
  static GstBusSyncReply on_message(GstBus*, GstMessage* message, void* self_pointer);
  static gboolean on_select_stream(GstElement*, guint, GstCaps* caps, LivePipeline*);
  static void on_stream(GstElement*, GstPad* pad, LivePipeline* self);

  void refuse_recording();

  const LivePipelineOptions options_;
  const bool may_be_recording_;  ///< by HTTP one may get a file as well
  gstreamer::Ptr<GstElement> pipeline_;
  std::optional<DecodeChain> chain_;
  std::optional<DmaBufUpload> upload_;
  std::optional<PacketCount> packets_;  // RTSP

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  PipelinePicture newest_;     // sample null: none that was not taken
  std::uint64_t arrived_ = 0;  // so many came
  bool taken_ = false;         // one was taken
  std::string failure_;
  bool lasting_ = false;  // the failure
};

}  // namespace lazarillo
