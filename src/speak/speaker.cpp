#include "speak/speaker.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "clock.h"
#include "speak/earcon.h"
#include "speak/sound_stage.h"
#include "speak/speech_queue.h"
#include "speak/voice.h"

namespace lazarillo {
namespace {

constexpr std::int64_t kNsPerS = 1'000'000'000;
constexpr std::int64_t kBlockFrames = 480;  // 10 ms: the grid of the queue's decisions
constexpr double kSpeechGain = 0.9;
// Of a sentence while an earcon sounds: the earcon's place must be heard.
constexpr double kDuckedGain = 0.15;
constexpr double kWayGain = 0.3, kHeartbeatGain = 0.5;

std::int64_t frames_at(std::int64_t ns) { return ns / 1000 * kSampleRate / 1'000'000; }
std::int64_t ns_at(std::int64_t frames) { return frames * kNsPerS / kSampleRate; }

/// Leaves a sample up to 0.8 as it is and bends what is louder towards 1: one sound alone is never
/// touched, and many at once do not clip.
float limited(float sample) {
  constexpr float kKnee = 0.8F;
  const float over = (std::abs(sample) - kKnee) / (1 - kKnee);
  if (over <= 0) return sample;
  return std::copysign(kKnee + (1 - kKnee) * std::tanh(over), sample);
}

}  // namespace

struct Speaker::Impl {
  Impl(SpeakerOptions speaker_options, SoundSink sound_sink)
      : options(std::move(speaker_options)),
        sink(std::move(sound_sink)),
        stage(options.device ? SoundStage::Output::device : SoundStage::Output::rendered),
        queue(static_cast<std::int64_t>(options.grace_ms * 1e6),
              static_cast<std::int64_t>(options.expire_s * 1e9)) {
    rendered_frames = options.first_frame;
    if (options.speech) voice.emplace(options.voice, options.words_per_minute);
  }

  SpeakerOptions options;
  SoundSink sink;
  SoundStage stage;
  std::optional<Voice> voice;
  SpeechQueue queue;
  int sentence = 0;  ///< handle of the sound of what is being said; 0: being synthesised
  std::optional<Voice::Result> synthesising;
  LastSaid last_said;
  std::int64_t ducked_until_ns = 0;  ///< an earcon sounds until then
  int way = 0;                       ///< handle of the tone; 0: none
  std::int64_t seen_ns = 0;          ///< when it was last told that the system sees
  std::int64_t heard_ns = 0;         ///< when something was last heard
  int failed = 0;
  std::int64_t rendered_frames = 0;
  std::vector<float> block;

  mutable std::mutex mutex;  ///< device: the ticking thread and the caller
  std::condition_variable_any wake;
  std::jthread ticker;  ///< last, so that it ends before what it uses

  void say(const Cue& cue, const std::string& text, std::int64_t now_ns) {
    // A newer sentence about the same hazard of the path replaces one that waits.
    Utterance utterance = utterance_of(cue, text, now_ns, now_ns);
    heard_ns = now_ns;
    if (options.earcons) {
      const std::span<const float> sound = earcon(cue);
      stage.play(sound, kSampleRate, cue.bearing_deg, gain_by_distance(cue.distance_m));
      const std::int64_t ends_ns = now_ns + ns_at(static_cast<std::int64_t>(sound.size()));
      ducked_until_ns = std::max(ducked_until_ns, ends_ns);
      stage.set_gain(sentence, kDuckedGain);
      utterance.not_before_ns = ends_ns + kAfterEarconNs;
    }
    if (!voice) return;
    (void)voice->request(text);  // begins while the earcon plays
    queue.add(std::move(utterance));
  }

  void seeing(bool sees, const std::optional<double>& way_deg, std::int64_t now_ns) {
    if (sees) seen_ns = now_ns;
    if (options.way_tone) {
      if (!sees || !way_deg) {
        stage.stop(std::exchange(way, 0));
      } else if (way == 0) {
        way = stage.play(lazarillo::way_tone(), kSampleRate, *way_deg, kWayGain, true);
      } else {
        stage.move(way, *way_deg);
      }
    }
    if (sentence != 0) heard_ns = now_ns;
    if (sees && options.heartbeat_s > 0 &&
        now_ns - heard_ns >= static_cast<std::int64_t>(options.heartbeat_s * 1e9)) {
      stage.play(heartbeat(), kSampleRate, 0, kHeartbeatGain);
      heard_ns = now_ns;
    }
  }

