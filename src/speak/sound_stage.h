#pragma once

#include <memory>
#include <span>

namespace lazarillo {

/// Places sounds around the listener's head (OpenAL Soft, HRTF) and plays them on the sound card or
/// renders them. Not thread-safe, but may move from thread to thread.
class SoundStage {
 public:
  enum class Output { device, rendered };

  /// Throws Error(sound): no sound card, or no HRTF.
  explicit SoundStage(Output output);
  ~SoundStage();

  /// Begins a sound with the next rendered sample (or at once): mono, -1..1, from `bearing_deg`
  /// (0 ahead, positive right) at ear height, as loud as `gain`. Returns a handle, never 0.
  /// `again_and_again`: until it is stopped.
  int play(std::span<const float> mono, int rate, double bearing_deg, double gain,
           bool again_and_again = false);
  /// Changes where a sound comes from, smoothly. Unknown handles are ignored.
  void move(int handle, double bearing_deg);
  /// Changes how loud a sound is, smoothly. Unknown handles are ignored.
  void set_gain(int handle, double gain);
  /// Fades a sound out within a few milliseconds. Unknown handles are ignored.
  void stop(int handle);
  [[nodiscard]] bool playing(int handle) const;
  [[nodiscard]] bool silent() const;

  /// The next samples: interleaved stereo, kSampleRate. Only when rendered.
  void render(std::span<float> stereo);
  /// Gives back what ended. render() does so too; call it now and then when there is a device.
  void tidy();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
