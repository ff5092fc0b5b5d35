#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "source/camera_turn.h"
#include "source/head_motion.h"
#include "source/intrinsics.h"

namespace lazarillo {

/// Which picture a value was computed from, and when that picture was taken. Every value that
/// travels through the program carries the stamp of its frame, so latency is a subtraction.
struct FrameStamp {
  int camera = 0;  ///< index into Source::cameras()
  std::uint64_t sequence =
      0;  ///< number of the frame in the stream, from 0; passed-over frames keep theirs
  /// When the picture was taken, std::chrono::steady_clock, ns. For a file played in real time it
  /// is the moment its timestamp fell due; for a file played fast, the moment it was asked for.
  std::int64_t capture_ns = 0;
  /// Position in the stream, ns from the first frame: the virtual clock of a replay, and the time
  /// axis of audio.wav and overlay.mp4. The same file gives the same values in every run.
  std::int64_t stream_ns = 0;
};

class Lens;
struct DevicePicture;
struct FrameSet;

/// Whether a picture shows anything, whatever it is.
enum class PictureState : std::uint8_t {
  clear,
  dark,      ///< hardly any light
  blocked,   ///< nothing but one even surface: a hand on the lens, a wall before it
  repeated,  ///< the picture before, to the last bit: the camera hangs
  bright,    ///< white all over: the sun in the lens, fog, an exposure that fails
  blurred,   ///< far out of focus, or something on the lens; large things are still seen
};

/// Whether there is anything to be seen in such a picture.
[[nodiscard]] constexpr bool shows_something(PictureState state) {
  return state == PictureState::clear || state == PictureState::blurred;
}

enum class PixelFormat : std::uint8_t { bgr8, gray8, nv12 };

/// One picture, in host memory unless it says otherwise. Read-only once published; copying a Frame
/// shares its pixels, which live until the last copy is gone. Safe to read from several threads.
struct Frame {
  FrameStamp stamp;
  /// The pinhole camera whose pixels boxes, depth maps and bearings are counted in.
  Intrinsics intrinsics;
  int width = 0;
  int height = 0;
  std::ptrdiff_t stride_bytes = 0;  ///< distance of two rows, >= width * bytes per pixel
  PixelFormat format = PixelFormat::bgr8;
  std::shared_ptr<const std::uint8_t> pixels;  ///< height * stride_bytes bytes
  /// nv12: the pixels lie in the memory of the NVIDIA card, and `pixels` is null.
  std::shared_ptr<const DevicePicture> device{};
  /// null: the pixels are those of `intrinsics`. Else they are as this lens bends them (width and
  /// height are its picture's), and `intrinsics` is the camera of the straight picture that see/
  /// makes of them for the networks and show/ for people (see/rectify.h). One for all frames of a
  /// camera: what is computed from it is kept by its address.
  std::shared_ptr<const Lens> lens{};
  /// How the camera has turned since its first picture, where it was not known counted as not at
  /// all; unset: nobody looked. Capture finds it (see/picture_watch.h), and what follows. A sum, so
  /// that a frame that is dropped on the way takes nothing with it.
  std::optional<CameraTurn> turned{};
  /// How the head is held and goes, where an IMU beside the camera tells; unset: nothing does.
  std::optional<HeadMotion> head{};
  PictureState state = PictureState::clear;
  /// Where several cameras are one view: the other pictures of this moment (source/rig.h); then
  /// `stamp.sequence` counts moments. null: there is one camera.
  std::shared_ptr<const FrameSet> set{};
};

}  // namespace lazarillo