  /// Lets the queue decide for the moment `now_ns`.
  void step(std::int64_t now_ns) {
    if (way != 0) {
      if (now_ns - seen_ns > kSeeingNs) stage.stop(std::exchange(way, 0));
      const bool words = sentence != 0 || ducked_until_ns != 0;
      stage.set_gain(way, words ? kWayGain * kDuckedGain : kWayGain);
    }
    if (!voice) {
      if (now_ns >= ducked_until_ns) ducked_until_ns = 0;
      return;
    }
    if (ducked_until_ns != 0 && now_ns >= ducked_until_ns) {
      stage.set_gain(sentence, kSpeechGain);
      ducked_until_ns = 0;
    }
    if (sentence != 0 && !stage.playing(sentence)) {
      sentence = 0;
      queue.ended();
    }
    SpeechQueue::Step step = queue.step(now_ns);
    if (step.cut_off) {
      stage.stop(std::exchange(sentence, 0));
      synthesising.reset();
    }
    if (step.begin) {
      synthesising = voice->request(step.begin->text);
      last_said = {step.begin->text, step.begin->bearing_deg};
    }
    begin_when_ready();
  }

  void begin_when_ready() {
    if (!synthesising) return;
    // A replay waits for the synthesiser, so that it never depends on the machine's speed.
    if (options.device &&
        synthesising->wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      return;
    }
    const std::shared_ptr<const Speech> speech = synthesising->get();
    synthesising.reset();
    if (speech->samples.empty()) {
      ++failed;
      queue.ended();
      return;
    }
    const double gain = ducked_until_ns != 0 ? kDuckedGain : kSpeechGain;
    sentence = stage.play(speech->samples, speech->rate, queue.speaking()->bearing_deg, gain);
  }

  void render_until(std::int64_t now_ns) {
    const std::int64_t end = frames_at(now_ns);
    while (rendered_frames < end) {
      step(ns_at(rendered_frames));
      const std::int64_t to_grid = kBlockFrames - rendered_frames % kBlockFrames;
      const std::int64_t count = std::min(to_grid, end - rendered_frames);
      block.resize(static_cast<std::size_t>(2 * count));
      stage.render(block);
      std::transform(block.begin(), block.end(), block.begin(), limited);
      sink(block);
      rendered_frames += count;
    }
  }

  [[nodiscard]] bool busy() const { return !queue.idle() || !stage.silent(); }

  void tick(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      stage.tidy();
      step(steady_now_ns());
      wake.wait_for(lock, stop, std::chrono::milliseconds(10), [] { return false; });
    }
  }
};

Speaker::Speaker(SpeakerOptions options, SoundSink sink)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(sink))) {
  if (impl_->options.device) {
    impl_->ticker = std::jthread([this](const std::stop_token& stop) {
      if (impl_->options.thread_begins) impl_->options.thread_begins();
      impl_->tick(stop);
    });
  }
}

Speaker::~Speaker() = default;

void Speaker::say(const Cue& cue, const std::string& sentence, std::int64_t now_ns) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->options.device) impl_->render_until(now_ns);
  impl_->say(cue, sentence, impl_->options.device ? steady_now_ns() : now_ns);
}

void Speaker::seeing(bool sees, std::optional<double> way_deg, std::int64_t now_ns) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->options.device) impl_->render_until(now_ns);
  impl_->seeing(sees, way_deg, impl_->options.device ? steady_now_ns() : now_ns);
}

void Speaker::advance(std::int64_t now_ns) {
  if (impl_->options.device) return;
  impl_->render_until(now_ns);
}

void Speaker::hush() {
  const std::lock_guard lock(impl_->mutex);
  impl_->queue.hush();
}

LastSaid Speaker::last_said() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->last_said;
}

SpokenNow Speaker::spoken_now() const {
  const std::lock_guard lock(impl_->mutex);
  const std::optional<Utterance>& utterance = impl_->queue.speaking();
  return utterance ? SpokenNow{utterance->text, utterance->track} : SpokenNow{};
}

Speaker::Dropped Speaker::dropped() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->queue.expired(), impl_->queue.replaced(), impl_->queue.interrupted(),
          impl_->failed};
}

void Speaker::finish(double limit_s) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stage.stop(std::exchange(impl_->way, 0));
  }
  if (!impl_->options.device) {
    const std::int64_t begin = ns_at(impl_->rendered_frames);
    const auto limit = static_cast<std::int64_t>(limit_s * 1e9);
    std::int64_t now = begin;
    while (impl_->busy() && now - begin < limit) {
      now += kNsPerS / 100;
      impl_->render_until(now);
    }
    return;
  }
  std::unique_lock lock(impl_->mutex);
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                            std::chrono::duration<double>(limit_s));
  while (impl_->busy() && std::chrono::steady_clock::now() < deadline) {
    impl_->wake.wait_for(lock, std::chrono::milliseconds(10));
  }
}

}  // namespace lazarillo
