#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "ring/ring_writer.h"
#include "run/isolate/codec.h"
#include "run/isolate/shared_state.h"
#include "run/metrics.h"
#include "run/port.h"
#include "run/values.h"
#include "source/device_exchange.h"

// The sending ends between processes: each puts a stage's values into a ring. Thread-safe.

namespace lazarillo {

/// Frames into their ring: the one copy of their pixels that separate processes cost. A moment of
/// several cameras is one value. Pictures on an NVIDIA card are copied there, and the ring says
/// where.
class FrameLink final : public Sink<Frame> {
 public:
  /// `on_card`: null where pictures come in host memory.
  FrameLink(Ring ring, std::unique_ptr<DevicePictureExporter> on_card, Metrics& metrics)
      : writer_(std::move(ring)), on_card_(std::move(on_card)), metrics_(metrics) {}
  bool push(Frame frame) override;
  void close() { writer_.close(); }

 private:
  void describe_on_card(const Frame& frame, std::span<std::byte> slot, SlotRecord& record);

  RingWriter writer_;
  std::unique_ptr<DevicePictureExporter> on_card_;
  std::vector<const std::byte*> places_;  ///< slots whose pictures lie on the card
  Metrics& metrics_;
};

/// What was seen, and depth. Frames and breaks of vision reach the guide otherwise.
class SeenLink final : public Sink<GuideInput> {
 public:
  SeenLink(Ring ring, Metrics& metrics) : writer_(std::move(ring)), metrics_(metrics) {}
  bool push(GuideInput value) override;
  void close();

 private:
  std::mutex mutex_;  ///< detector and depth are two threads
  RingWriter writer_;
  Metrics& metrics_;
};

class SceneLink final : public Sink<Scene> {
 public:
  /// Keeps last_track and last_frame of `state` up to date.
  SceneLink(Ring ring, Metrics& metrics, SharedState& state)
      : writer_(std::move(ring)), metrics_(metrics), state_(state) {}
  bool push(Scene scene) override;
  void close() { writer_.close(); }

 private:
  RingWriter writer_;
  Metrics& metrics_;
  SharedState& state_;
  std::uint64_t depth_sequence_ = UINT64_MAX;  ///< of the depth map sent last
};

class ForesightLink final : public Sink<Foresight> {
 public:
  explicit ForesightLink(Ring ring) : writer_(std::move(ring)) {}
  bool push(Foresight foresight) override;

 private:
  RingWriter writer_;
};

/// Sound for the video: interleaved stereo, in order, each block with its place.
class SoundLink {
 public:
  /// Frames (pairs of samples) that one block can hold.
  static constexpr std::size_t kBlockFrames = 4800;
  SoundLink(Ring ring, std::int64_t first_frame)
      : writer_(std::move(ring)), next_frame_(first_frame) {}
  void push(std::span<const float> samples);
  void close() { writer_.close(); }

 private:
  RingWriter writer_;
  std::int64_t next_frame_;
};

/// For an output that nobody needs.
template <class T>
class NoSink final : public Sink<T> {
 public:
  bool push(T) override { return true; }
};

}  // namespace lazarillo
