#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "guide/cue.h"

namespace lazarillo {

struct SpeakerOptions {
  bool speech = true;
  bool earcons = true;
  std::string voice = "es";    ///< espeak-ng voice
  int words_per_minute = 190;  ///< speaking rate
  double grace_ms = 170;       ///< how long a lesser sentence may go on once a critical cue came
  double expire_s = 2.5;       ///< a sentence that waited longer is no longer worth saying
  /// While the system sees and nothing is heard: a tick so often; 0: none.
  double heartbeat_s = 0;
  bool way_tone = false;  ///< a soft tone goes on, from where the way is free
  bool device = false;    ///< true: sound card; false: rendered through `sink`
  /// Called first by the thread that times sentences on a sound card (its name, its priority).
  std::function<void()> thread_begins;
  std::int64_t first_frame = 0;  ///< rendered: place of the first sample, in pairs of samples
};

inline constexpr int kSampleRate = 48000;
/// A breath between an earcon and its sentence.
inline constexpr std::int64_t kAfterEarconNs = 10'000'000;

/// Receives rendered sound in order, without gaps: interleaved stereo, 48 kHz, -1..1. The first
/// sample is stream time 0, or SpeakerOptions::first_frame.
using SoundSink = std::function<void(std::span<const float>)>;

/// The sentence that was begun last.
struct LastSaid {
  std::string text;  ///< empty: none yet
  double bearing_deg = 0;
};

struct SpokenNow {
  std::string text;  ///< the sentence being heard at the asked time; empty when there is none
  int track = 0;
};

/// Makes cues audible: an earcon at once, placed at the true bearing by HRTF (elevation 0), and a
/// sentence from the same place. Sentences queue by priority; a critical one cuts off a lesser one
/// after the grace; earcons never wait for speech, which is ducked while they sound. Rendered,
/// everything happens in stream time: the same calls give the same samples. Not thread-safe: one
/// thread at a time calls it, in stream order.
class Speaker {
 public:
  /// Throws Error(sound): no sound card (with `device`), no HRTF, no espeak-ng or no such voice.
  Speaker(SpeakerOptions options, SoundSink sink);
  ~Speaker();

  /// Gives a cue its sound, starting at stream time `now_ns` (rendered) or at once (device).
  void say(const Cue& cue, const std::string& sentence, std::int64_t now_ns);

  /// Whether the system sees at `now_ns`, and where the way is free (0 ahead, positive right;
  /// nullopt: nowhere, or not known): for the heartbeat and the tone. What was told by it holds for
  /// kSeeingNs, so that a system that hangs falls silent.
  void seeing(bool sees, std::optional<double> way_deg, std::int64_t now_ns);
  static constexpr std::int64_t kSeeingNs = 500'000'000;

  /// Moves the sound's clock to `now_ns`: renders up to it, starts and ends what falls due.
  void advance(std::int64_t now_ns);

  /// Muted: what is waiting or being said is dropped, but for what is critical.
  void hush();

  [[nodiscard]] SpokenNow spoken_now() const;
  [[nodiscard]] LastSaid last_said() const;

  /// Cues whose sentence was not said, or not to its end, by reason.
  struct Dropped {
    int expired = 0;      ///< waited longer than expire_s
    int replaced = 0;     ///< by a newer one about the same track
    int interrupted = 0;  ///< by a critical one
    int failed = 0;       ///< espeak-ng gave no sound
  };
  [[nodiscard]] Dropped dropped() const;

  /// Lets what is being said end (at most `limit_s`), then stops.
  void finish(double limit_s = 3.0);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazarillo
