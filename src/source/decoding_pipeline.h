#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "source/decode_chain.h"
#include "source/gstreamer_support.h"

namespace lazarillo {

/// filesrc ! a DecodeChain. Decodes a few pictures ahead of take(). Private to source/;
/// PictureDecoder says what is promised. One thread calls everything here; a stop request may come
/// from any.
class DecodingPipeline final : private PictureTaker {
 public:
  /// Returns when the first picture is there. Throws Error(source).
  DecodingPipeline(const std::filesystem::path& file, const std::stop_token& stop, bool on_card,
                   SourceTap* tap);
  ~DecodingPipeline() override;
  DecodingPipeline(const DecodingPipeline&) = delete;
  DecodingPipeline& operator=(const DecodingPipeline&) = delete;

  /// The next picture, waiting for it; no sample at the end, after a stop and when decoding has
  /// failed.
  PipelinePicture take();
  /// The next picture without taking it, waiting for it; null where take() would give none. Valid
  /// until the next take() or seek().
  const PipelinePicture* peek();
  /// Throws away what is decoded and goes to the last key picture not after the stream time. False
  /// when that does not work; the pipeline is then of no more use.
  bool seek(std::int64_t stream_time_ns);
  /// Ends the pictures with this fault, unless there was one before.
  void give_up(const std::string& why);
  /// Why the pictures ended early, or that some were left out because they are damaged; empty after
  /// an orderly end or a stop.
  [[nodiscard]] std::string fault() const;
  [[nodiscard]] std::optional<std::int64_t> duration_ns() const { return duration_ns_; }
  /// Whether a container knows where in the file a moment lies. A bare stream can only guess it.
  [[nodiscard]] bool has_index() const;

 private:
  static constexpr const char* kUnreadable = "cannot be read";
  static constexpr std::size_t kAhead = 4;  ///< pictures decoded ahead of take()
  void build(const std::filesystem::path& file, bool on_card, SourceTap* tap);
  void await_first(std::unique_lock<std::mutex>& lock);
  bool await_next(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool nobody_reads() const;
  void halt();
  void shut_down();
  void on_error(GstMessage* message);
  template <typename Condition>
  void await(std::unique_lock<std::mutex>& lock, Condition condition);

  // In GStreamer's threads.
  void fail(const std::string& why) override;
  void found() override;
  GstFlowReturn arrived(PipelinePicture picture) override;
  void damaged() override;
  void end() override;
  static void on_pad(GstElement*, GstPad* pad, DecodingPipeline* self);
  static GstPadProbeReturn on_flush(GstPad*, GstPadProbeInfo* info, void* self_pointer);
  static GstPadProbeReturn on_buffer(GstPad* pad, GstPadProbeInfo* info, void* self_pointer);
  static GstBusSyncReply on_message(GstBus*, GstMessage* message, void* self_pointer);

  const std::string name_;
  gstreamer::Ptr<GstElement> pipeline_;
  std::optional<DecodeChain> chain_;
  std::optional<std::int64_t> duration_ns_;

  // GStreamer's threads fill `ready_`; everything from here on is shared with them.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<PipelinePicture> ready_;
  bool linked_ = false;  // to a picture stream
  bool ended_ = false;
  bool stopped_ = false;
  bool flushing_ = false;        // what arrives is from before the seek
  std::string failure_;          // the first thing that went wrong
  std::uint64_t damaged_ = 0;    // pictures that were left out
  std::int64_t reached_ns_ = 0;  // end of the furthest data of any stream
  bool over_ = false;            // take() has given null
  // Last, so that it is gone before what it touches.
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace lazarillo
