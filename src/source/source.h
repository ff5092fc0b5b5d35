#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/frame.h"
#include "source/source_tap.h"

namespace lazarillo {

struct CameraInfo {
  std::string name;                            ///< "video", "rgb", "slam-left", ...
  Intrinsics intrinsics;                       ///< of the camera's first picture
  std::shared_ptr<const Lens> lens = nullptr;  ///< as Frame::lens: null, a pinhole camera's
};

/// Where frames come from. One thread calls next(); stop() may be called from any other thread.
class Source {
 public:
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  /// Every camera of this source; Frame::stamp.camera indexes it. Known once the source is open.
  [[nodiscard]] virtual const std::vector<CameraInfo>& cameras() const = 0;

  /// The next frame, waiting for it where necessary; nullopt at the end of the stream and after
  /// stop(). Does not throw: a fault in the middle ends the stream and is told by fault().
  [[nodiscard]] virtual std::optional<Frame> next() = 0;

  /// Why the stream ended before it should have (damaged, cut short, unplugged): one line for the
  /// user. Empty while it runs and after an orderly end. Valid once next() has returned nullopt.
  [[nodiscard]] virtual std::string fault() const = 0;

  /// Length of the stream, ns, when it is known.
  [[nodiscard]] virtual std::optional<std::int64_t> duration_ns() const = 0;

  /// How many frames came too late and were passed over (SourceOptions::late_drop_ns). Thread-safe.
  [[nodiscard]] virtual std::uint64_t skipped() const { return 0; }

  /// Makes a waiting or later next() return nullopt. Thread-safe, callable more than once.
  virtual void stop() = 0;

 protected:
  Source() = default;
};

struct SourceOptions {
  double hfov_deg = 69.0;    ///< horizontal field of view where no calibration is known
  bool hfov_assumed = true;  ///< false when the user stated it
  /// The camera's lens, for pictures of any size and its shape; null: a pinhole camera. hfov_deg is
  /// then what the straight picture shows, which is as large as the bent one, upright; 0: as wide
  /// as the lens sees, 100 degrees at most (source/camera_view.h), and a lens that does not bend
  /// gives its own intrinsics.
  std::shared_ptr<const Lens> lens = nullptr;
  bool realtime = false;  ///< deliver frames when their timestamps fall due

  /// 0: the file's own timestamps. Otherwise frame k of the stream has its place at k / feed_fps,
  /// whatever the file says: a 10 FPS file can be fed at 240.
  double feed_fps = 0;

  /// At its orderly end the file begins again: sequence and stream_ns simply go on, the next frame
  /// one frame duration after the last. A fault ends the stream as it always does. Two passes are
  /// open at a time.
  bool loop = false;

  /// The first frame delivered is the first with stream_ns >= start_ns. It and all that follow are
  /// the frames of an uninterrupted run, with the same stream_ns, for every file whose own times
  /// need no repair (StreamClock). Found by a seek where the file has an index; then sequence, and
  /// under feed_fps the number k, are computed from the frame rate the file declares: exact when
  /// that is constant, else an estimate. Other files are decoded up to there, and all is exact.
  std::int64_t start_ns = 0;

  /// Realtime: the steady-clock moment of stream time 0. Without it the first frame asked for is
  /// due at once: stream time start_ns is the moment of that call.
  /// Live sources: the same; without it the first picture's.
  std::optional<std::int64_t> origin_ns = std::nullopt;

  /// Live sources: number of the first frame.
  std::uint64_t first_sequence = 0;

  /// Realtime: a frame that is late by more than this when it is decoded is passed over; it
  /// keeps its sequence number, and skipped() counts it. 0: every frame is delivered.
  /// A decoder that never catches up delivers nothing more: watch skipped().
  std::int64_t late_drop_ns = 0;

  /// Pictures are decoded on the NVIDIA card and stay in its memory (Frame::device). A codec that
  /// the card does not decode, a turned picture and pixels that are not square are refused.
  bool on_card = false;

  /// A camera's pictures are fetched by the NVIDIA card (Frame::device); files are refused.
  bool dma_buf = false;

  /// Cameras: "auto", or the mode that is wanted ("1280x720@30 JPEG"; source/camera_modes.h).
  std::string camera_mode = "auto";

  /// Streams: how long packets that are late are waited for, ms.
  int jitter_ms = 50;

  /// Cameras and streams: for how long one that is not there yet is looked for, s.
  double wait_s = 0;

  /// Aria: which camera ("rgb", "slam-left", ...), or "all" of them as one view (source/rig.h); and
  /// the program that reads it.
  std::string camera = "rgb";
  std::string aria_bridge = "lazarillo-aria";

  /// Told in one line when a live source is waited for, is lost, is back, and when it loses
  /// packets. Called by the thread that opens it, then by the one that calls next().
  std::function<void(const std::string&)> tell = nullptr;

  /// Told what comes besides frames, to record it; outlives the source. Not with dma_buf, start_ns
  /// or loop.
  SourceTap* tap = nullptr;
};

/// Opens a file (a path or a file: URI) that GStreamer can decode, or what live_address()
/// (source/live_address.h) knows, as open_live_source(); or Aria glasses and recordings, as
/// open_aria() (source/bridge_source.h). Throws Error(source) when it does not exist, is empty,
/// holds no picture stream, or its pictures are larger than 16384 a side; Error(usage) for options
/// that are out of range.
[[nodiscard]] std::unique_ptr<Source> open_source(const std::string& uri,
                                                  const SourceOptions& options);

/// Whether a source is seen as it happens: a camera, a stream, glasses. Throws Error as
/// live_address().
[[nodiscard]] bool is_live(const std::string& uri);

}  // namespace lazarillo
